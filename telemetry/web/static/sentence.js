// A cluster in one honest sentence: what is wrong is named first where nothing else can be trusted, and never left out.

import { worded } from "./texts.js";
import { duration } from "./time.js";

/** The states in which an agent needs somebody to look. */
export const TROUBLE = ["stopped", "unresponsive", "unknown"];
const MOST_NAMED = 3;
const STALE_INTERVALS = 3;
const STALE_AT_LEAST = 10;

/** Whether all is well with a cluster, as one word: "well", "waits" (a person is asked), "trouble", "unseen". */
export function verdict(cluster, agents, now) {
  if (cluster.taken_at === null || !cluster.monitoring || cluster.source_error || isStale(cluster, now)) {
    return "unseen";
  }
  if (!cluster.session_exists || agents.some((agent) => TROUBLE.includes(agent.state))) {
    return "trouble";
  }
  return agents.some((agent) => agent.state === "waiting") ? "waits" : "well";
}

export function sentence(cluster, agents, now, texts) {
  if (cluster.taken_at === null) {
    return cluster.monitoring ? texts.notYet : `${texts.paused} ${texts.notYet}`;
  }
  const doubts = [];
  if (!cluster.monitoring) {
    doubts.push(texts.paused);
  }
  if (isStale(cluster, now)) {
    doubts.push(texts.stale(duration(now - cluster.taken_at, texts)));
  }
  if (cluster.source_error) {
    return [...doubts, texts.blind(worded(cluster.source_error))].join(" ");
  }
  if (!cluster.session_exists) {
    doubts.push(texts.sessionGone(cluster.session_name));
  }
  return [...doubts, told(agents, now, texts)].join(" ");
}

/** Until when a cluster is watched: between two checks that come in time too, for a death is heard of at once. */
export function watchedUntil(cluster, now) {
  return cluster.monitoring && cluster.taken_at !== null && !isStale(cluster, now) ? now : cluster.taken_at ?? 0;
}

function isStale(cluster, now) {
  return now - cluster.taken_at > Math.max(STALE_AT_LEAST, STALE_INTERVALS * cluster.check_interval);
}

function told(all, now, texts) {
  if (all.length === 0) {
    return texts.noAgents;
  }
  const of = (state) => all.filter((agent) => agent.state === state);
  const parts = [texts.working(of("busy").length, all.length)];
  const idle = of("idle").length;
  if (idle > 0) {
    parts.push(texts.others(idle, texts.states.idle));
  }
  const waiting = of("waiting");
  for (const agent of waiting.slice(0, MOST_NAMED)) {
    parts.push(texts.waiting(agent.name, duration(now - agent.since, texts)));
  }
  const troubled = all.filter((agent) => TROUBLE.includes(agent.state)).sort((a, b) => b.since - a.since);
  for (const agent of troubled.slice(0, MOST_NAMED)) {
    parts.push(texts.trouble(agent.name, texts.states[agent.state], duration(now - agent.since, texts)));
  }
  const unnamed = Math.max(0, troubled.length - MOST_NAMED) + Math.max(0, waiting.length - MOST_NAMED);
  if (unnamed > 0) {
    parts.push(texts.more(unnamed));
  }
  return parts.join(texts.joint) + texts.end;
}
