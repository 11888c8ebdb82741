// A cluster in one honest sentence: what is wrong is named first where nothing else can be trusted, and never left out.

import { duration } from "./texts.js";

const TROUBLE = ["stopped", "unresponsive", "unknown"];
const MOST_NAMED = 3;
const STALE_INTERVALS = 3;
const STALE_AT_LEAST = 10;

export function sentence(cluster, now, texts) {
  if (cluster.taken_at === null) {
    return texts.notYet;
  }
  const doubts = [];
  const age = now - cluster.taken_at;
  if (!cluster.monitoring) {
    doubts.push(texts.paused);
  }
  if (age > Math.max(STALE_AT_LEAST, STALE_INTERVALS * cluster.check_interval)) {
    doubts.push(texts.stale(duration(age, texts)));
  }
  if (cluster.source_error) {
    return [...doubts, texts.blind(cluster.source_error)].join(" ");
  }
  if (!cluster.session_exists) {
    doubts.push(texts.sessionGone(cluster.session_name));
  }
  return [...doubts, agents(cluster.agents, now, texts)].join(" ");
}

function agents(all, now, texts) {
  if (all.length === 0) {
    return texts.noAgents;
  }
  const of = (state) => all.filter((agent) => agent.state === state);
  const parts = [texts.working(of("busy").length, all.length)];
  if (of("idle").length > 0) {
    parts.push(texts.others(of("idle").length, texts.states.idle));
  }
  for (const agent of of("waiting").slice(0, MOST_NAMED)) {
    parts.push(texts.waiting(agent.name, duration(now - agent.since, texts)));
  }
  const troubled = all.filter((agent) => TROUBLE.includes(agent.state));
  for (const agent of troubled.slice(0, MOST_NAMED)) {
    parts.push(texts.trouble(agent.name, texts.states[agent.state], duration(now - agent.since, texts)));
  }
  const unnamed = Math.max(0, troubled.length - MOST_NAMED) + Math.max(0, of("waiting").length - MOST_NAMED);
  if (unnamed > 0) {
    parts.push(texts.more(unnamed));
  }
  return parts.join(texts.joint) + texts.end;
}
