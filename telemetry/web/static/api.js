// Questions to the API: one clear line where one fails, and to the login where nobody is known.

const PATIENCE = 10_000;

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? `no answer within ${PATIENCE / 1000} s` : "no connection");
  }
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const failure = new Error(typeof said.detail === "string" ? said.detail : `status ${answer.status}`);
    failure.status = answer.status;
    throw failure;
  }
  return said;
}

/** The answer to a question; parameters that are empty are left out. */
export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  return ask(`/api/v1/${path}${query ? `?${query}` : ""}`);
}

export function post(path, body) {
  const headers = { "content-type": "application/json" };
  return ask(`/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

export function remove(path) {
  return ask(`/api/v1/${path}`, { method: "DELETE" });
}
