// Joins the parts: what the stream tells goes to whoever shows it; the controls at the top; one tick a second.

import { agentsOf, changeAgents, countAlerts, setUpAgents, tickAgents } from "./agents.js";
import { isQuiet, setRole, setRunbooks, setUpAlerts, showAlerts, tickAlerts } from "./alerts.js";
import { get } from "./api.js";
import { setUpDialog, setWho } from "./dialogs.js";
import { byId, put, set } from "./dom.js";
import { showGlance } from "./glance.js";
import { setUpHealth, tickHealth } from "./health.js";
import { historyChanged, setUpHistory } from "./history.js";
import { setUpKeys } from "./keys.js";
import { setTemplates } from "./links.js";
import { refreshPlots, setUpPlots, showClusters } from "./plots.js";
import { setTheme, THEMES, theme } from "./prefs.js";
import { showSilences } from "./silences.js";
import { every, follow, items } from "./stream.js";
import { code, loadPhrases, setLanguage, texts, translate } from "./texts.js";
import { duration } from "./time.js";

const TICK = 1_000;

let isLost = false;
let marked = { state: "waiting", last: null };

function changed(changes, anew) {
  const of = (kind) => changes.filter((change) => change.key.startsWith(kind));
  changeAgents(of("agent/"), anew);
  if (anew || of("alert/").length > 0) {
    showAlerts();
    countAlerts(every("alert/").filter((alert) => !isQuiet(alert)));
    historyChanged(true);
  } else if (of("agent/").some(({ before, value }) => before && value && before.state !== value.state)) {
    historyChanged(false);
  }
  if (anew || of("silence/").length > 0) {
    showSilences();
  }
  if (anew) {
    showClusters();
    refreshPlots(true);
    put(byId("version"), items.get("monitor")?.version ?? "");
  } else if (of("cluster/").some((change) => !change.before || !change.value)) {
    showClusters();
  }
  showGlance(agentsOf, isLost);
  tickHealth();
}

function mark(state, last) {
  const wasLost = isLost;
  isLost = state === "lost";
  marked = { state, last };
  showConnection();
  if (wasLost !== isLost) {
    showGlance(agentsOf, isLost);
  }
}

function showConnection() {
  const { state, last } = marked;
  const node = byId("connection");
  set(document.body, "data-connection", state);
  const gone = last === null ? null : (performance.now() - last) / 1000;
  put(node.firstChild, state === "live" ? texts.connected : gone === null ? texts.connecting : texts.lost(duration(gone)));
}

function hello(said) {
  loadPhrases().then((anew) => anew && showAll(true)); // where the first try failed
  setTemplates(said.links);
  setRole(said.role);
  setUpAlerts(true); // with the links, and the buttons, that this person has now
  showSilences(true);
  setWho(said.who);
  byId("logout").hidden = !said.who;
  get("rules").then(({ rules }) => {
    const found = rules.filter((rule) => /^https?:/.test(rule.runbook_url)).map((rule) => [rule.rule, rule.runbook_url]);
    setRunbooks(new Map(found));
  }, () => {});
}

function tick() {
  if (!document.hidden) {
    tickAgents();
    tickAlerts();
    showSilences();
    showGlance(agentsOf, isLost);
    tickHealth();
    refreshPlots();
  }
}

function setUpControls() {
  byId("language").addEventListener("click", async () => {
    setLanguage(code === "en" ? "ja" : "en");
    await loadPhrases();
    showAll(true);
  });
  byId("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    showControls();
  });
  byId("logout").addEventListener("click", async () => {
    await fetch("/api/v1/logout", { method: "POST" }).catch(() => {});
    location.assign("/login");
  });
}

function showControls() {
  put(byId("language"), texts.otherLanguage);
  set(byId("language"), "lang", code === "en" ? "ja" : "en");
  put(byId("theme"), texts.themes[theme()]);
  set(byId("keys"), "aria-label", texts.keysTitle);
  set(byId("keys"), "title", texts.keysTitle);
}

/** Everything whose words don't come with each change; `again`: in another language than before. */
function showAll(again) {
  translate();
  showControls();
  setUpAgents(again);
  setUpAlerts(again);
  setUpHistory(again);
  setUpPlots(again);
  setUpHealth(again);
  showConnection();
  if (again) {
    showSilences(true);
    showClusters();
    showGlance(agentsOf, isLost);
    tickHealth();
  }
}

await loadPhrases();
showAll(false);
setUpControls();
setUpDialog();
setUpKeys();
follow({ hello, changed, mark });
setInterval(tick, TICK);
