// How it is with the monitor itself: its checks, its sources, who is told, and every backend.

import { get } from "./api.js";
import { byId, keyed, make, put, set } from "./dom.js";
import { every, isLive, items } from "./stream.js";
import { tell, texts, worded } from "./texts.js";
import { duration, grouped, now } from "./time.js";

const EVERY = 10_000;

let sources = null;
let problem = "";
let askedAt = 0;
let inSight = false;

export function setUpHealth(again = false) {
  const parts = ["monitor", "sources", "channels", "backends"];
  byId("health-parts").replaceChildren(...parts.map((name) =>
    make("section", { class: "part", data: { part: name } }, make("h3", { text: texts.health[name] }), make("ul"), make("p", { class: "none", text: texts.details.loading })),
  ));
  if (!again) {
    new IntersectionObserver((entries) => {
      inSight = entries.at(-1).isIntersecting;
      tickHealth();
    }, { rootMargin: "300px" }).observe(byId("health"));
  }
}

/** Once a second, and with each change. */
export function tickHealth() {
  const lines = { monitor: monitor(), channels: channels(), backends: backends(), sources: sourceLines() };
  const bad = ["monitor", "channels", "backends", "sources"].reduce((sum, name) => sum + lines[name].filter((line) => line.state === "bad").length, 0);
  const mark = byId("nav-health");
  mark.hidden = bad === 0;
  put(mark, grouped(bad));
  set(mark, "aria-label", texts.health.problems(bad));
  set(mark, "role", "img");
  if (!inSight || document.hidden) {
    return;
  }
  const { loading, failed } = texts.details;
  const unread = problem ? failed(worded(problem)) : loading;
  const known = items.has("monitor");
  const none = {
    monitor: loading,
    sources: sources === null ? unread : texts.health.noSources,
    channels: known ? texts.health.noChannel : loading,
    backends: known ? texts.health.noBackends : loading,
  };
  for (const part of byId("health-parts").children) {
    const [, list, empty] = part.children;
    const found = lines[part.dataset.part];
    keyed(list, found, (line) => line.name, newLine, showLine);
    put(empty, found.length === 0 ? none[part.dataset.part] : "");
    list.hidden = found.length === 0;
    empty.hidden = found.length > 0;
  }
  if (isLive() && (performance.now() - askedAt > EVERY || askedAt === 0)) {
    askSources();
  }
}

async function askSources() {
  askedAt = performance.now();
  try {
    const said = await get("sources");
    sources = said.clusters;
    problem = "";
  } catch (error) {
    problem = error.message; // what was heard before stays, with its age
  }
  tickHealth();
}

// --- what each line says: {name, state, title, text, facts, queue} -----------------------------------------------------

function monitor() {
  const held = items.get("monitor");
  const words = texts.health;
  if (!held) {
    return [];
  }
  const at = now();
  const store = { name: "store", state: held.store_problem ? "bad" : "good", title: words.store, text: held.store_problem || words.ok };
  const problems = (held.problems ?? []).map((text, index) => ({ name: `problem ${index}`, state: "bad", title: words.monitor, text }));
  const clusters = every("cluster/").map((cluster) => {
    const last = cluster.taken_at === null ? words.never : texts.ago(duration(at - cluster.taken_at));
    const every = `${grouped(cluster.check_interval)} ${texts.units.s}`;
    return {
      name: `cluster ${cluster.name}`,
      state: cluster.monitoring && !cluster.source_error ? "good" : "bad",
      title: cluster.name,
      text: cluster.monitoring ? cluster.source_error : words.paused,
      facts: [[words.interval, every], [words.last, last]],
    };
  });
  return [...problems, ...clusters, store];
}

function sourceLines() {
  return (sources ?? []).flatMap((cluster) =>
    cluster.sources.map((held) => ({
      name: `${cluster.cluster} ${held.source}`,
      state: held.error ? "bad" : "good",
      title: sources.length > 1 ? `${cluster.cluster} / ${held.source}` : held.source,
      text: held.error || held.events,
      facts: [
        ["", texts.health.agents(held.agents)],
        ["", held.age === null ? texts.health.never : texts.health.heard(duration(held.age))],
      ],
    })),
  );
}

function channels() {
  const words = texts.health;
  return every("channel/").filter((held) => held.on || held.failed.length > 0).map((held) => {
    const failed = held.failed.length;
    const trouble = held.sending && held.sending.error;
    const said = held.delivered_at === null ? words.notYet : words.delivered(duration(now() - held.delivered_at));
    return {
      name: held.channel,
      state: failed || trouble ? "bad" : "good",
      title: held.channel,
      text: trouble || (failed ? held.failed.at(-1).error : ""),
      facts: [
        ["", held.on ? said : words.off],
        ...(held.sending ? [["", words.sending]] : []),
        ...(held.waiting ? [["", words.toSend(held.waiting)]] : []),
        ...(failed ? [["", words.undelivered(failed)]] : []),
      ],
    };
  });
}

/** Only where there is something to say. */
function collector() {
  const { collector_problem: problem, damaged_queue_files: damaged } = items.get("monitor") ?? {};
  const title = texts.health.collector;
  return [
    ...(problem ? [{ name: " collector", state: "bad", title, text: problem }] : []),
    ...(damaged ? [{ name: " damaged", state: "warn", title, text: texts.health.damaged(damaged) }] : []),
  ];
}

function backends() {
  const words = texts.health;
  const total = (counts) => (typeof counts === "number" ? counts : Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0));
  const lines = every("backend/").map((held) => ({
    name: held.name,
    state: { ok: "good", failing: "bad", waiting: "warn" }[held.state] ?? "unknown",
    title: held.name,
    word: words.backendStates[held.state] ?? held.state,
    text: held.state === "ok" ? "" : held.reason,
    facts: [
      [words.sent, grouped(total(held.sent))],
      [words.failed, grouped(total(held.failed) + total(held.refused))],
    ],
    queue: held.queue_capacity ? [held.queue, held.queue_capacity] : null,
  }));
  return [...collector(), ...lines];
}

// --- a line on the page ------------------------------------------------------------------------------------------------

function newLine() {
  const node = make("li");
  node.title_ = make("strong", { class: "standing" });
  node.facts = make("span", { class: "facts" });
  node.text_ = make("p");
  node.bar = make("meter", { min: "0", hidden: true });
  node.append(make("div", {}, node.title_, node.facts), node.text_, node.bar);
  return node;
}

function showLine(node, line) {
  set(node.title_, "data-standing", line.state);
  put(node.title_, line.word ? `${line.title}: ${line.word}` : line.title);
  put(node.facts, (line.facts ?? []).map(([name, value]) => (name ? `${name} ${value}` : value)).join(" · "));
  tell(node.text_, line.text ?? "");
  node.text_.hidden = !line.text;
  node.bar.hidden = !line.queue;
  if (line.queue) {
    const [filled, capacity] = line.queue;
    node.bar.max = capacity;
    node.bar.high = capacity * 0.7;
    node.bar.optimum = 0;
    node.bar.value = filled;
    set(node.bar, "aria-label", texts.health.queueSaid(grouped(filled), grouped(capacity)));
    set(node.bar, "title", texts.health.queueSaid(grouped(filled), grouped(capacity)));
  }
}
