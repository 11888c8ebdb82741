// The page's one dialog: acknowledging, silencing, the keys. The browser keeps the focus in it, and Escape closes it.

import { post } from "./api.js";
import { byId, make } from "./dom.js";
import { keep, kept } from "./prefs.js";
import { texts, worded } from "./texts.js";

const DURATIONS = [1800, 3600, 4 * 3600, 8 * 3600, 86400, 7 * 86400];
const UNITS = [[86400, "d"], [3600, "h"], [60, "m"]];
let who = "";

/** Who the server says is asking. */
export function setWho(name) {
  who = name;
}

export function acknowledge(alert) {
  const words = texts.alerts;
  const by = nameField();
  const note = make("input", { name: "note", maxlength: "500", autocomplete: "off" });
  ask(words.ackTitle(alert.agent_name), [worded(alert.message), words.ackHelp], [field(words.by, by), field(words.note, note, true)], words.acknowledge, () => {
    keep("by", by.value.trim());
    return post("alerts/ack", { alert: alert.id, by: by.value.trim(), note: note.value.trim() });
  });
}

export function silence(alert) {
  const words = texts.alerts;
  const by = nameField();
  const scope = make("select", { name: "scope" }, ...scopes(alert).map(([name], at) => new Option(name, String(at))));
  const time = make("select", { name: "duration" }, ...DURATIONS.map((seconds) => new Option(span(seconds), String(seconds))));
  time.value = "3600";
  const reason = needed({ name: "reason", maxlength: "500", autocomplete: "off" });
  const fields = [field(words.scope, scope), field(words.duration, time), field(words.reason, reason), field(words.by, by)];
  ask(words.silenceTitle(alert.agent_name), [words.silenceHelp], fields, words.silence, () => {
    keep("by", by.value.trim());
    const what = scopes(alert)[Number(scope.value)][1];
    return post("silences", { ...what, by: by.value.trim(), reason: reason.value.trim(), seconds: Number(time.value) });
  });
}

function scopes(alert) {
  const { cluster, agent, rule } = alert;
  const words = texts.alerts.scopes;
  return agent
    ? [
        [words.one(agent, rule), { cluster: literal(cluster), agent: literal(agent), rule }],
        [words.agent(agent), { cluster: literal(cluster), agent: literal(agent) }],
        [words.rule(rule, cluster), { cluster: literal(cluster), rule }],
        [words.cluster(cluster), { cluster: literal(cluster) }],
      ]
    : [
        [words.rule(rule, cluster), { cluster: literal(cluster), rule }],
        [words.cluster(cluster), { cluster: literal(cluster) }],
      ];
}

/** A name as a pattern that matches it and nothing else. */
function literal(name) {
  return name.replace(/[*?[]/g, (sign) => `[${sign}]`);
}

function span(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds >= size && seconds % size === 0);
  return `${seconds / size} ${texts.units[unit]}`;
}

function nameField() {
  return needed({ name: "by", maxlength: "100", autocomplete: "name", value: kept("by") || who });
}

/** What can't be left empty: blanks alone are no text, so that the browser asks for one in its own words. */
function needed(about) {
  const trim = (event) => (event.target.value = event.target.value.trim());
  return make("input", { ...about, required: true, on: { change: trim } });
}

function field(name, input, optional = false) {
  const small = optional ? make("small", { text: texts.alerts.optional }) : null;
  return make("label", { class: "field" }, make("span", { text: name }, small), input);
}

function ask(title, help, fields, verb, act) {
  const problem = make("p", { class: "problem", role: "alert" });
  const send = make("button", { type: "submit", class: "main", text: verb });
  const cancel = make("button", { type: "button", text: texts.cancel, on: { click: close } });
  const form = make("form", {}, ...fields, problem, make("p", { class: "acts" }, cancel, send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await act();
      close();
    } catch (error) {
      problem.textContent = texts.alerts.failed(worded(error.message));
    }
    send.disabled = false;
  });
  show(title, ...help.map((text) => make("p", { class: "help", text })), form);
  (fields.map((one) => one.lastChild).find((input) => input.value === "") ?? send).focus();
}

/** Something that was wanted without a dialog didn't work. */
export function failed(error) {
  show(texts.alerts.failed(worded(error.message)), closing());
}

export function showKeys() {
  const list = Object.entries(texts.keys).map(([key, text]) => make("div", {}, make("dt", {}, make("kbd", { text: key })), make("dd", { text })));
  show(texts.keysTitle, make("dl", { class: "keys" }, ...list), closing());
}

function closing() {
  return make("p", { class: "acts" }, make("button", { type: "button", class: "main", text: texts.close, on: { click: close } }));
}

function show(title, ...content) {
  const dialog = byId("dialog");
  dialog.replaceChildren(make("h2", { id: "dialog-title", text: title }), ...content);
  if (!dialog.open) {
    dialog.showModal();
  }
}

function close() {
  byId("dialog").close();
}

/** A click beside it closes it too. */
export function setUpDialog() {
  byId("dialog").addEventListener("click", (event) => event.target === event.currentTarget && close());
}
