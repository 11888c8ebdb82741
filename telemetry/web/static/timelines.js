// What states each agent was in during the last hours: fetched once, then extended by what the stream tells.

import { get } from "./api.js";
import { now } from "./time.js";

export const SPAN = 3 * 3600;

const clusters = new Map();
let loading = null;

/** Fetches the timelines of every cluster; `done` is called when there is something new to show. */
export function load(done) {
  loading ??= get("timeline/agents", { since: (now() - SPAN).toFixed(3) })
    .then((said) => {
      clusters.clear();
      for (const cluster of said.clusters) {
        const agents = new Map(Object.entries(cluster.agents));
        clusters.set(cluster.name, { watched: cluster.watched, until: said.until ?? said.now, agents });
      }
      done();
    })
    .catch((error) => console.info("no timelines:", error.message))
    .finally(() => {
      loading = null;
    });
}

/** An agent is in another state than before. */
export function extend(agent) {
  const cluster = clusters.get(agent.cluster);
  if (cluster === undefined) {
    return;
  }
  const points = cluster.agents.get(agent.name);
  if (points === undefined) {
    cluster.agents.set(agent.name, [[agent.since, agent.state]]);
  } else if (points.at(-1)?.[1] !== agent.state) {
    points.push([Math.max(agent.since, points.at(-1)?.[0] ?? 0), agent.state]);
  }
}

/**
 * An agent's stretches in the last hours as [from, to, state], oldest first; `state` is "" where nobody watched, or it wasn't there.
 *
 * `seenAt`: until when its cluster was watched.
 */
export function stretches(agent, seenAt) {
  const until = Math.max(now(), agent.since + 1); // what was just told has some length too
  const since = until - SPAN;
  const cluster = clusters.get(agent.cluster);
  const points = cluster?.agents.get(agent.name) ?? [[agent.since, agent.state]];
  const watched = cluster ? joined(cluster.watched, cluster.until, seenAt) : [[agent.since, seenAt]];
  const found = [];
  let at = since;
  const add = (to, state) => {
    if (to > at) {
      found.push([at, to, state]);
      at = to;
    }
  };
  for (const [from, to] of watched) {
    add(Math.min(from, until), "");
    points.forEach(([begun, state], index) => {
      const ended = points[index + 1]?.[0] ?? until;
      if (ended > from && begun < to) {
        add(Math.min(Math.max(begun, from), until), "");
        add(Math.min(ended, to, until), state ?? "");
      }
    });
  }
  add(until, "");
  return found;
}

/** The times in which somebody watched, the last one going on until the last look. */
function joined(watched, until, seenAt) {
  const last = watched.at(-1);
  if (last === undefined) {
    return [[until, seenAt]];
  }
  return until - last[1] < 60 ? [...watched.slice(0, -1), [last[0], Math.max(last[1], seenAt)]] : [...watched, [until, seenAt]];
}
