// Silences: what nobody is told of, until when, and why.

import { remove } from "./api.js";
import { mayOperate } from "./alerts.js";
import { failed } from "./dialogs.js";
import { byId, forget, keyed, make, put, set } from "./dom.js";
import { every } from "./stream.js";
import { texts } from "./texts.js";
import { duration, moment, now } from "./time.js";

export function showSilences(again = false) {
  const list = byId("silences").lastElementChild;
  if (again) {
    forget(list);
  }
  const held = every("silence/").sort((a, b) => a.ends_at - b.ends_at);
  byId("silences").hidden = held.length === 0;
  keyed(list, held, (one) => one.id, newSilence, showSilence);
}

function newSilence(held) {
  const node = make("li", {}, make("strong"), make("span", { class: "until" }), make("span", { class: "reason" }));
  if (mayOperate()) {
    const end = async () => {
      try {
        await remove(`silences/${encodeURIComponent(held.id)}`);
      } catch (error) {
        failed(error);
      }
    };
    node.append(make("button", { type: "button", class: "quiet", text: texts.silences.end, on: { click: end } }));
  }
  return node;
}

function showSilence(node, held) {
  const words = texts.silences;
  const at = now();
  const what = words.what(held.cluster, held.agent, held.rule);
  put(node.children[0], what);
  put(node.children[1], held.starts_at > at ? words.from(moment(held.starts_at)) : words.until(moment(held.ends_at), duration(held.ends_at - at)));
  put(node.children[2], `${held.reason} · ${words.by(held.author)}`);
  if (node.children[3]) {
    set(node.children[3], "aria-label", words.endLabel(what));
  }
}
