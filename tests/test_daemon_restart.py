"""What the real daemon still knows after it was started again: since when each agent is as it is, and how one died."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, Tmux, daemon, run
from tests.waiting import eventually

pytestmark = pytest.mark.slow
STORE = ".local/state/orchestrator-telemetry/store.sqlite3"
QUIET = {"ORCHESTRATOR_TMUX_QUIET_AFTER": "4"}
"""Seconds until beta, which was just started, is at rest: it is to be that before the restart."""
STATES = {"alpha": "stopped", "beta": "idle", "gamma": "busy"}


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta", "gamma")
    pane = server("list-panes", "-a", "-F", "#{pane_id} #{@agent_name}").splitlines()[-1].split()[0]
    server("respawn-pane", "-k", "-t", pane, "while :; do date +%N; sleep 0.3; done")
    yield server
    server.close()


def watching(tmux: Tmux) -> list[str]:
    return ["dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]


def agents(running: Daemon) -> dict[str, dict[str, Any]]:
    return {a["name"]: a for cluster in running.get("/api/v1/agents")["clusters"] for a in cluster["agents"]}


def alerts(running: Daemon) -> dict[str, dict[str, Any]]:
    return {alert["rule"]: alert for alert in running.get("/api/v1/alerts/open")["alerts"]}


def why_quiet(running: Daemon, rule: str) -> str:
    """Why an open alert is not told; "" where it is."""
    suppressed = alerts(running)[rule]["suppressed"]
    return suppressed["reason"] if suppressed else ""


def is_death_written(home: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{home / STORE}?mode=ro", uri=True)) as file:
            return bool(file.execute("SELECT count(*) FROM timeline_last WHERE exit_status = -9").fetchone()[0])
    except sqlite3.OperationalError:
        return False


def settled(running: Daemon) -> dict[str, dict[str, Any]]:
    """All agents, once each is in its state and a daemon that is killed then loses nothing of that; none before."""
    seen = agents(running)
    with closing(sqlite3.connect(f"file:{running.home / STORE}?mode=ro", uri=True)) as file:
        kept = dict(file.execute("SELECT name, since FROM timeline_last JOIN timeline_agents ON id = agent"))
    is_written = kept == {name: agent["since"] for name, agent in seen.items()}
    return seen if is_written and {name: agent["state"] for name, agent in seen.items()} == STATES else {}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_restart_everything_has_been_so_since_it_began(tmp_path: Path, tmux: Tmux, how: signal.Signals) -> None:
    with daemon(tmp_path, *watching(tmux), **QUIET) as first:
        eventually(lambda: set(agents(first)) == {"alpha", "beta", "gamma"}, what="all agents")
        tmux.kill("alpha")
        eventually(lambda: "is gone" in agents(first)["alpha"]["reason"], what="the end of alpha's pane")
        if how is signal.SIGKILL:
            eventually(lambda: is_death_written(tmp_path), what="the death on disk, at once")
        eventually(lambda: "stopped_agents" in alerts(first), what="the cluster's alert")
        before = eventually(lambda: settled(first), 40, what="alpha down, beta at rest, gamma at work, all on disk")
        open_before = alerts(first)
        first.end(how)
    assert before["alpha"]["reason"].endswith(" is gone: it was killed by signal 9 (SIGKILL)")
    with daemon(tmp_path, *watching(tmux), **QUIET) as second:
        eventually(lambda: set(agents(second)) == {"alpha", "beta", "gamma"}, what="all agents again")
        eventually(lambda: agents(second)["gamma"]["state"] == "busy", what="gamma at work")
        now, open_now = agents(second), alerts(second)
        assert {name: agent["state"] for name, agent in now.items()} == STATES
        for field in ("since", "reason", "restart_count"):
            assert {n: a[field] for n, a in now.items()} == {n: a[field] for n, a in before.items()}, field
        for rule in ("agent_stopped", "stopped_agents"):
            for field in ("id", "message", "since"):
                assert open_now[rule][field] == open_before[rule][field]
        told = run(tmp_path, "alerts", "silence", "--agent", "alpha", "--for", "1h", "--reason", "being mended")
        assert told.returncode == 0, told.stderr
        eventually(lambda: why_quiet(second, "agent_stopped") == "silenced", what="the silence")
        kept = alerts(second)["stopped_agents"]
        assert kept["id"] == open_before["stopped_agents"]["id"]
        assert why_quiet(second, "stopped_agents") == "silenced", "it is not about to end: its cause stands"
