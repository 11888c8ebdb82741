"""The board read by a person's questions: is all well, what is wrong, since when, and what must be done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from telemetry.cli.live.board import Item
from telemetry.cli.screen import duration
from telemetry.model import PIPELINE

WELL, ATTENTION, BROKEN, UNKNOWN = range(4)
"""Exit codes, as `check` has them."""

_SLOWEST_FRESH, _INTERVALS_FRESH = 10.0, 3
_STATES = ("stopped", "unresponsive", "waiting", "unknown", "idle", "busy")
_STATE_CODES = {"stopped": BROKEN, "unresponsive": BROKEN, "waiting": ATTENTION, "unknown": UNKNOWN}
_STATE_WEIGHTS = {"stopped": 3, "unresponsive": 3, "waiting": 2, "unknown": 2}
_LEVEL_WEIGHTS = {"critical": 4, "error": 3, "warning": 2, "info": 0}
LEVELS = ("critical", "error", "warning", "info")
_NAMED = 3
"""How many agents a sentence names."""
_QUIET = ("silenced", "maintenance")
"""Somebody decided that nobody is to be told: then the alert is no news for a shell either."""

Sort = Literal["trouble", "name", "idle", "restarts", "cpu", "memory"]


@dataclass(frozen=True)
class Wanted:
    """Which part of the board is shown: patterns with * and ?, and words that stand anywhere."""

    cluster: str | None = None
    agent: str | None = None
    states: tuple[str, ...] = ()
    text: str = ""

    def has(self, agent: Item) -> bool:
        """Whether an agent belongs to it."""
        words = f"{agent.get('name', '')} {agent.get('role', '')} {agent.get('state', '')} {agent.get('task', '')}"
        return (
            _like(agent.get("name", ""), self.agent)
            and (not self.states or agent.get("state") in self.states)
            and self.text.lower() in words.lower()
        )


def _like(name: str, pattern: str | None) -> bool:
    return pattern is None or name == pattern or fnmatchcase(name, pattern)


@dataclass(frozen=True)
class Group:
    """One cluster: its item, the sentence, its agents with the worst first, and how it is, as an exit code."""

    item: Item
    sentence: str
    agents: tuple[Item, ...]
    code: int
    hidden: int = 0
    """Agents that a filter leaves out."""

    @property
    def name(self) -> str:
        return str(self.item["name"])


@dataclass(frozen=True)
class Overview:
    """All of it at one moment.

    Attributes:
        now: The daemon's time (Unix s).
        groups: The clusters by name.
        alerts: Those that fire and are told, worst first.
        quiet: How many more are open and not told: silenced, or because they follow from another one.
        problems: What is wrong with the monitor itself, its channels and its backends, a line each.
        calm: What is well there, in a few words each.
        checked_at: The oldest last check (Unix s); None before the first.
        code: The exit code.
        names: Of whom alerts are shown: the clusters, and the pipeline.
    """

    now: float
    groups: tuple[Group, ...]
    alerts: tuple[Item, ...]
    quiet: int
    problems: tuple[str, ...]
    calm: tuple[str, ...]
    checked_at: float | None
    code: int
    names: frozenset[str] = frozenset()


def overview(items: Mapping[str, Item], now: float, wanted: Wanted | None = None) -> Overview:
    """Reads a board's items."""
    wanted = wanted or Wanted()
    kinds = _by_kind(items)
    clusters = [one for one in kinds.get("cluster", ()) if _like(one["name"], wanted.cluster)]
    names = {one["name"] for one in clusters} | ({PIPELINE} if _like(PIPELINE, wanted.cluster) else set())
    fires = [one for one in kinds.get("alert", ()) if one["cluster"] in names and one["phase"] == "firing"]
    told = tuple(sorted((one for one in fires if not one["suppressed"]), key=_alert_order))
    agents = [one for one in kinds.get("agent", ()) if one["cluster"] in names]
    ranks = alert_ranks(fires)
    groups = tuple(_group(one, agents, ranks, now, wanted) for one in sorted(clusters, key=lambda one: one["name"]))
    shown = {(group.name, one["name"]) for group in groups for one in group.agents}
    if wanted != Wanted(wanted.cluster):
        told = tuple(one for one in told if (one["cluster"], one["agent"]) in shown)
    problems, calm = _machine(kinds)
    checks = [one["taken_at"] for one in clusters if one["taken_at"]]
    codes = [group.code for group in groups] or [UNKNOWN]
    loud = [one for one in fires if not one["suppressed"] or one["suppressed"]["reason"] not in _QUIET]
    code = max(*codes, *(_alert_code(one) for one in loud), ATTENTION if problems else WELL)
    checked_at = min(checks, default=None)
    return Overview(now, groups, told, len(fires) - len(told), problems, calm, checked_at, code, frozenset(names))


