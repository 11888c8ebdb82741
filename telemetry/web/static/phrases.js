// What the server says, in the page's language: its English is the key. How templates are written: telemetry/phrases.

const HOLE = /\{([!+=#]?)(\w+)(?:@(\w+))?\}/g;
const LONGEST = 2000;
const MOST_TRIED = 100; // sentences within one: what agents write may be made of any number
const MOST_KEPT = 2000;

export class Phrasebook {
  /** `held`: {words: {class: [[english, other]]}, sentences: {subject: [[english, other]]}}. */
  constructor(held) {
    const pairs = Object.values(held.sentences).flat();
    this.words = new Map(Object.entries(held.words).map(([name, of]) => [name, new Map(of)]));
    this.whole = new Map(pairs.filter(([english]) => english.search(HOLE) < 0));
    this.templates = pairs.filter(([english]) => english.search(HOLE) >= 0).map(template).sort(firstTried);
    this.kept = new Map();
  }

  /** The translation, or null: it isn't known. */
  find(text) {
    let found = this.kept.get(text);
    if (found === undefined) {
      found = text.length <= LONGEST ? this.look(text, { left: MOST_TRIED }) : null;
      this.kept.set(text, found);
      if (this.kept.size > MOST_KEPT) {
        this.kept.delete(this.kept.keys().next().value);
      }
    }
    return found;
  }

  look(text, tries) {
    const whole = this.whole.get(text);
    if (whole !== undefined || tries.left === 0) {
      return whole ?? null;
    }
    tries.left -= 1;
    for (const one of this.templates) {
      const values = fitting(one.texts, text);
      const filled = values && this.filled(one, values, tries);
      if (filled) {
        return filled;
      }
    }
    return null;
  }

  filled({ holes, translation }, values, tries) {
    const shown = new Map();
    for (const [at, { kind, name, words }] of holes.entries()) {
      const said = this.value(kind, words, values[at], tries);
      if (said === null) {
        return null;
      }
      shown.set(name, said);
    }
    return translation.replace(HOLE, (_, kind, name) => shown.get(name));
  }

  value(kind, words, value, tries) {
    switch (kind) {
      case "!":
        return value.includes(" ") ? null : value;
      case "#":
        return this.words.get(words).get(value) ?? null;
      case "+":
        return this.look(value, tries) ?? value;
      case "=":
        return this.look(value, tries);
      default:
        return value;
    }
  }
}

function template([english, translation]) {
  const texts = [];
  const holes = [];
  let at = 0;
  for (const found of english.matchAll(HOLE)) {
    texts.push(english.slice(at, found.index));
    holes.push({ kind: found[1], name: found[2], words: found[3] });
    at = found.index + found[0].length;
  }
  texts.push(english.slice(at));
  return { texts, holes, translation, size: texts.join("").length, begins: texts[0] !== "" || holes[0].kind === "#" };
}

function firstTried(one, other) {
  return other.begins - one.begins || other.size - one.size;
}

/** What fills the holes, each as short as can be and none empty; null where it doesn't fit. */
function fitting(texts, text) {
  const last = texts[texts.length - 1];
  if (!text.startsWith(texts[0]) || !text.endsWith(last)) {
    return null;
  }
  const end = text.length - last.length;
  const values = [];
  let at = texts[0].length;
  for (let part = 1; part < texts.length - 1; part += 1) {
    const found = text.indexOf(texts[part], at + 1);
    if (found < 0 || found + texts[part].length > end) {
      return null;
    }
    values.push(text.slice(at, found));
    at = found + texts[part].length;
  }
  if (at >= end) {
    return null;
  }
  values.push(text.slice(at, end));
  return values;
}
