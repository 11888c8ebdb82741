// One plot as SVG: stacked steps, one for each point in time; gaps stay gaps. Values are read by pointer, by arrow keys, or in a table.

import { make, put, set, svg } from "./dom.js";
import { texts } from "./texts.js";
import { grouped, moment, tick } from "./time.js";

const HEIGHT = 132;
const LEFT = 34;
const BOTTOM = 18;
const TOP = 6;
const RIGHT = 4;
const TICK_APART = 72;
const NICE = [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10];
let made = 0;

export class Plot {
  /** `series`: [{name, kind}] from the bottom up, `kind` for the colour and the pattern; `said(data)`: what it shows, in words. */
  constructor(title, said) {
    this.said = said;
    this.data = null;
    this.at = null;
    this.hatch = `gap-${(made += 1)}`;
    this.canvas = svg("svg", { height: HEIGHT, "aria-hidden": "true" });
    this.frame = make("div", { class: "canvas", role: "img", tabindex: "0" }, this.canvas);
    this.legend = make("ul", { class: "legend" });
    this.when = make("span", { class: "when" });
    this.table = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title });
    this.details = make("details", {}, make("summary", { text: texts.trends.table }), this.table);
    this.spoken = make("p", { class: "hidden", "aria-live": "polite" });
    this.node = make(
      "figure", { class: "plot" },
      make("figcaption", {}, make("h3", { text: title }), this.when), this.frame, this.legend, this.spoken, this.details,
    );
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.read(null));
    this.frame.addEventListener("blur", () => this.read(null));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.details.addEventListener("toggle", () => this.tabulate());
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  /** `data`: {at, step, since, until, series: [{name, kind, values}]}, null among the values where nobody watched. */
  show(data) {
    this.data = data;
    set(this.frame, "aria-label", this.said(data));
    this.draw();
    this.tabulate();
  }

  x(at) {
    const { since, until } = this.data;
    return LEFT + ((at - since) / (until - since)) * (this.width - LEFT - RIGHT);
  }

  y(value) {
    return HEIGHT - BOTTOM - (value / this.top) * (HEIGHT - BOTTOM - TOP);
  }

  draw() {
    this.width = this.frame.clientWidth;
    if (this.data === null || this.width < LEFT * 2) {
      return;
    }
    set(this.canvas, "width", String(this.width));
    set(this.canvas, "viewBox", `0 0 ${this.width} ${HEIGHT}`);
    const { at, series } = this.data;
    const sums = at.map((_, index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0));
    this.top = nice(Math.max(...sums, 1));
    this.cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
    this.canvas.replaceChildren(...this.gaps(), ...this.axes(), ...this.stack(), this.cursor);
    this.read(this.at);
  }

  /** Where nobody watched: hatched, so that it is no zero. */
  gaps() {
    const { at, step, until, series } = this.data;
    const found = [];
    at.forEach((begins, index) => {
      if (series.every((one) => one.values[index] === null)) {
        const last = found.at(-1);
        const ends = Math.min(begins + step, until);
        if (last && last[1] === begins) {
          last[1] = ends;
        } else {
          found.push([begins, ends]);
        }
      }
    });
    const pattern = svg("pattern", { id: this.hatch, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(svg("line", { class: "gap-line", y2: 8 }));
    return [pattern, ...found.map(([from, to]) => {
      const x = Math.max(LEFT, this.x(from));
      const width = Math.max(0, this.x(to) - x);
      return svg("rect", { class: "gap", fill: `url(#${this.hatch})`, x, y: TOP, width, height: HEIGHT - BOTTOM - TOP });
    })];
  }

  axes() {
    const { since, until } = this.data;
    const parts = [0, this.top / 2, this.top].filter(Number.isInteger).flatMap((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: this.y(value), y2: this.y(value) }),
      svg("text", { x: LEFT - 6, y: this.y(value) + 3.5, "text-anchor": "end", text: grouped(value) }),
    ]);
    const span = until - since;
    const rooms = Math.max(2, Math.floor((this.width - LEFT) / TICK_APART));
    const every = [300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800].find((step) => span / step <= rooms) ?? 604800;
    const zone = new Date(until * 1000).getTimezoneOffset() * 60;
    for (let at = Math.ceil((since - zone) / every) * every + zone; at <= until; at += every) {
      const x = this.x(at);
      const anchor = x > this.width - 20 ? "end" : x < LEFT + 14 ? "start" : "middle";
      parts.push(svg("line", { class: "tick", x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 3 }));
      parts.push(svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor, text: tick(at, span) }));
    }
    return parts;
  }

  stack() {
    const { at, step, until, series } = this.data;
    const below = at.map(() => 0);
    return series.map((one) => {
      let path = "";
      one.values.forEach((value, index) => {
        if (value) {
          const left = Math.max(LEFT, this.x(at[index]));
          const right = this.x(Math.min(at[index] + step, until));
          const [low, high] = [this.y(below[index]), this.y(below[index] + value)];
          path += `M${left.toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}H${right.toFixed(1)}V${low.toFixed(1)}Z`;
          below[index] += value;
        }
      });
      return svg("path", { d: path, class: "fill", "data-kind": one.kind });
    });
  }

  // --- reading values --------------------------------------------------------------------------------------------------

  point(event) {
    if (this.data) {
      const { at, step, since, until } = this.data;
      const x = event.clientX - this.frame.getBoundingClientRect().left;
      const time = since + ((x - LEFT) / (this.width - LEFT - RIGHT)) * (until - since);
      this.read(Math.min(at.length - 1, Math.max(0, Math.floor((time - at[0]) / step))));
    }
  }

  key(event) {
    const last = (this.data?.at.length ?? 0) - 1;
    const now = this.at ?? last + 1;
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, Escape: null }[event.key];
    if (next !== undefined && last >= 0) {
      event.preventDefault();
      this.read(next === null ? null : Math.min(last, Math.max(0, next)));
      put(this.spoken, this.at === null ? "" : `${this.when.textContent}: ${this.legend.textContent}`);
    }
  }

  /** The values at one point, or the latest (null). */
  read(index) {
    this.at = index;
    if (this.data === null || !this.cursor) {
      return;
    }
    const { at, step, series, total, latest: held } = this.data;
    set(this.cursor, "visibility", index === null ? "hidden" : "visible");
    if (index !== null) {
      const x = this.x(at[index] + step / 2);
      set(this.cursor, "x1", String(x));
      set(this.cursor, "x2", String(x));
    }
    put(this.when, index === null ? "" : moment(at[index]));
    const shown = index ?? latest(series);
    this.legend.replaceChildren(...series.map((one) => {
      const whole = total ? one.values.reduce((sum, each) => sum + (each ?? 0), 0) : held?.[one.kind];
      const value = (index === null ? whole : undefined) ?? one.values[shown] ?? null;
      const label = make("span", { class: "key", data: { kind: one.kind } });
      return make("li", {}, label, make("span", { text: one.name }), make("b", { text: value === null ? "–" : grouped(value) }), " ");
    }));
  }

  tabulate() {
    if (!this.details.open || this.data === null) {
      return;
    }
    const { at, series } = this.data;
    const head = [texts.trends.at, ...series.map((one) => one.name)].map((text) => make("th", { scope: "col", text }));
    const rows = at.map((begins, index) => {
      const cells = series.map((one) => one.values[index] ?? null);
      const written = cells.every((value) => value === null)
        ? [make("td", { colspan: String(cells.length), text: texts.trends.unseen })]
        : cells.map((value) => make("td", { text: grouped(value ?? 0) }));
      return make("tr", {}, make("th", { scope: "row", text: moment(begins) }), ...written);
    });
    this.table.replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows.reverse())));
  }
}

function latest(series) {
  const length = series[0]?.values.length ?? 0;
  for (let index = length - 1; index >= 0; index -= 1) {
    if (series.some((one) => one.values[index] !== null)) {
      return index;
    }
  }
  return 0;
}

function nice(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  const top = Math.ceil(NICE.map((step) => step * size).find((step) => step >= value));
  return top + (top % 2);
}
