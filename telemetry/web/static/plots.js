// The plots: agents by state, restarts, alerts by level, over a range that can be chosen. Asked for while they are in sight.

import { get } from "./api.js";
import { byId, make, put, set } from "./dom.js";
import { Plot } from "./plot.js";
import { keep, kept } from "./prefs.js";
import { every, isLive } from "./stream.js";
import { texts, worded } from "./texts.js";
import { grouped, now } from "./time.js";

const EVERY = 30_000;
const POINTS = 120;
const STATES = ["busy", "idle", "waiting", "unresponsive", "stopped", "unknown"];
const LEVELS = ["info", "warning", "error", "critical"];
const RANGES = ["3600", "10800", "86400", "604800"];

let plots = null;
let inSight = false;
let askedAt = 0;
let cluster = "";

export function setUpPlots(again = false) {
  const words = texts.trends;
  const name = () => words.ranges[range()];
  const sum = (data) => data.series.reduce((all, one) => all + one.values.reduce((some, value) => some + (value ?? 0), 0), 0);
  plots = {
    states: new Plot(words.states, (data) => words.statesSaid(name(), spoken(data))),
    restarts: new Plot(words.restarts, (data) => words.barsSaid(words.restarts, name(), grouped(sum(data)))),
    alerts: new Plot(words.alerts, (data) => words.barsSaid(words.alerts, name(), grouped(sum(data)))),
  };
  byId("plots").replaceChildren(...Object.values(plots).map((plot) => plot.node));
  byId("ranges").replaceChildren(...RANGES.map((seconds) => {
    const choose = () => {
      keep("range", seconds);
      press();
      ask();
    };
    return make("button", { type: "button", text: words.ranges[seconds], data: { seconds }, on: { click: choose } });
  }));
  press();
  if (again) {
    ask();
    return;
  }
  byId("trends-cluster").lastElementChild.addEventListener("change", (event) => {
    cluster = event.target.value;
    ask();
  });
  new IntersectionObserver((entries) => {
    inSight = entries.at(-1).isIntersecting;
    refreshPlots();
  }, { rootMargin: "300px" }).observe(byId("trends"));
}

/** Called now and then: asks again where that is due. */
export function refreshPlots(due = false) {
  if (inSight && isLive() && !document.hidden && (due || performance.now() - askedAt > EVERY || askedAt === 0)) {
    ask();
  }
}

/** The clusters that can be chosen. */
export function showClusters() {
  const names = every("cluster/").map((held) => held.name).sort();
  const label = byId("trends-cluster");
  label.hidden = names.length < 2;
  const select = label.lastElementChild;
  const options = [["", texts.allClusters], ...names.map((name) => [name, name])];
  if (select.options.length !== options.length || options.some(([, text], at) => select.options[at].text !== text)) {
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    cluster = names.includes(cluster) ? cluster : "";
    select.value = cluster;
  }
}

function range() {
  const chosen = kept("range", "10800");
  return RANGES.includes(chosen) ? chosen : "10800";
}

function press() {
  for (const button of byId("ranges").children) {
    set(button, "aria-pressed", String(button.dataset.seconds === range()));
  }
}

async function ask() {
  askedAt = performance.now();
  const problem = byId("trends-problem");
  try {
    const since = (now() - Number(range())).toFixed(0);
    const said = await get("timeline/counts", { since, points: POINTS, cluster });
    show(said);
    problem.hidden = true;
  } catch (error) {
    put(problem, texts.trends.problem(worded(error.message)));
    problem.hidden = false;
  }
}

function show(said) {
  const { since, until, step, clusters } = said;
  const at = clusters[0]?.at ?? [];
  const data = (series, total) => ({ at, step, since, until, series, total });
  const added = (pick) => at.map((_, index) => together(clusters.map((held) => pick(held)?.[index] ?? null)));
  const states = STATES.map((kind) => ({ kind, name: texts.states[kind], values: added((held) => held.states[kind]) }));
  const levels = LEVELS.map((kind) => ({ kind, name: texts.levels[kind], values: added((held) => held.alerts[kind]) }));
  const restarts = [{ kind: "restarts", name: texts.trends.count, values: added((held) => held.restarts) }];
  plots.states.show({ ...data(states, false), latest: current() });
  plots.restarts.show(data(restarts, true));
  plots.alerts.show(data(levels, true));
}

/** How many agents are in which state now: a point of the plot is a mean. */
function current() {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const agent of every("agent/")) {
    counts[agent.state] += cluster === "" || agent.cluster === cluster ? 1 : 0;
  }
  return counts;
}

function together(values) {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function spoken({ series, latest }) {
  const parts = series.filter((one) => latest[one.kind]).map((one) => `${grouped(latest[one.kind])} ${one.name}`);
  return parts.join(", ") || texts.noAgents;
}
