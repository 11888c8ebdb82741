"""State items as the daemon's stream has them, and a board that was filled with some."""

from __future__ import annotations

from typing import Any

from telemetry.cli.live.board import Board

NOW = 1_800_000_000.0


def cluster(name: str = "main", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "monitoring": True,
        "check_interval": 5.0,
        "taken_at": NOW - 2.0,
        "source": "tmux",
        "source_error": "",
        "session_name": "work",
        "session_exists": True,
        "tasks": [],
        **more,
    }


def agent(name: str, state: str = "busy", **more: Any) -> dict[str, Any]:
    running = state != "stopped"
    return {
        "cluster": "main",
        "name": name,
        "role": "",
        "state": state,
        "reason": f"is {state}",
        "running": running,
        "since": NOW - 120.0,
        "restart_count": 0,
        "last_activity": NOW - 30.0,
        "active_at": NOW - 30.0,
        "pane_index": 0,
        "pid": 4711,
        "has_work": None,
        "pane_id": "%1",
        "session_id": "",
        "named": True,
        "exit_status": None,
        "cpu_seconds": None,
        "memory_bytes": None,
        "task": "",
        "folder": "",
        "team": "",
        **more,
    }


def alert(id_: str, about: str, level: str = "error", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "cluster": "main",
        "agent": about,
        "agent_name": about or "main",
        "rule": "agent_stopped",
        "level": level,
        "message": "agent stopped",
        "phase": "firing",
        "since": NOW - 120.0,
        "fired_at": NOW - 120.0,
        "changed_at": NOW - 120.0,
        "role": "",
        "flapping": False,
        "trace_id": "ab" * 16,
        "acknowledged": None,
        "suppressed": None,
        **more,
    }


def taken(by: str, note: str = "") -> dict[str, Any]:
    return {"by": by, "at": NOW - 60.0, "note": note, "level": "error", "holds": True}


def channel(name: str, **more: Any) -> dict[str, Any]:
    return {
        "channel": name,
        "on": True,
        "waiting": 0,
        "sending": None,
        "failed": [],
        "delivered_at": None,
        **more,
    }


def items(*found: dict[str, Any], monitor: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """By their keys; a cluster is there without being named."""
    keyed: dict[str, dict[str, Any]] = {"cluster/main": cluster()}
    for one in found:
        keyed[_key(one)] = one
    keyed["monitor"] = {"store_problem": "", "problems": [], "version": "1", **(monitor or {})}
    return keyed


def _key(one: dict[str, Any]) -> str:
    if "check_interval" in one:
        return f"cluster/{one['name']}"
    if "level" in one:
        return f"alert/{one['id']}"
    if "channel" in one:
        return f"channel/{one['channel']}"
    return f"agent/{one['cluster']}/{one['name']}" if "restart_count" in one else f"backend/{one['name']}"


def board(*found: dict[str, Any], **more: Any) -> Board:
    made = Board(lambda: NOW)
    made.take("snapshot", {"now": NOW, "items": items(*found, **more)}, "boot-1")
    return made
