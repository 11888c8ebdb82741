// Open alerts: those that somebody is told of first, the worst and oldest on top; and what a person can say about them.

import { acknowledge, silence } from "./dialogs.js";
import { byId, forget, keyed, make, put, set } from "./dom.js";
import { links, outward } from "./links.js";
import { every, items } from "./stream.js";
import { tell, texts, worded } from "./texts.js";
import { duration, exact, grouped, now } from "./time.js";

const LEVELS = ["critical", "error", "warning", "info"];
const AT_FIRST = 30;
const PIPELINE = "@pipeline"; // as telemetry/model/alerts.py has it
const ENDING = "its cause is over, and it waits whether that lasts";
const SAME = ["the whole cluster is down", "the agent is stopped", "it repeats what another alert says"];

let all = false;
let operates = false;
let runbooks = new Map();

/** Whether this person may do something about alerts; buttons are made only then. */
export function setRole(role) {
  operates = role === "operate";
}

function anew() {
  forget(byId("alerts-list"));
  forget(byId("alerts-same").lastElementChild);
  showAlerts();
}

export const mayOperate = () => operates;

/** Runbooks that the settings put elsewhere: rule → address. */
export function setRunbooks(found) {
  runbooks = found;
}

/** Whether nobody is told of it at present, or somebody takes care. */
export function isQuiet(alert) {
  return alert.phase !== "firing" || alert.suppressed !== null || alert.acknowledged?.holds === true;
}

export function sorted(alerts) {
  const rank = (alert) => (isQuiet(alert) ? 10 : 0) + LEVELS.indexOf(alert.level);
  return alerts.sort((a, b) => rank(a) - rank(b) || a.since - b.since);
}

/** It is over, or says what another alert says, which is told: there for who asks, and in nobody's way. */
const isFolded = (alert) => alert.suppressed?.reason === ENDING || SAME.includes(alert.suppressed?.reason);

export function showAlerts() {
  const open = sorted(every("alert/"));
  const own = open.filter((alert) => !isFolded(alert));
  const same = open.filter(isFolded);
  const list = byId("alerts-list");
  fill(list, all ? own : own.slice(0, AT_FIRST));
  list.hidden = own.length === 0;
  byId("alerts-none").hidden = own.length > 0 || !items.has("monitor");
  byId("alerts-more").hidden = all || own.length <= AT_FIRST;
  put(byId("alerts-more"), texts.alerts.showAll(grouped(own.length)));
  const folded = byId("alerts-same");
  folded.hidden = same.length === 0;
  put(folded.firstElementChild, texts.alerts.same(same.length));
  fill(folded.lastElementChild, folded.open ? same : []);
  const loud = own.filter((alert) => !isQuiet(alert)).length;
  put(byId("alerts-count"), own.length > 0 ? grouped(own.length) : "");
  const mark = byId("nav-alerts");
  mark.hidden = loud === 0;
  put(mark, grouped(loud));
}

function fill(list, alerts) {
  keyed(list, alerts, (alert) => alert.id, alertNode, showAlert);
}

/** The list, once; `again`: every alert is made anew, in another language or with other links and rights. */
export function setUpAlerts(again = false) {
  if (again) {
    anew();
    return;
  }
  byId("alerts-more").addEventListener("click", () => {
    all = true;
    showAlerts();
  });
  byId("alerts-same").addEventListener("toggle", showAlerts);
}

/** Once a second: for how long. */
export function tickAlerts() {
  const at = now();
  for (const node of document.querySelectorAll(".alert")) {
    put(node.since, texts.alerts.since(duration(at - node.alert.since)));
  }
}

export function alertNode() {
  const node = make("li", { class: "alert" });
  node.level = make("strong", { class: "level" });
  node.who = make("span", { class: "who" });
  node.what = make("span", { class: "what" });
  node.since = make("time");
  node.marks = make("p", { class: "marks" });
  node.links = make("span", { class: "links" });
  node.acts = make("span", { class: "acts" });
  if (operates) {
    node.ack = make("button", { type: "button", text: texts.alerts.acknowledge, on: { click: () => acknowledge(node.alert) } });
    node.hush = make("button", { type: "button", class: "quiet", text: texts.alerts.silence, on: { click: () => silence(node.alert) } });
    node.acts.append(node.ack, node.hush);
  }
  const told = make("div", { class: "told" }, make("p", { class: "says" }, node.who, node.what), node.marks);
  node.append(node.level, told, node.since, make("div", { class: "do" }, node.links, node.acts));
  return node;
}

export function showAlert(node, alert) {
  if (node.alert === alert) {
    return;
  }
  node.alert = alert;
  set(node, "data-level", alert.level);
  set(node, "data-quiet", isQuiet(alert) ? "" : null);
  put(node.level, texts.levels[alert.level] ?? alert.level);
  put(node.who, subject(alert));
  tell(node.what, alert.message);
  put(node.since, texts.alerts.since(duration(now() - alert.since)));
  set(node.since, "datetime", exact(alert.since));
  set(node.since, "title", exact(alert.since));
  keyed(node.marks, marks(alert), (mark) => mark, () => make("span", { class: "mark" }), put);
  node.marks.hidden = node.marks.childElementCount === 0;
  const runbook = runbooks.get(alert.rule) || `/runbooks#${encodeURIComponent(alert.rule)}`;
  node.links.replaceChildren(...links(alert), outward(texts.alerts.runbook, runbook));
  if (node.ack) {
    node.ack.hidden = alert.phase !== "firing" || alert.acknowledged?.holds === true;
    set(node.ack, "aria-label", `${texts.alerts.acknowledge}: ${alert.agent_name}, ${worded(alert.message)}`);
    set(node.hush, "aria-label", `${texts.alerts.silence}: ${alert.agent_name}, ${worded(alert.message)}`);
  }
}

/** With its cluster where there are several, and of the pipeline always: a backend must not be taken for an agent. */
function subject(alert) {
  return (every("cluster/").length > 1 || alert.cluster === PIPELINE) && alert.agent ? `${alert.cluster} / ${alert.agent_name}` : alert.agent_name;
}

function marks(alert) {
  const words = texts.alerts;
  const { acknowledged } = alert;
  return [
    alert.phase === "pending" ? words.pending : "",
    alert.phase === "dismissed" ? words.dismissed : "",
    acknowledged ? (acknowledged.holds ? words.acknowledged(acknowledged.by, acknowledged.note) : words.outgrown(acknowledged.by)) : "",
    alert.suppressed ? (alert.suppressed.reason === ENDING ? words.ending : words.quiet(worded(alert.suppressed.detail || alert.suppressed.reason))) : "",
    alert.flapping ? words.flapping : "",
  ].filter(Boolean);
}
