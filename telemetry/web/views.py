"""The picture as plain values for JSON: what each answer of the API says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from telemetry.model import AgentHealth, Alert, AlertLevel, ClusterMetrics, ClusterSnapshot, OpenAlert, Silence, State
from telemetry.web.people import ChannelState, Queued, Tried
from telemetry.web.watched import SourceWord, Watched

SLOWEST_FRESH = 10.0
"""Seconds: a check this recent is fresh whatever the interval."""
INTERVALS_FRESH = 3
"""Check intervals after which a check is stale."""

_COUNTS = ("total_agents", "running_agents", "idle_agents", "unhealthy_agents", "total_restarts")


def metrics(found: Sequence[tuple[str, ClusterMetrics]]) -> dict[str, Any]:
    """The seed's numbers over all clusters, the oldest check's time, and each cluster for itself."""
    total: dict[str, Any] = {name: sum(getattr(numbers, name) for _, numbers in found) for name in _COUNTS}
    total["timestamp"] = min(numbers.timestamp for _, numbers in found)
    total["clusters"] = {cluster: asdict(numbers) for cluster, numbers in found}
    return total


def alert(held: Alert) -> dict[str, Any]:
    """An alert: the seed's fields first."""
    return asdict(held)


def open_alert(held: OpenAlert) -> dict[str, Any]:
    """An alert that is open, with all that is known of it; times in Unix seconds, None for what has not happened.

    `agent_name` is for people, and the cluster's name where it is about the cluster; `agent` is "" then.
    """
    known = held.acknowledged
    return {
        "id": held.id,
        "cluster": held.cluster,
        "agent": held.agent,
        "agent_name": held.subject,
        "rule": held.rule,
        "level": held.level.value,
        "message": held.message,
        "phase": held.phase.value,
        "since": held.since,
        "fired_at": held.fired_at or None,
        "changed_at": held.changed_at,
        "role": held.role,
        "flapping": held.flapping,
        "trace_id": held.trace_id,
        "acknowledged": known
        and {
            "by": known.by,
            "at": known.at,
            "note": known.note,
            "level": known.level.value,
            "holds": held.is_acknowledged,
        },
        "suppressed": held.suppressed and {"reason": held.suppressed.reason.value, "detail": held.suppressed.detail},
    }


def worst_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Open alerts as they are shown: by level, the oldest first."""
    return sorted(found, key=lambda held: (-AlertLevel(held["level"]).rank, held["since"]))


def silence(held: Silence, now: float) -> dict[str, Any]:
    """A silence; `active` is false before it begins."""
    return {**asdict(held), "active": held.active(now)}


def channel(held: ChannelState) -> dict[str, Any]:
    """How it is with a channel."""
    return {
        "channel": held.name,
        "on": held.on,
        "waiting": held.waiting,
        "sending": held.sending and queued(held.sending),
        "failed": [queued(message) for message in held.failed],
        "delivered_at": held.delivered_at,
    }


def queued(held: Queued) -> dict[str, Any]:
    """A message that is not delivered."""
    return {
        "id": held.message.id,
        "cluster": held.message.cluster,
        "created_at": held.message.created_at,
        "alerts": [f"{notice.subject}: {notice.message}" for notice in held.message.notices],
        "attempts": held.attempts,
        "next_at": held.next_at,
        "error": held.error,
    }


def tried(held: Tried) -> dict[str, Any]:
    """What a test of a channel came to."""
    return {"channel": held.channel, "delivered": held.delivered, "said": held.said}


def agent(held: AgentHealth, now: float) -> dict[str, Any]:
    """An agent with its judgement; times in Unix seconds, durations in seconds."""
    sample = held.sample
    return {
        "name": sample.name,
        "role": sample.role,
        "state": held.state.value,
        "reason": held.reason,
        "running": held.up,
        "since": held.since,
        "idle_time": held.idle_time(now),
        "restart_count": sample.restart_count,
        "last_activity": sample.last_activity,
        "pane_index": sample.pane_index,
        "pid": sample.pid,
        "has_work": sample.has_work,
        **sample.detail._asdict(),
    }


def is_wanted(shown: Mapping[str, Any], state: State | None, text: str) -> bool:
    """Whether an agent, as it is shown, is in a state and has a text somewhere in what people know it by."""
    if state is not None and shown["state"] != state.value:
        return False
    wanted = text.lower()
    return not wanted or any(wanted in shown[name].lower() for name in ("name", "role", "task", "reason"))


def explanation(
    monitor: Watched, held: AgentHealth, words: Sequence[SourceWord], alerts: Sequence[Alert], now: float
) -> dict[str, Any]:
    """Why an agent is judged as it is: every source's word, its age in seconds, and what of it is believed."""
    told = [_word(word, now) for word in words]
    return {
        "cluster": monitor.cluster,
        **agent(held, now),
        "words": told,
        "disagreement": _disagreement(told),
        "deaths_are_seen": monitor.deaths_are_seen,
        "alerts": [alert(open_one) for open_one in alerts],
        "now": now,
    }


