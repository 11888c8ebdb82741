// The state of everything, kept by what the server tells: a snapshot, then each change. Says when the line is dead.

import { get } from "./api.js";
import { heard } from "./time.js";

const SILENT = 12_000; // the server gives a sign of life every 5 s
const LOOK = 1_000;
const AGAIN = 2_000;

/** What is known, and who wants to hear of changes. Keys are `agent/<cluster>/<name>` and the like. */
export const items = new Map();

let live = false;

/** Whether the server is heard; while it isn't, nothing else needs to be asked. */
export const isLive = () => live;

/** Everything of one kind. */
export function every(kind) {
  const found = [];
  for (const [key, value] of items) {
    if (key.startsWith(kind)) {
      found.push(value);
    }
  }
  return found;
}

/**
 * Follows the stream for as long as the page lives.
 *
 * `told.hello(said)`; `told.changed(changes, anew)` with a list of {key, value, before}, value or before undefined where
 * there is none; `told.mark(state, since)`: "live", or "lost" with the time of the last event (performance.now(), or null).
 */
export function follow(told) {
  let source = null;
  let last = null;
  let openedAt = 0;
  let lost = false;

  const alive = () => {
    last = performance.now();
    lost = false;
    live = true;
    told.mark("live", last);
  };
  const on = (kind, act) =>
    source.addEventListener(kind, (event) => {
      const said = JSON.parse(event.data);
      heard(said.now, kind === "hello");
      act(said);
      alive();
    });
  const open = () => {
    source?.close();
    openedAt = performance.now();
    source = new EventSource("/api/v1/stream");
    on("hello", (said) => told.hello(said));
    on("snapshot", (said) => told.changed(replace(said.items), true));
    on("change", (said) => told.changed(change(said.set ?? {}, said.gone ?? []), false));
    on("beat", () => {});
    source.addEventListener("error", () => {
      lose();
      if (source.readyState === EventSource.CLOSED) {
        get("silences").catch(() => {}); // goes to the login where that is what is missing
      }
    });
  };
  const lose = () => {
    if (!lost) {
      lost = true;
      live = false;
      told.mark("lost", last);
    }
  };
  const look = () => {
    const at = performance.now();
    if (at - (last ?? 0) > SILENT) {
      lose();
    }
    const stuck = source.readyState === EventSource.CLOSED ? AGAIN : SILENT / 2;
    if (lost && at - openedAt > stuck) {
      open();
    }
    if (lost) {
      told.mark("lost", last);
    }
  };
  open();
  setInterval(look, LOOK);
  addEventListener("online", open);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
}

function replace(next) {
  const changes = [];
  for (const [key, before] of items) {
    if (!(key in next)) {
      changes.push({ key, before });
      items.delete(key);
    }
  }
  for (const key in next) {
    changes.push({ key, value: next[key], before: items.get(key) });
    items.set(key, next[key]);
  }
  return changes;
}

function change(set, gone) {
  const changes = [];
  for (const key of gone) {
    changes.push({ key, before: items.get(key) });
    items.delete(key);
  }
  for (const key in set) {
    changes.push({ key, value: set[key], before: items.get(key) });
    items.set(key, set[key]);
  }
  return changes;
}
