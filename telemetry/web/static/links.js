// Where an alert or an agent leads: the templates of the settings, filled; nothing where a value is missing.

import { make } from "./dom.js";
import { exact, now } from "./time.js";

const BEFORE = 600; // seconds before it began that are looked at, too
const ENDS_TEXTS = /["'`\\!]/; // by these a name could end the text around it, and write the rest of a query

let templates = [];

export function setTemplates(held) {
  templates = held ?? [];
}

/** A template with its `{names}` replaced by values fit for a URL; "" where one is missing or it is no web address. */
export function filled(template, values) {
  let whole = true;
  const url = template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = String(values[name] ?? "");
    whole &&= value !== "" && !ENDS_TEXTS.test(value);
    return encodeURIComponent(value);
  });
  try {
    return whole && ["http:", "https:"].includes(new URL(url).protocol) ? url : "";
  } catch {
    return "";
  }
}

/** A link for each template that can be filled; `about`: names, and since when (Unix s). It leads up to the moment it is used. */
export function links(about) {
  return templates.flatMap(({ name, url }) => {
    const address = () => filled(url, { ...about, ...between(about.since - BEFORE, now()) });
    if (address() === "") {
      return [];
    }
    const link = outward(name, address());
    const renew = () => link.setAttribute("href", address());
    link.addEventListener("pointerenter", renew);
    link.addEventListener("focus", renew);
    return [link];
  });
}

function between(since, until) {
  const milliseconds = (at) => String(Math.floor(at * 1000));
  return { since: exact(since), until: exact(until), since_ms: milliseconds(since), until_ms: milliseconds(until) };
}

export function outward(name, address) {
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer", class: "outward", text: name });
}
