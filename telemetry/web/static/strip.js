// An agent's last hours as a strip: height and pattern tell the states apart as well as colour does.

import { set, svg } from "./dom.js";
import { texts } from "./texts.js";
import { duration, now } from "./time.js";
import { SPAN, stretches } from "./timelines.js";

const WIDTH = 180;
const HEIGHT = 16;
const NARROWEST = 1.2; // a short crash can be seen
const HEIGHTS = { busy: 0.72, idle: 0.3, waiting: 0.72, unresponsive: 1, stopped: 1, unknown: 0.5 };

export function newStrip() {
  return svg("svg", { class: "strip", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
}

export function drawStrip(node, agent, seenAt) {
  const begin = now() - SPAN;
  const found = stretches(agent, seenAt);
  const bars = found.map(([from, to, state]) => {
    const x = ((from - begin) / SPAN) * WIDTH;
    const width = Math.max(((to - from) / SPAN) * WIDTH, state === "" || state === "busy" ? 0 : NARROWEST);
    const height = state === "" ? 1 : HEIGHT * (HEIGHTS[state] ?? 0.5);
    return svg("rect", {
      x: Math.min(x, WIDTH - width).toFixed(2), y: (HEIGHT - height).toFixed(2), width: width.toFixed(2),
      height: height.toFixed(2), "data-state": state || "unseen",
    });
  });
  node.replaceChildren(...bars);
  set(node, "aria-label", summary(found));
}

function summary(found) {
  const sums = new Map();
  for (const [from, to, state] of found) {
    sums.set(state, (sums.get(state) ?? 0) + to - from);
  }
  const parts = [...sums]
    .filter(([state, seconds]) => state !== "" || seconds >= 1)
    .map(([state, seconds]) => `${state === "" ? texts.strip.unseen : texts.states[state] ?? state} ${duration(seconds)}`);
  return texts.strip.summary(parts.join(texts.joint));
}
