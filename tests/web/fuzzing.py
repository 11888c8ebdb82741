"""Schemathesis against a real daemon: real tmux agents, pushed ones, alerts open and over, silences, a store.

Its command line is used, which is its stable face: `python -m schemathesis.cli run URL`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemons import Daemon, Tmux, daemon
from tests.waiting import eventually

TOKEN = "a-token-that-only-this-test-knows-0123456789"
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"
_NEVER_ENDS = "/api/v1/stream"
_SETTINGS = """
[checks]
positive_data_acceptance.enabled = false

[[operations]]
include-path = "/readyz"
checks.not_a_server_error.enabled = false
"""
"""Every check but two: that something doesn't exist, or that a silence would be over already, is no fault of ours; and
that all isn't well is an answer, 503, as those expect who ask /readyz."""


SAME_EVERY_TIME = ("--generation-deterministic", "--seed", "1")
"""What is made up is the same in every run: what fails can be had again. `make soak` throws the dice anew."""


@contextmanager
def world(home: Path) -> Iterator[Daemon]:
    """A daemon that has something to tell of everything it can be asked."""
    tmux = Tmux("alpha", "beta").keep_dead_panes()
    tokens = home / "operate-token"
    tokens.write_text(TOKEN)
    tokens.chmod(0o600)
    flags = ("--tmux-socket", tmux.socket, "--source", "tmux,push", "--port", "0", "--interval", "0.5")
    try:
        with daemon(home, "dashboard", *flags, ORCHESTRATOR_DASHBOARD_TOKEN_FILE=str(tokens)) as running:
            eventually(lambda: {"alpha", "beta"} <= _names(running), what="both agents")
            _fill(running, tmux)
            yield running
    finally:
        tmux.close()


def _names(running: Daemon) -> set[str]:
    return {agent["name"] for cluster in ask(running, "/api/v1/agents")["clusters"] for agent in cluster["agents"]}


def ask(running: Daemon, path: str, body: Any = None) -> Any:
    """An answer, by somebody who may do everything."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        running.url + path,
        None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return json.loads(answer.read() or b"null")


def _fill(running: Daemon, tmux: Tmux) -> None:
    """Alerts that are open and one that is over, one acknowledged, a silence, an agent that pushes hostile text."""
    event = {"state": "waiting", "reason": HOSTILE, "task": HOSTILE, "role": HOSTILE}
    ask(running, "/api/v1/agents/pushed%2Fone%3Cb%3E/events", event)
    tmux.kill("beta")
    opened = eventually(lambda: ask(running, "/api/v1/alerts/open")["alerts"], what="an alert")
    ask(running, "/api/v1/alerts/ack", {"alert": opened[0]["id"], "note": HOSTILE})
    ask(running, "/api/v1/silences", {"reason": HOSTILE, "seconds": 3600, "agent": "nobody*"})
    ask(running, "/api/v1/silences", {"reason": "later", "seconds": 60, "starts_at": 4e9})
    eventually(lambda: ask(running, "/api/v1/alerts/history?changes=true")["alerts"], what="something that is over")


def fuzz(running: Daemon, seconds: int, where: Path, *more: str) -> None:
    """Raises AssertionError with all that it found: requests with the answers that the description doesn't allow.

    Args:
        running: Who is asked.
        seconds: For how long at most.
        where: A folder for its settings.
        more: Flags of Schemathesis: `*SAME_EVERY_TIME`.
    """
    settings = where / "schemathesis.toml"
    settings.write_text(_SETTINGS)
    line = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings)),
        *("run", f"{running.url}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {TOKEN}"),
        *("--exclude-path", _NEVER_ENDS),
        *("--max-time", str(seconds), "--request-timeout", "20", "--continue-on-failure", "--warnings", "off"),
        *("--suppress-health-check", "all"),
        *more,
    ]
    done = subprocess.run(line, cwd=where, capture_output=True, text=True, timeout=seconds + 240, check=False)
    assert running.process.poll() is None, running.said
    faults = [
        entry for entry in running.log if entry.get("level") in ("error", "critical") and "failed" in entry["message"]
    ]
    assert not faults, faults
    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-5_000:]}"
