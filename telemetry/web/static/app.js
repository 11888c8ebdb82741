// Asks the API every two seconds and puts what it says into the page. Texts only ever become text, never markup.

import { sentence } from "./sentence.js";
import { choose, duration } from "./texts.js";

const EVERY = 2000;
const PATIENCE = 5000;
const SHOWN_ALERTS = 50;

const { code, texts } = choose(navigator.languages ?? [navigator.language]);
document.documentElement.lang = code;

const connection = document.getElementById("connection");
const clusters = document.getElementById("clusters");
const alerts = document.getElementById("alerts");
let lastAnswer = null;

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer.json();
}

async function refresh() {
  try {
    const [known, open] = await Promise.all([
      ask("/api/agents"),
      ask(`/api/alerts?resolved=false&limit=${SHOWN_ALERTS}`),
    ]);
    lastAnswer = performance.now();
    showClusters(known);
    showAlerts(open.alerts, known.now, known.clusters.length > 1);
    mark("live", texts.connected);
  } catch (error) {
    console.warn("no answer from the monitor:", error);
    const gone = lastAnswer === null ? null : (performance.now() - lastAnswer) / 1000;
    mark("lost", gone === null ? texts.connecting : texts.lost(duration(gone, texts)));
  }
  setTimeout(refresh, EVERY);
}

function mark(state, text) {
  connection.dataset.state = state;
  document.body.dataset.state = state;
  put(connection, text);
}

/** Sets a text only where it changed, so that a selection in the page survives the refresh. */
function put(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function make(tag, className) {
  const node = document.createElement(tag);
  if (className) {
    node.className = className;
  }
  return node;
}

/** One child of `parent` for each key, in that order: kept where it is known, made where it is new, gone where not named. */
function children(parent, keys, create) {
  const held = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = keys.map((key) => {
    const child = held.get(key) ?? create();
    child.dataset.key = key;
    return child;
  });
  if (wanted.length !== parent.children.length || wanted.some((child, at) => parent.children[at] !== child)) {
    parent.replaceChildren(...wanted);
  }
  return wanted;
}

function showClusters(known) {
  const sections = children(clusters, known.clusters.map((cluster) => cluster.name), newCluster);
  let trouble = 0;
  known.clusters.forEach((cluster, at) => {
    const [heading, words, table] = sections[at].children;
    put(heading, cluster.name);
    put(words, sentence(cluster, known.now, texts));
    table.hidden = cluster.agents.length === 0;
    const rows = children(table.tBodies[0], cluster.agents.map((agent) => agent.name), newRow);
    cluster.agents.forEach((agent, row) => showAgent(rows[row], agent, known.now));
    trouble += cluster.agents.filter((agent) => !["busy", "idle"].includes(agent.state)).length;
  });
  document.title = `${trouble ? `(${trouble}) ` : ""}orchestrator-telemetry`;
}

function newCluster() {
  const section = make("section", "cluster");
  const table = make("table");
  const head = table.createTHead().insertRow();
  for (const name of Object.keys(texts.columns)) {
    const cell = make("th", name);
    cell.scope = "col";
    put(cell, texts.columns[name]);
    head.append(cell);
  }
  table.createTBody();
  section.append(make("h2"), make("p", "sentence"), table);
  return section;
}

function newRow() {
  const row = make("tr");
  for (const name of Object.keys(texts.columns)) {
    const cell = make(name === "name" ? "th" : "td", name);
    if (name === "name") {
      cell.scope = "row";
      cell.append(make("span"), make("small"));
    } else if (name === "state") {
      cell.append(make("span", "state"));
    } else {
      cell.dataset.label = texts.columns[name];
    }
    row.append(cell);
  }
  return row;
}

function showAgent(row, agent, now) {
  const [name, state, since, idle, restarts, reason] = row.children;
  put(name.firstChild, agent.name);
  put(name.lastChild, agent.role);
  state.firstChild.dataset.state = agent.state;
  put(state.firstChild, texts.states[agent.state] ?? agent.state);
  put(since, duration(now - agent.since, texts));
  put(idle, agent.running ? duration(agent.idle_time, texts) : "–");
  put(restarts, agent.restart_count.toLocaleString(texts.number));
  put(reason, agent.reason);
}

function showAlerts(open, now, severalClusters) {
  alerts.hidden = open.length === 0;
  put(alerts.firstElementChild, texts.alerts(open.length));
  const keys = open.map((alert) => `${alert.cluster}\n${alert.agent_name}\n${alert.rule}\n${alert.timestamp}`);
  const items = children(alerts.lastElementChild, keys, () => {
    const item = make("li");
    item.append(make("strong"), make("span", "who"), make("span", "what"), make("time"));
    return item;
  });
  open.forEach((alert, at) => {
    const [level, who, what, when] = items[at].children;
    items[at].dataset.level = alert.level;
    put(level, texts.levels[alert.level] ?? alert.level);
    put(who, severalClusters ? `${alert.cluster} / ${alert.agent_name}` : alert.agent_name);
    put(what, alert.message);
    when.dateTime = new Date(alert.timestamp * 1000).toISOString();
    put(when, texts.ago(duration(now - alert.timestamp, texts)));
  });
}

mark("waiting", texts.connecting);
refresh();