def _by_kind(items: Mapping[str, Item]) -> dict[str, list[Item]]:
    kinds: dict[str, list[Item]] = {}
    for key, item in items.items():
        kinds.setdefault(key.partition("/")[0], []).append(item)
    return kinds


def _alert_order(alert: Item) -> tuple[int, float]:
    return -_LEVEL_WEIGHTS.get(alert["level"], 0), alert["fired_at"] or alert["since"]


def _alert_code(alert: Item) -> int:
    return {"critical": BROKEN, "error": BROKEN, "warning": ATTENTION}.get(alert["level"], WELL)


def alert_ranks(alerts: Iterable[Item]) -> dict[tuple[str, str], int]:
    """How heavy the worst told alert of each (cluster, agent) is."""
    ranks: dict[tuple[str, str], int] = {}
    for one in alerts:
        if not one["suppressed"]:
            key = one["cluster"], one["agent"]
            ranks[key] = max(ranks.get(key, 0), _LEVEL_WEIGHTS.get(one["level"], 0))
    return ranks


def worst_first(agent: Item, ranks: Mapping[tuple[str, str], int]) -> tuple[int, int, str]:
    """A sort key: trouble, then state, then name."""
    state = agent["state"]
    weight = max(_STATE_WEIGHTS.get(state, 0), ranks.get((agent["cluster"], agent["name"]), 0))
    return -weight, _STATES.index(state) if state in _STATES else len(_STATES), agent["name"]


def quiet_for(agent: Item, now: float) -> float | None:
    """Seconds since it last did anything; None while it doesn't run."""
    return max(0.0, now - agent["active_at"]) if agent["running"] and agent.get("active_at") else None


def _group(item: Item, agents: list[Item], ranks: Mapping[tuple[str, str], int], now: float, wanted: Wanted) -> Group:
    mine = sorted((one for one in agents if one["cluster"] == item["name"]), key=lambda one: worst_first(one, ranks))
    shown = tuple(one for one in mine if wanted.has(one))
    sentence, code = _sentence(item, mine, now)
    return Group(item, sentence, shown, code, len(mine) - len(shown))


def _sentence(item: Item, agents: list[Item], now: float) -> tuple[str, int]:
    """What is so, honestly, and the exit code that it means."""
    if blind := _blind(item, agents, now):
        return blind, UNKNOWN
    if not item["session_exists"]:
        return f"the session {item['session_name']} is gone; {_working(agents, now)}", BROKEN
    codes = {_STATE_CODES.get(one["state"], WELL) for one in agents}
    code = BROKEN if BROKEN in codes else max(codes)
    return _working(agents, now), code


def _blind(item: Item, agents: list[Item], now: float) -> str:
    """Why nobody can tell how it is now; "" where it is known."""
    if item["taken_at"] is None:
        return "no check has finished yet"
    age = now - item["taken_at"]
    if not item["monitoring"]:
        return f"monitoring is stopped; what was seen {duration(age)} ago: {_working(agents, now)}"
    if item["source_error"]:
        return f"can't be seen: {item['source_error']}"
    if age > max(_SLOWEST_FRESH, _INTERVALS_FRESH * item["check_interval"]):
        return f"the last check was {duration(age)} ago; then: {_working(agents, now)}"
    return "" if agents or not item["session_exists"] else "no agents"


