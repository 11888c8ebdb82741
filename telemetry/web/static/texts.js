// The texts of the page in the language that was chosen, or the first of the browser's that we speak.

import { put, set } from "./dom.js";
import { Phrasebook } from "./phrases.js";
import { keep, kept } from "./prefs.js";
import { ENGLISH } from "./texts_en.js";
import { JAPANESE } from "./texts_ja.js";

const LANGUAGES = { en: ENGLISH, ja: JAPANESE };

/** The code of the first of these languages that we speak. */
export function choose(languages) {
  return languages.map((language) => language.toLowerCase().split("-")[0]).find((code) => code in LANGUAGES) ?? "en";
}

export let code = choose([kept("language", "none"), ...(navigator.languages ?? [navigator.language])]);
export let texts = LANGUAGES[code];

export function setLanguage(chosen) {
  keep("language", chosen);
  code = chosen;
  texts = LANGUAGES[chosen];
}

const FOREIGN = new Set(Object.keys(LANGUAGES).filter((language) => language !== "en"));
const PATIENCE = 3_000;
const books = new Map();

/** Has the server's sentences ready in the page's language; whether they came anew. Without them they stay English. */
export async function loadPhrases() {
  const language = code;
  if (!FOREIGN.has(language) || books.has(language)) {
    return false;
  }
  try {
    const answer = await fetch(`/static/phrases_${language}.json`, { signal: AbortSignal.timeout(PATIENCE) });
    books.set(language, new Phrasebook(await answer.json()));
    return true;
  } catch (error) {
    console.info("no phrases:", error.message);
    return false;
  }
}

/** What the server says, in the page's language as far as it is known there. */
export function worded(text) {
  return books.get(code)?.find(text) ?? text;
}

/** Puts what the server says on the page; where that stays English, it says so to who listens. */
export function tell(node, text) {
  const found = worded(text);
  put(node, found);
  set(node, "lang", code !== "en" && found === text && isEnglish(text) ? "en" : null);
}

/** Whether it holds two words, and no letter of another script: an agent's own words may be in any. */
function isEnglish(text) {
  return /[A-Za-z] [A-Za-z]/.test(text) && !/[^\u0000-\u024f\u2000-\u22ff]/.test(text);
}

/** Every text that stands in the page from the start. */
export function translate(root = document) {
  document.documentElement.lang = code;
  for (const node of root.querySelectorAll("[data-text]")) {
    node.textContent = find(node.dataset.text);
  }
  for (const node of root.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", find(node.dataset.label));
  }
  for (const node of root.querySelectorAll("[data-placeholder]")) {
    node.setAttribute("placeholder", find(node.dataset.placeholder));
  }
}

function find(path) {
  return path.split(".").reduce((part, name) => part[name], texts);
}