_RUNS = "runs"
"""Says who knows that an agent's process lives, and not what it does."""


def _word(word: SourceWord, now: float) -> dict[str, Any]:
    sample = word.sample
    says = sample.reported.value if sample.reported is not None else _RUNS
    return {
        "source": word.source,
        "calls_it": sample.name,
        "age": max(0.0, now - word.at),
        "says": says if sample.running or sample.reported is State.UNKNOWN else State.STOPPED.value,
        "reason": sample.reason,
        "pid": sample.pid,
        "last_activity": sample.last_activity,
        "restart_count": sample.restart_count,
        "believed_for": list(word.used_for),
    }


def _disagreement(told: Sequence[dict[str, Any]]) -> str:
    """In words, where not all say the same; that a process runs contradicts no state of a running agent."""
    said = {word["says"] for word in told if word["says"] != State.UNKNOWN.value}
    if said - {_RUNS, State.STOPPED.value}:
        said.discard(_RUNS)
    if len(said) < 2:  # noqa: PLR2004 - it takes two to disagree
        return ""
    chosen = next((word["source"] for word in told if "state" in word["believed_for"]), told[0]["source"])
    each = ", ".join(f"{word['source']} says {word['says']}" for word in told)
    return f"{each}: {chosen} is nearest to the agent"


def cluster(monitor: Watched, snapshot: ClusterSnapshot | None, now: float) -> dict[str, Any]:
    """A cluster with its agents; `taken_at` is None before the first check."""
    return {
        "name": monitor.cluster,
        "monitoring": monitor.is_running(),
        "check_interval": monitor.check_interval,
        "taken_at": snapshot.taken_at if snapshot else None,
        "source": snapshot.source if snapshot else "",
        "source_error": snapshot.source_error if snapshot else "",
        "session_name": snapshot.session_name if snapshot else "",
        "session_exists": snapshot.session_exists if snapshot else True,
        "agents": [agent(held, now) for held in snapshot.agents] if snapshot else [],
    }


def sources(monitor: Watched, now: float) -> dict[str, Any]:
    """The sources of a cluster; `age` in seconds is that of the last answer, None before the first."""
    return {
        "cluster": monitor.cluster,
        "deaths_are_seen": monitor.deaths_are_seen,
        "sources": [
            {
                "source": held.source,
                "agents": held.agents,
                "error": held.error,
                "age": max(0.0, now - held.read_at) if held.read_at else None,
                "events": held.events,
            }
            for held in monitor.sources
        ],
    }


def staleness(monitors: Iterable[Watched], heartbeats: dict[str, float], now: float) -> list[str]:
    """Why the process isn't ready, a line for each monitor that rests or whose last check isn't fresh; empty: it is."""
    reasons: list[str] = []
    for monitor in monitors:
        if not monitor.is_running():
            reasons.append(f"cluster {monitor.cluster}: monitoring is stopped")
            continue
        last = heartbeats.get(monitor.cluster)
        allowed = max(SLOWEST_FRESH, INTERVALS_FRESH * monitor.check_interval)
        if last is None:
            reasons.append(f"cluster {monitor.cluster}: no check has finished yet")
        elif now - last > allowed:
            reasons.append(
                f"cluster {monitor.cluster}: the last check finished {now - last:.0f} s ago, {allowed:g} s are allowed"
            )
    return reasons