def _working(agents: list[Item], now: float) -> str:
    """«4 of 5 agents working; builder stopped 2 min ago»."""
    if not agents:
        return "no agents"
    total = f"{len(agents)} agent{'s' if len(agents) > 1 else ''}"
    counts = {state: sum(one["state"] == state for one in agents) for state in _STATES}
    words = f"all {total} working" if counts["busy"] == len(agents) > 1 else f"{counts['busy']} of {total} working"
    if counts["idle"]:
        words += f", {counts['idle']} idle"
    troubled = sorted((one for one in agents if one["state"] in _STATE_CODES), key=_freshest)
    said = [_trouble(one, now) for one in troubled[:_NAMED]]
    if more := len(troubled) - len(said):
        said.append(f"{more} more in trouble")
    return "; ".join([words, *([", ".join(said)] if said else [])])


def _freshest(agent: Item) -> float:
    return -float(agent["since"])


def _trouble(agent: Item, now: float) -> str:
    since = duration(now - agent["since"])
    words = {
        "stopped": f"stopped {since} ago",
        "unresponsive": f"unresponsive for {since}",
        "waiting": f"waits for a person for {since}",
    }
    return f"{agent['name']} {words.get(agent['state'], f'unknown for {since}')}"


def _machine(kinds: Mapping[str, list[Item]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong with the machinery, and what is well."""
    problems: list[str] = []
    calm: list[str] = []
    for one in kinds.get("monitor", ()):
        problems += [f"store: {one['store_problem']}"] if one.get("store_problem") else []
        problems += [f"collector: {one['collector_problem']}"] if one.get("collector_problem") else []
        damaged = one.get("damaged_queue_files") or 0
        # nothing that waits is at risk by it: told, and no alarm
        calm += [f"the collector set {count(damaged, 'damaged queue file')} aside"] if damaged else []
    wrong, well = _channels(kinds.get("channel", ()))
    problems += wrong
    calm += [f"channels: {', '.join(well)}"] if well else []
    backends = sorted(kinds.get("backend", ()), key=lambda one: str(one.get("name", "")))
    problems += [f"backend {one['name']}: {_because(one)}" for one in backends if not _is_ready(one)]
    well = [_calm(one) for one in backends if _is_ready(one)]
    calm += [f"backends: {', '.join(well)}"] if well else []
    return tuple(problems), tuple(calm)


def _is_ready(backend: Item) -> bool:
    return backend["state"] != "failing" and bool(backend.get("ready", True))


def _calm(backend: Item) -> str:
    return str(backend["name"]) if backend["state"] == "ok" else f"{backend['name']} ({backend['state']})"


def _because(backend: Item) -> str:
    return f"{backend['state']}: {backend['reason']}" if backend.get("reason") else str(backend["state"])


def _channels(channels: Iterable[Item]) -> tuple[list[str], list[str]]:
    wrong, well = [], []
    for one in sorted(channels, key=lambda one: str(one.get("channel", ""))):
        failed: list[Any] = list(one.get("failed") or ())
        sending = one.get("sending") or {}
        if failed:
            wrong.append(f"channel {one['channel']}: {count(len(failed), 'message')} refused: {failed[-1]['error']}")
        elif sending.get("error"):
            wrong.append(f"channel {one['channel']}: not delivered yet, try {sending['attempts']}: {sending['error']}")
        elif one.get("on"):
            well.append(str(one["channel"]))
    return wrong, well


def count(number: int, what: str) -> str:
    """«1 alert», «2 alerts»."""
    return f"{number} {what}{'s' if number > 1 else ''}"
