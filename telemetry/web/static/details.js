// What is known of one agent beyond its row, asked for while it is open.

import { alertNode, showAlert } from "./alerts.js";
import { get } from "./api.js";
import { forget, keyed, make, put, set } from "./dom.js";
import { historyRow } from "./history.js";
import { links } from "./links.js";
import { every, isLive } from "./stream.js";
import { tell, texts, worded } from "./texts.js";
import { bytes, duration, exact, grouped, moment } from "./time.js";

const LINES_EVERY = 2_000;
const CHANGED_AFTER = 500;
const LINES = 20;
const HISTORY = 8;

export class Details {
  constructor(row) {
    this.row = row;
    this.node = null;
    this.timer = null;
    this.later = null;
    this.silent = null;
  }

  get open() {
    return this.node !== null;
  }

  toggle() {
    set(this.row.button, "aria-expanded", String(!this.open));
    if (this.open) {
      this.node.remove();
      this.node = null;
      clearTimeout(this.timer);
      clearTimeout(this.later);
    } else {
      this.build();
      this.row.node.append(this.node);
      this.changed(0);
      this.refreshLines();
    }
  }

  build() {
    const words = texts.details;
    const part = (name, ...content) => make("section", { class: name }, make("h3", { text: words[name] }), ...content);
    this.reason = make("p", { class: "reason" });
    this.disagreement = make("p", { class: "doubt", hidden: true });
    this.words = make("div", { class: "scroll", text: words.loading });
    this.facts = make("dl");
    this.lines = make("pre", { tabindex: "0", role: "group", "aria-label": words.lines, text: words.loading });
    this.heard = make("small");
    this.alerts = make("ul", { class: "alerts" });
    this.history = make("table", { class: "events" }, make("tbody"));
    this.noHistory = make("p", { class: "none", text: words.loading });
    this.links = make("p", { class: "links" });
    const left = make("div", {}, part("why", this.reason, this.disagreement), part("words", this.words), part("facts", this.facts));
    const right = make("div", {}, part("lines", this.lines, this.heard), part("history", this.history, this.noHistory), part("links", this.links));
    this.alertPart = part("alerts", this.alerts);
    const cell = make("div", { role: "cell", "aria-colspan": "7", class: "parts" }, this.alertPart, left, right);
    this.node = make("div", { role: "row", class: "details" }, cell);
  }

  /** The agent, or an alert of it, is other than it was. */
  changed(after = CHANGED_AFTER) {
    if (!this.open) {
      return;
    }
    this.showKnown();
    clearTimeout(this.later);
    this.later = setTimeout(() => Promise.all([this.explain(), this.fetchHistory()]), after);
  }

  showKnown() {
    const { agent } = this.row;
    const open = every("alert/").filter((alert) => alert.cluster === agent.cluster && alert.agent === agent.name);
    this.alertPart.hidden = open.length === 0;
    keyed(this.alerts, open, (alert) => alert.id, alertNode, showAlert);
    tell(this.reason, agent.reason);
    this.showFacts(agent);
    const found = links({ ...agent, agent: agent.name, rule: open[0]?.rule, trace_id: open[0]?.trace_id });
    this.links.replaceChildren(...found);
    this.links.parentNode.hidden = found.length === 0;
  }

  showFacts(agent) {
    const facts = [
      ["since", moment(agent.since)],
      ["active_at", moment(agent.active_at)],
      ["pid", agent.pid],
      ["exit_status", agent.exit_status],
      ["pane_id", agent.pane_id],
      ["cpu_seconds", agent.cpu_seconds === null ? null : `${grouped(agent.cpu_seconds)} ${texts.units.s}`],
      ["memory_bytes", agent.memory_bytes === null ? null : bytes(agent.memory_bytes)],
      ["has_work", agent.has_work === null ? null : agent.has_work ? texts.details.yes : texts.details.no],
      ["team", agent.team],
      ["folder", agent.folder],
      ["session_id", agent.session_id],
    ].filter(([, value]) => value !== null && value !== undefined && value !== "");
    keyed(this.facts, facts, ([name]) => name, ([name]) => make("div", {}, make("dt", { text: texts.details.names[name] }), make("dd")), (node, [, value]) => put(node.lastChild, String(value)));
  }

  async explain() {
    const { agent } = this.row;
    try {
      const said = await get("agents/explain", { agent: agent.name, cluster: agent.cluster });
      this.showWords(said.explanations[0]);
    } catch (error) {
      put(this.words, texts.details.failed(worded(error.message)));
    }
  }

  showWords({ words, disagreement }) {
    tell(this.disagreement, disagreement);
    this.disagreement.hidden = disagreement === "";
    if (words.length === 0) {
      put(this.words, texts.details.noWords);
      return;
    }
    const names = texts.details.wordColumns;
    const head = make("tr", {}, ...Object.values(names).map((name) => make("th", { scope: "col", text: name })));
    const lines = words.map((word) => {
      const says = texts.states[word.says] ?? texts.details.says[word.says] ?? word.says;
      const believed = word.believed_for.map((what) => texts.details.believed[what] ?? what).join(", ");
      const reason = make("td");
      tell(reason, word.reason);
      const cell = (text) => make("td", { text });
      const cells = [cell(says), reason, cell(texts.ago(duration(word.age))), cell(believed)];
      return make("tr", {}, make("th", { scope: "row", text: word.source }), ...cells);
    });
    this.words.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
  }

  async fetchHistory() {
    const { agent } = this.row;
    try {
      const wanted = { agent: agent.name, cluster: agent.cluster, changes: true, limit: HISTORY };
      const said = await get("alerts/history", wanted);
      const body = this.history.tBodies[0];
      forget(body);
      body.replaceChildren(...said.alerts.map((alert) => historyRow(alert, false)));
      this.history.hidden = said.alerts.length === 0;
      put(this.noHistory, said.alerts.length === 0 ? texts.details.noHistory : "");
    } catch (error) {
      put(this.noHistory, texts.details.failed(worded(error.message)));
    }
  }

  async refreshLines() {
    const { agent } = this.row;
    if (!agent.pane_id && !agent.session_id) {
      put(this.lines, texts.details.noLines); // no source could have any, so none is asked
    } else if (isLive() && !document.hidden && this.row.visible && this.row.agent !== this.silent) {
      try {
        const said = await get("agents/lines", { agent: agent.name, cluster: agent.cluster, count: LINES });
        if (said.source) {
          this.showLines(said);
        } else {
          this.showNoLines(texts.details.noLines);
        }
      } catch (error) {
        if (this.open && error.status === 404) {
          this.showNoLines(texts.details.noLines);
        } else if (this.open) {
          put(this.lines, texts.details.failed(worded(error.message)));
          put(this.heard, "");
        }
      }
    }
    clearTimeout(this.timer);
    if (this.open) {
      this.timer = setTimeout(() => this.refreshLines(), LINES_EVERY);
    }
  }

  showNoLines(text) {
    this.silent = this.row.agent; // none is asked for until something about it changes
    put(this.lines, text);
    put(this.heard, "");
  }

  showLines(said) {
    const text = said.lines.join("\n").replace(/^\s*\n|\s+$/g, ""); // a screen's empty part says nothing
    const followed = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 4;
    put(this.lines, text || texts.details.blank);
    if (followed) {
      this.lines.scrollTop = this.lines.scrollHeight;
    }
    put(this.heard, `${said.source} · ${moment(said.at)}`);
    set(this.heard, "title", exact(said.at));
  }
}
