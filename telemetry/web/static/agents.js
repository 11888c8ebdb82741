// The agents as rows. A change touches the rows that changed, and of those the ones in sight; time, only these.

import { AgentRow } from "./agent_row.js";
import { Details } from "./details.js";
import { isFiltered, place, setUpListing } from "./listing.js";
import { watchedUntil } from "./sentence.js";
import { items } from "./stream.js";
import { now } from "./time.js";
import { extend, load } from "./timelines.js";

const REDRAWN_AFTER = 60;
const SLICE = 6; // milliseconds of work on rows that nobody sees, at a time
const LATER = 250; // milliseconds: first, what somebody sees is painted

const rows = new Map();
let catchingUp = false;

/** Tells which rows are in sight, by the parts of the list that they stand in. */
const sight = new IntersectionObserver(
  (entries) => {
    const at = now();
    for (const { target, isIntersecting } of entries) {
      target.seen = isIntersecting;
      for (const { row } of target.children) {
        see(row, isIntersecting, at);
      }
    }
  },
  { rootMargin: "200px" },
);

function see(row, visible, at = now()) {
  row.visible = visible;
  if (visible) {
    bring(row, at);
  }
}

function bring(row, at) {
  row.show(at);
  if (row.drawnAt === 0) {
    catchUp(); // what somebody reads first, then the strip
  } else if (at - row.drawnAt > REDRAWN_AFTER) {
    draw(row, at);
  }
}

function draw(row, at) {
  const cluster = items.get(`cluster/${row.agent.cluster}`);
  row.draw(at, cluster ? watchedUntil(cluster, at + 1) : at);
}

/** All agents of a cluster. */
export function agentsOf(cluster) {
  const found = [];
  for (const { agent } of rows.values()) {
    if (agent.cluster === cluster) {
      found.push(agent);
    }
  }
  return found;
}

/** What the stream told of agents; `anew`: it was everything. */
export function changeAgents(changes, anew) {
  let moved = anew;
  for (const { key, value } of changes) {
    const row = rows.get(key);
    if (value === undefined) {
      moved = true;
      rows.delete(key);
    } else if (row === undefined) {
      const made = new AgentRow(value, toggle);
      rows.set(key, made);
      extend(value);
      moved = true;
    } else {
      moved = change(row, value) || moved;
    }
  }
  if (anew) {
    load(redraw);
  }
  if (moved || isFiltered()) {
    place();
  }
  catchUp();
}

function change(row, agent) {
  const other = row.agent.state !== agent.state;
  const moved = row.set(agent);
  if (other) {
    extend(agent);
    row.drawnAt = 0;
  }
  if (row.visible) {
    bring(row, now());
  }
  row.details?.changed();
  return moved;
}

/** Rows that nobody sees are brought up to date a few at a time. */
function catchUp() {
  if (catchingUp) {
    return;
  }
  catchingUp = true;
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, LATER));
  const work = () => {
    const at = now();
    const until = performance.now() + SLICE;
    for (const row of rows.values()) {
      const undrawn = row.visible && row.drawnAt === 0;
      if (row.stale || undrawn) {
        if (performance.now() > until) {
          idle(work);
          return;
        }
        row.show(at);
        if (undrawn) {
          draw(row, at);
        }
      }
    }
    catchingUp = false;
  };
  setTimeout(() => idle(work), LATER);
}

/** Once a second: times of rows in sight go on. */
export function tickAgents() {
  const at = now();
  for (const row of rows.values()) {
    if (row.visible) {
      bring(row, at);
    }
  }
}

/** How many of these alerts each agent has. */
export function countAlerts(alerts) {
  const counts = new Map();
  for (const alert of alerts) {
    const key = `agent/${alert.cluster}/${alert.agent}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const row of rows.values()) {
    row.setAlerts(counts.get(row.key) ?? 0);
    if (row.stale && row.visible) {
      row.show(now());
    }
  }
  catchUp();
}

function redraw() {
  for (const row of rows.values()) {
    row.drawnAt = 0;
  }
  tickAgents();
}

function toggle(row) {
  row.details ??= new Details(row);
  row.details.toggle();
}

/** The list, once; `again` when the language changed: every row is made anew. */
export function setUpAgents(again = false) {
  if (again) {
    sight.disconnect();
    for (const [key, row] of rows) {
      const made = new AgentRow(row.agent, toggle);
      made.setAlerts(row.alerts);
      rows.set(key, made);
      if (row.details?.open) {
        row.details.toggle();
        toggle(made);
      }
    }
  }
  setUpListing({ rows, see, observe: (part) => sight.observe(part) }, again);
  if (again) {
    catchUp();
  }
}
