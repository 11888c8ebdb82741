// The order of the agents, in groups, and which of them are shown: by state, and by what somebody types.

import { newHead } from "./agent_row.js";
import { arrange, byId, forget, keyed, make, put, set } from "./dom.js";
import { keep, kept } from "./prefs.js";
import { TROUBLE } from "./sentence.js";
import { every, items } from "./stream.js";
import { texts } from "./texts.js";
import { grouped } from "./time.js";

const ORDER = ["stopped", "unresponsive", "unknown", "waiting", "busy", "idle"];
const AT_ONCE = 60; // rows that are shown before the browser told which are in sight
const PART = 20; // rows that the browser skips together where nobody sees them

const states = new Set();
let text = "";
let rows = new Map();
let list = null;

/** Puts every row that fits the filter where it belongs; the focus stays with its row. */
export function place() {
  const several = every("cluster/").length > 1;
  const focused = document.activeElement;
  const groups = grouping();
  keyed(byId("groups"), groups, (group) => group.name, newGroup, (node, group) => {
    const title = [several ? group.cluster : "", group.parted ? group.team || texts.agents.noTeam : ""].filter(Boolean);
    put(node.firstChild, title.join(" · "));
    node.firstChild.hidden = title.length === 0;
    set(node.lastChild, "aria-label", [group.cluster, ...title.slice(several ? 1 : 0)].join(" · "));
    placeRows(node, group.rows);
  });
  if (focused !== document.activeElement && focused?.isConnected) {
    focused.focus({ preventScroll: true });
  }
  showNone(groups);
  showChips();
}

/** The rows that fit, by cluster and team, in order. */
function grouping() {
  const teams = new Map();
  for (const { agent } of rows.values()) {
    teams.set(agent.cluster, (teams.get(agent.cluster) ?? new Set()).add(agent.team || ""));
  }
  const groups = new Map();
  for (const row of rows.values()) {
    if (fits(row)) {
      const { cluster, team, state } = row.agent;
      const parted = teams.get(cluster).size > 1;
      const name = parted ? `${cluster}\n${team || ""}` : cluster;
      const group = groups.get(name) ?? { name, cluster, team: team || "", parted, rows: [] };
      groups.set(name, group);
      row.rank = ORDER.indexOf(state);
      group.rows.push(row);
    }
  }
  const byName = kept("sort", "trouble") === "name";
  const compare = (a, b) =>
    (byName ? 0 : a.rank - b.rank) || (a.agent.name < b.agent.name ? -1 : a.agent.name > b.agent.name ? 1 : 0);
  const sorted = [...groups.values()];
  for (const group of sorted) {
    group.rows.sort(compare);
    group.rank = byName ? 0 : Math.min(group.rows[0].rank, ORDER.indexOf("busy")); // who has no trouble is equal
  }
  return sorted.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
}

function placeRows(group, sorted) {
  const parts = [];
  for (let at = 0; at < sorted.length; at += PART) {
    const part = (group.parts[parts.length] ??= newPart());
    const its = sorted.slice(at, at + PART);
    part.style.setProperty("--rows", its.length);
    arrange(part, its.map((row) => row.node));
    for (const row of its) {
      if (row.visible !== part.seen || at < AT_ONCE) {
        list.see(row, part.seen || at < AT_ONCE);
      }
    }
    parts.push(part);
  }
  arrange(group.lastChild, [group.head, ...parts]);
}

function newPart() {
  const part = make("div", { class: "rows", role: "rowgroup" });
  part.seen = false;
  list.observe(part);
  return part;
}

function newGroup() {
  const head = newHead();
  const group = make("div", { class: "group" }, make("h3"), make("div", { class: "table", role: "table" }));
  return Object.assign(group, { head, parts: [] });
}

function fits(row) {
  return (states.size === 0 || states.has(row.agent.state)) && (text === "" || row.words.includes(text));
}

function showNone(groups) {
  const none = byId("agents-none");
  none.hidden = groups.length > 0;
  put(none, groups.length > 0 ? "" : rows.size > 0 ? texts.agents.noneFits : items.size > 0 ? texts.noAgents : texts.connecting);
}

function showChips() {
  const counts = new Map();
  for (const row of rows.values()) {
    counts.set(row.agent.state, (counts.get(row.agent.state) ?? 0) + 1);
  }
  const shown = ORDER.filter((state) => counts.has(state) || states.has(state));
  keyed(byId("chips"), shown, (state) => state, newChip, (chip, state) => {
    set(chip, "aria-pressed", String(states.has(state)));
    put(chip.firstChild, grouped(counts.get(state) ?? 0));
    put(chip.lastChild, texts.states[state]);
  });
}

function newChip(state) {
  const press = () => {
    states.has(state) ? states.delete(state) : states.add(state);
    place();
  };
  const trouble = TROUBLE.includes(state) || state === "waiting";
  return make(
    "button",
    { type: "button", class: "chip", data: { trouble }, on: { click: press } },
    make("b"), make("span", { class: "state", data: { state } }),
  );
}

/** Whether somebody looks for a text: then a row that changed may fit no more. */
export const isFiltered = () => text !== "" || states.size > 0;

/** The controls above the list, once; `of`: {rows, see, observe}. `again` when the language changed. */
export function setUpListing(of, again = false) {
  list = of;
  rows = of.rows;
  const sort = byId("sort");
  const find = byId("find");
  sort.replaceChildren(...Object.entries(texts.agents.sorts).map(([value, name]) => new Option(name, value)));
  sort.value = kept("sort", "trouble");
  if (again) {
    forget(byId("groups"));
    forget(byId("chips"));
    place();
    return;
  }
  sort.addEventListener("change", () => {
    keep("sort", sort.value);
    place();
  });
  find.addEventListener("input", () => {
    text = find.value.trim().toLowerCase();
    place();
  });
}

/** The rows as they stand on the page, for who walks through them. */
export function shownRows() {
  return [...document.querySelectorAll("#groups .agent")].map((node) => node.row);
}
