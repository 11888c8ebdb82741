"""`sources`, `check --explain`, `--source`: what is found, whom to believe, and why."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, Tmux, daemon, run
from tests.waiting import eventually

pytestmark = pytest.mark.slow  # whole programs


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta")
    yield server
    server.close()


def tell(running: Daemon, agent: str, **event: Any) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{running.url}/api/agents/{agent}/events",
        json.dumps(event).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - the same
        assert answer.status == 200


def test_sources_say_what_is_found_and_why(tmp_path: Path, tmux: Tmux) -> None:
    done = run(tmp_path, "sources", "--tmux-socket", tmux.socket)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "2 panes hold agents" in lines["tmux"]
    assert f"there is no folder {tmp_path}/.claude" in lines["claude"]
    assert "not used" in lines["process"]
    assert "The death of an agent's process is seen at once, by pidfd." in done.stdout


def test_where_nothing_is_found_the_exit_code_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "sources", "--json", "--source", "claude")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert [one["source"] for one in answer["found"]] == ["claude"]
    assert [kind["source"] for kind in answer["kinds"]] == ["tmux", "claude", "process", "push"]
    assert answer["running"] == []


def test_a_wrong_source_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "sources", "--source", "tmux,docker")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == (
        "orchestrator-telemetry: --source (sources) is 'tmux,docker': it must be auto, or some of tmux, claude, "
        "process, push, joined by commas"
    )


def test_an_agent_is_explained_by_the_running_monitor_and_by_a_look_from_outside(tmp_path: Path, tmux: Tmux) -> None:
    place = ("--tmux-socket", tmux.socket)
    with daemon(tmp_path, "dashboard", "--port", "0", "--interval", "600", *place) as running:
        eventually(lambda: set(running.agents()) == {"alpha", "beta"})
        tell(running, "alpha", state="waiting", reason="may I push?")
        eventually(lambda: running.agents()["alpha"] == "waiting", what="told at once, long before the next check")
        told = run(tmp_path, "check", "--explain", "alpha", *place)
        assert told.returncode == 0, told.stderr
        first = told.stdout.splitlines()[0]
        assert first.startswith(f"alpha in {tmux.socket}: waiting for ")
        assert first.endswith(" s: may I push?")
        assert "they disagree: push says waiting, tmux says busy: push is nearest to the agent" in told.stdout
        (explained,) = json.loads(run(tmp_path, "check", "--explain", "alpha", "--json", *place).stdout)["explanations"]
        assert [(word["source"], word["says"], word["believed_for"]) for word in explained["words"]] == [
            ("push", "waiting", ["state"]),
            ("tmux", "busy", ["life"]),
        ]
        live = run(tmp_path, "sources", *place).stdout
        assert "The running monitor sees the cluster" in live
        assert "events from 1 session" in live
        assert "Its deaths are seen at once, by pidfd: 2 processes." in live
        nobody = run(tmp_path, "check", "--explain", "gamma", *place)
        assert (nobody.returncode, nobody.stdout) == (1, "")
        assert nobody.stderr == "orchestrator-telemetry: no agent is named 'gamma'\n"
        running.end()
    outside = run(tmp_path, "check", "--explain", "alpha", *place)
    assert outside.returncode == 0
    assert "they disagree" not in outside.stdout
    assert "tmux" in outside.stdout
    assert run(tmp_path, "check", "--explain", "gamma", *place).returncode == 1


def test_a_killed_agent_is_stopped_long_before_the_next_check(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, "dashboard", "--port", "0", "--interval", "600", "--tmux-socket", tmux.socket) as running:
        eventually(lambda: set(running.agents()) == {"alpha", "beta"})
        tmux.kill("beta")
        eventually(lambda: running.agents()["beta"] == "stopped")
        alerts = running.get("/api/alerts/open")["alerts"]
        assert [a["rule"] for a in alerts if a["agent"] == "beta"] == ["agent_stopped"]


def test_up_says_what_it_found(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, "dashboard", "--port", "0", "--tmux-socket", tmux.socket) as running:
        said = eventually(lambda: running.said if "watching" in running.said else "")
    assert "found by tmux: 2 panes hold agents" in said
    assert f"found by claude: there is no folder {tmp_path}/.claude" in said
