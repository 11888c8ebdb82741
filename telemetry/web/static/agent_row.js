// One agent as a row, or as a card where the page is narrow. What is out of sight isn't brought up to date until it is seen.

import { make, put, set } from "./dom.js";
import { drawStrip, newStrip } from "./strip.js";
import { tell, texts, worded } from "./texts.js";
import { duration, grouped } from "./time.js";

export const COLUMNS = ["name", "state", "since", "quiet", "restarts", "task", "strip"];

export function newHead() {
  const cells = COLUMNS.map((name) =>
    make("span", { class: name === "state" ? "state-cell" : name, role: "columnheader", text: texts.agents.columns[name] }),
  );
  return make("div", { class: "head", role: "rowgroup" }, make("div", { class: "line", role: "row" }, ...cells));
}

export class AgentRow {
  /** `toggled(row)` is called when somebody wants its details, or no more. */
  constructor(agent, toggled) {
    this.agent = agent;
    this.key = `agent/${agent.cluster}/${agent.name}`;
    this.visible = false;
    this.stale = true;
    this.drawnAt = 0;
    this.alerts = 0;
    this.text = "";
    this.fresh = true;
    this.role = make("small");
    this.name = make("strong");
    this.count = make("i", { class: "count", hidden: true });
    this.button = make("button", { type: "button", class: "who", "aria-expanded": "false" }, this.name, this.count);
    this.state = make("span", { class: "state" });
    this.since = this.cell("since");
    this.quiet = this.cell("quiet");
    this.restarts = this.cell("restarts");
    this.task = make("span", { class: "at" });
    this.reason = make("small");
    this.strip = null;
    this.stripCell = this.cell("strip");
    this.line = make(
      "div", { class: "line", role: "row" },
      make("span", { class: "name", role: "rowheader" }, this.button, this.role),
      make("span", { class: "state-cell", role: "cell" }, this.state),
      this.since, this.quiet, this.restarts,
      make("span", { class: "task", role: "cell" }, this.task, this.reason),
      this.stripCell,
    );
    this.node = make("div", { class: "agent" }, this.line);
    this.node.row = this;
    this.line.addEventListener("click", (event) => {
      const chosen = getSelection();
      if (event.target.closest("button") || !chosen || chosen.isCollapsed) {
        toggled(this);
      }
    });
    this.set(agent);
  }

  cell(name) {
    return make("span", { class: name, role: "cell", data: { label: texts.agents.columns[name] } });
  }

  /** What is known of it now; returns whether its place in the list may be another. */
  set(agent) {
    const moved = this.agent.state !== agent.state || this.agent.team !== agent.team || this.fresh;
    this.agent = agent;
    this.fresh = false;
    this.text = "";
    this.stale = true;
    return moved;
  }

  /** All that a filter looks into. */
  get words() {
    const { name, role, task, reason, team } = this.agent;
    this.text ||= `${name}\n${role}\n${task}\n${reason}\n${worded(reason)}\n${team}`.toLowerCase();
    return this.text;
  }

  setAlerts(count) {
    if (this.alerts !== count) {
      this.alerts = count;
      this.stale = true;
    }
  }

  /** Brings up to date what is shown of it. */
  show(at) {
    if (this.stale) {
      this.stale = false;
      const { agent } = this;
      set(this.node, "data-state", agent.state);
      set(this.state, "data-state", agent.state);
      put(this.state, texts.states[agent.state] ?? agent.state);
      put(this.name, agent.name);
      put(this.role, agent.role || "");
      put(this.restarts, grouped(agent.restart_count));
      set(this.restarts, "data-none", agent.restart_count ? null : "");
      put(this.task, agent.task || "");
      tell(this.reason, agent.reason);
      this.count.hidden = this.alerts === 0;
      if (this.alerts > 0) {
        put(this.count, String(this.alerts));
        set(this.count, "aria-label", texts.agents.openAlerts(this.alerts));
        set(this.count, "title", texts.agents.openAlerts(this.alerts));
        set(this.count, "role", "img");
      }
    }
    this.tick(at);
  }

  /** What grows with time. */
  tick(at) {
    const { agent } = this;
    put(this.since, duration(at - agent.since));
    put(this.quiet, agent.running ? duration(at - agent.active_at) : "–");
  }

  draw(at, seenAt) {
    if (this.strip === null) {
      this.strip = newStrip();
      this.stripCell.append(this.strip);
    }
    this.drawnAt = at;
    drawStrip(this.strip, this.agent, seenAt);
  }
}
