// The keyboard: every control is reachable by Tab; these are short cuts for who looks often.

import { mayOperate, sorted } from "./alerts.js";
import { acknowledge, showKeys } from "./dialogs.js";
import { byId } from "./dom.js";
import { shownRows } from "./listing.js";
import { every } from "./stream.js";

const ACTS = {
  "/": () => {
    byId("find").focus();
    byId("find").select();
  },
  "?": showKeys,
  j: () => step(1),
  k: () => step(-1),
  a: acknowledgeFirst,
};

export function setUpKeys() {
  byId("keys").addEventListener("click", showKeys);
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.key === "Escape" && target === byId("find")) {
      target.value = "";
      target.dispatchEvent(new Event("input"));
      target.blur();
      return;
    }
    const types = target.matches("input, select, textarea") || target.isContentEditable;
    if (types || byId("dialog").open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
      return;
    }
    if (Object.hasOwn(ACTS, event.key)) {
      event.preventDefault();
      ACTS[event.key]();
    }
  });
}

function focused() {
  return document.activeElement?.closest(".agent")?.row ?? null;
}

function step(by) {
  const rows = shownRows();
  const at = rows.indexOf(focused());
  const next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.button.focus({ preventScroll: true });
  next?.node.scrollIntoView({ block: "nearest", behavior: "instant" });
}

function acknowledgeFirst() {
  const row = focused();
  if (row === null || !mayOperate()) {
    return;
  }
  const { cluster, name } = row.agent;
  const open = every("alert/").filter((alert) => alert.cluster === cluster && alert.agent === name && alert.phase === "firing");
  const first = sorted(open).find((alert) => alert.acknowledged?.holds !== true);
  if (first !== undefined) {
    acknowledge(first);
  }
}
