// Time as the server has it, and how durations and moments are written.

import { texts } from "./texts.js";

let offset = null;

/** The server said what time it is. A late message says too little, so the latest of all it said is believed. */
export function heard(now, anew = false) {
  const said = now - Date.now() / 1000;
  offset = anew || offset === null ? said : Math.max(offset, said);
}

/** Unix seconds by the server's clock. */
export function now() {
  return Date.now() / 1000 + (offset ?? 0);
}

const STEPS = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];

/** A duration in seconds, in its largest unit: 42 s, 3 min, 5 h, 2 d. */
export function duration(seconds, words = texts) {
  const whole = Math.max(0, Math.floor(seconds));
  const [size, unit] = STEPS.find(([size]) => whole >= size) ?? [1, "s"];
  return `${grouped(Math.floor(whole / size), words)} ${words.units[unit]}`;
}

const formats = new Map();

function format(name, options) {
  const key = `${name} ${texts.number}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(texts.number === "en" ? "en-GB" : texts.number, options));
  }
  return formats.get(key);
}

const DAY = { month: "short", day: "numeric" };
const HOUR = { hour: "2-digit", minute: "2-digit" };

/** A moment as a person reads it: the time today, with the date otherwise. */
export function moment(at, today = now()) {
  const date = new Date(at * 1000);
  const same = date.toDateString() === new Date(today * 1000).toDateString();
  const [name, options] = same ? ["clock", { ...HOUR, second: "2-digit" }] : ["date", { ...DAY, ...HOUR }];
  return format(name, options).format(date);
}

/** For a plot's axis: hours within a day, days beyond it. */
export function tick(at, span) {
  const [name, options] = span > 2 * 86400 ? ["day", DAY] : ["hour", HOUR];
  return format(name, options).format(new Date(at * 1000));
}

export function exact(at) {
  return new Date(at * 1000).toISOString();
}

const numbers = new Map();

/** A number with its groups of digits. */
export function grouped(value, words = texts) {
  if (!numbers.has(words.number)) {
    numbers.set(words.number, new Intl.NumberFormat(words.number, { maximumFractionDigits: 1 }));
  }
  return numbers.get(words.number).format(value);
}

/** Bytes as people read them. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${grouped(value / 1024 ** step)} ${units[step]}`;
}
