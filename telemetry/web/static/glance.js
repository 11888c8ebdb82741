// The top of the page: a sentence for each cluster, what is wrong with the monitor itself, the title and the icon.

import { byId, keyed, make, put, set } from "./dom.js";
import { TROUBLE, sentence, verdict } from "./sentence.js";
import { every } from "./stream.js";
import { texts } from "./texts.js";
import { now } from "./time.js";

const SPOKEN_EVERY = 5_000;

let spoken = "";
let speaking = null;

export function showGlance(agentsOf, isLost) {
  const clusters = every("cluster/").sort((a, b) => (a.name < b.name ? -1 : 1));
  const at = now();
  const words = clusters.map((cluster) => {
    const agents = agentsOf(cluster.name);
    return { cluster, text: sentence(cluster, agents, at, texts), verdict: verdict(cluster, agents, at) };
  });
  keyed(byId("glance"), words, (one) => one.cluster.name, newCluster, (node, one) => {
    set(node, "data-verdict", one.verdict);
    put(node.firstChild, one.cluster.name);
    put(node.lastChild, one.text);
  });
  mark(clusters.flatMap((cluster) => agentsOf(cluster.name)), words, isLost);
  say(words.map((one) => `${one.cluster.name}: ${one.text}`).join(" "));
}

function newCluster() {
  return make("div", { class: "cluster" }, make("h2"), make("p", { class: "sentence" }));
}

/** The browser's tab tells it too. */
function mark(agents, words, isLost) {
  const trouble = agents.filter((agent) => TROUBLE.includes(agent.state) || agent.state === "waiting").length;
  const unseen = isLost || words.some((one) => one.verdict === "unseen");
  const title = `${isLost ? "(?) " : trouble ? `(${trouble}) ` : ""}orchestrator-telemetry`;
  if (document.title !== title) {
    document.title = title;
  }
  set(byId("icon"), "href", trouble || unseen ? "/static/icon-trouble.svg" : "/static/icon.svg");
}

/** For who listens: only when more than a time in it changed, and not in a hurry. */
function say(text) {
  const shape = text.replace(/[\d.,]+ (?:s|min|h|d|秒|分|時間|日)/g, "");
  if (shape === spoken || speaking !== null) {
    return;
  }
  spoken = shape;
  put(byId("spoken"), text);
  speaking = setTimeout(() => {
    speaking = null;
  }, SPOKEN_EVERY);
}
