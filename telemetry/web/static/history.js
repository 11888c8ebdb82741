// What is over: alerts, and changes of state where they are wanted. Asked for when the section comes into sight.

import { get } from "./api.js";
import { byId, make, put } from "./dom.js";
import { tell, texts, worded } from "./texts.js";
import { duration, exact, grouped, moment, now } from "./time.js";

const PAGE = 50;
const TYPING = 300;
const LEVELS = ["critical", "error", "warning", "info"];
const AGAIN_AFTER = 1_000;

let inputs = {};
let shown = 0;
let seen = false;
let waiting = null;
let refreshing = null;
let latest = 0;

export function historyRow(alert, withWho = true) {
  const when = make("time", { datetime: exact(alert.timestamp), title: exact(alert.timestamp), text: moment(alert.timestamp) });
  const level = make("span", { class: "level", data: { level: alert.level }, text: texts.levels[alert.level] ?? alert.level });
  const lasted = alert.resolved_at ? duration(alert.resolved_at - alert.timestamp) : alert.resolved ? "" : texts.history.stillOpen;
  const by = alert.acknowledged_by ? texts.alerts.acknowledged(alert.acknowledged_by, "") : "";
  const message = make("span");
  tell(message, alert.message);
  const what = make("td", { class: "what" }, message, by ? make("small", { text: by }) : null);
  return make(
    "tr", {},
    make("td", { class: "when" }, when),
    make("td", {}, level),
    withWho ? make("td", { class: "who", text: alert.agent_name }) : null,
    what,
    make("td", { class: "lasted", text: alert.rule === "state_changed" ? "" : lasted }),
  );
}

export function setUpHistory(again = false) {
  const before = again ? values() : {};
  const words = texts.history;
  const select = (options) => make("select", {}, ...options.map(([value, name]) => new Option(name, value)));
  const range = Object.entries(words.ranges).sort(([a], [b]) => (a === "0") - (b === "0") || a - b);
  inputs = {
    level: select([["", words.any], ...LEVELS.map((level) => [level, texts.levels[level]])]),
    agent: make("input", { type: "search", autocomplete: "off", spellcheck: "false", maxlength: "128" }),
    text: make("input", { type: "search", autocomplete: "off", spellcheck: "false", maxlength: "200", placeholder: words.textHint }),
    range: select(range),
    changes: make("input", { type: "checkbox" }),
  };
  inputs.range.value = "0";
  const label = (name) => make("label", { class: name === "changes" ? "check" : "field" }, make("span", { text: words[name] }), inputs[name]);
  const form = byId("history-form");
  form.replaceChildren(...Object.keys(inputs).map(label));
  for (const [name, value] of Object.entries(before)) {
    inputs[name][name === "changes" ? "checked" : "value"] = value;
  }
  const head = Object.values(words.columns).map((name) => make("th", { scope: "col", text: name }));
  byId("history-table").replaceChildren(make("table", { class: "events" }, make("thead", {}, make("tr", {}, ...head)), make("tbody")));
  if (again) {
    if (seen) {
      fetchPage();
    }
    return;
  }
  form.addEventListener("input", () => later(TYPING));
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("history-more").addEventListener("click", () => fetchPage(true));
  new IntersectionObserver((entries, observer) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      observer.disconnect();
      seen = true;
      fetchPage();
    }
  }, { rootMargin: "300px" }).observe(byId("history"));
}

/** Something is over, or an agent in another state, so the first page may be another. */
export function historyChanged(isAlert) {
  if (seen && refreshing === null && shown <= PAGE && (isAlert || inputs.changes.checked)) {
    refreshing = setTimeout(() => {
      refreshing = null;
      fetchPage();
    }, AGAIN_AFTER);
  }
}

function later(milliseconds) {
  clearTimeout(waiting);
  waiting = setTimeout(fetchPage, milliseconds);
}

function values() {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, name === "changes" ? input.checked : input.value]));
}

async function fetchPage(more = false) {
  const { level, agent, text, range, changes } = values();
  const wanted = (latest += 1);
  const since = range === "0" ? "" : (now() - Number(range)).toFixed(0);
  try {
    const asked = { level, agent: agent.trim(), text: text.trim(), since, changes: changes || "", limit: PAGE, offset: more === true ? shown : 0 };
    const page = await get("alerts/history", asked);
    if (wanted === latest) {
      showPage(page, more === true);
    }
  } catch (error) {
    byId("history-none").hidden = false;
    put(byId("history-none"), texts.history.problem(worded(error.message)));
  }
}

function showPage(page, more) {
  const table = byId("history-table").firstChild;
  const rows = page.alerts.map((alert) => historyRow(alert));
  if (more) {
    table.tBodies[0].append(...rows);
  } else {
    table.tBodies[0].replaceChildren(...rows);
  }
  shown = table.tBodies[0].rows.length;
  table.hidden = shown === 0;
  byId("history-none").hidden = shown > 0;
  put(byId("history-none"), texts.history.none);
  put(byId("history-count"), shown === 0 ? "" : texts.history.shown(grouped(shown), grouped(page.total)));
  byId("history-more").hidden = shown >= page.total || page.alerts.length === 0;
}
