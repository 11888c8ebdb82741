"""Secrets come in by every entrance of the real daemon, and no byte of what it keeps, sends or answers has one."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backends.server import free_ports
from tests.collector.harness import environment, running
from tests.daemons import Daemon, Tmux, daemon
from tests.planting import Planted, Planter
from tests.waiting import eventually

pytestmark = pytest.mark.slow
EVENTS = 60
PATHS = 10


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta").keep_dead_panes()
    yield server
    server.close()


def post(running: Daemon, path: str, body: dict[str, Any]) -> bytes:
    """The answer, whatever its status."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(running.url + path, data, {"content-type": "application/json"})  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
            found: bytes = answer.read()
    except urllib.error.HTTPError as error:
        found = error.read()
    return found


def tell(watched: Daemon, planter: Planter, planted: list[Planted]) -> list[bytes]:
    """Events of agents with a secret in every text; gives the answers."""
    answers = []
    for number, one in enumerate(planted[:EVENTS]):
        text = list(planter.everywhere(one))[number % 5]
        event = {"state": "stopped", "reason": text, "task": text, "role": one.text}
        answers.append(post(watched, f"/api/v1/agents/worker{number}/events", event))
        answers.append(post(watched, f"/api/v1/agents/worker{number}/events", {one.text: 1, "state": text}))
    in_paths = [one for one in planted if "the middle" not in one.kind]  # a line of Base64 alone, there like any name
    for one in in_paths[:: len(in_paths) // PATHS]:
        named = urllib.parse.quote(one.text, safe="")
        answers.append(post(watched, f"/api/agents/{named}/events", {"state": "busy"}))
        answers.append(post(watched, f"/api/v1/{named}?agent={named}&{named}=1", {}))
    hook = {"hook_event_name": "UserPromptSubmit", "session_id": "s1", "cwd": "/x", "prompt": planted[1].text}
    answers.append(post(watched, "/api/v1/hooks/claude", hook))
    return answers


def show(tmux: Tmux, folder: Path, planted: list[Planted]) -> None:
    """A pane prints all of them, and another has one as its name."""
    printed = folder / "printed"
    printed.write_text("\n".join(one.text for one in planted if "without an end" not in one.kind) + "\nend of it\n")
    first, second = tmux("list-panes", "-a", "-F", "#{pane_id}").splitlines()[:2]
    tmux("respawn-pane", "-k", "-t", first, f"cat {printed}; exec sleep 1000")
    tmux("set-option", "-p", "-t", second, "@agent_name", f"beta {planted[2].text}")


def kinds_in(planted: list[Planted], written: list[bytes]) -> set[str]:
    return {one.kind for one in planted for piece in one.pieces for found in written if piece.encode() in found}


def files_below(*folders: Path) -> list[bytes]:
    found = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    return found + [unpacked(held, at.start()) for held in found for at in re.finditer(b"\x1f\x8b\x08", held)]


def unpacked(held: bytes, at: int) -> bytes:
    """What stands there packed, as most of a spool is; nothing where it only looks so."""
    try:
        return zlib.decompressobj(wbits=31).decompress(held[at:])
    except zlib.error:
        return b""


def test_none_is_kept_sent_or_answered(tmp_path: Path, tmux: Tmux, collector_binary: Path) -> None:
    planter = Planter(21)
    planted = list(planter.every_kind())
    outside = tmp_path / "outside"
    outside.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    env = environment(outside)
    (nobody,) = free_ports(1)
    more = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}",
        "ORCHESTRATOR_WEBHOOK_URL": f"http://127.0.0.1:{nobody}/hook",
    }
    watching = ["--tmux-socket", tmux.socket, "--source", "tmux,push", "--port", "0", "--interval", "0.2"]
    with daemon(home, "dashboard", *watching, **more) as watched:
        eventually(lambda: "alpha" in watched.agents(), what="an agent")
        show(tmux, outside, planted)
        answers = tell(watched, planter, planted)
        eventually(lambda: len(watched.agents()) > EVENTS, what="the agents that were told of")
        lines = eventually(lambda: watched.get("/api/v1/agents/lines?agent=alpha&count=100"), what="lines")
        eventually(
            lambda: "end of it" in str(watched.get("/api/v1/agents/lines?agent=alpha&count=100")), what="its end"
        )
        pages = (
            "/metrics",
            "/api/agents",
            "/api/v1/agents",
            "/api/v1/alerts",
            "/api/v1/agents/lines?agent=alpha&count=100",
        )
        answers += [json.dumps(watched.get(page)).encode() for page in pages] + [json.dumps(lines).encode()]
        spool = home / ".local/state/orchestrator-telemetry/spool"
        eventually(
            lambda: any(b"/api/v1/agents/worker9/events" in held for held in files_below(spool)),
            what="the spans of the requests in the spool",
        )
        spooled = files_below(home)
        with running(collector_binary, "file", env) as collector:  # what waited for it comes now
            logs = outside / "files" / "logs.jsonl"
            eventually(lambda: logs.exists() and b"worker5" in logs.read_bytes(), 60, what="the records that waited")
            watched.end()
            collector.stop()
    (outside / "printed").unlink()
    written = [*answers, *spooled, *files_below(home, outside), watched.said.encode()]
    assert sum(map(len, written)) > 100_000, "something was written at all"
    missed = kinds_in(planted, written)
    assert not missed
