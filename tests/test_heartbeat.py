"""`telemetry.heartbeat`: costs nothing, never raises, says once that nobody listens, and reaches a real monitor."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import telemetry
from telemetry import State, heartbeats, reaching
from telemetry.control import control_socket
from tests.daemons import daemon, environment
from tests.waiting import eventually


class Monitor(ThreadingHTTPServer):
    """Takes events as the monitor does, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.shown: list[str] = []
        self.refusal = ""
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        assert isinstance(server, Monitor)
        server.go_on.wait(10)
        if shown := self.headers["authorization"]:
            server.shown.append(shown)
        server.heard.append((self.path, body))
        answer = json.dumps({"detail": server.refusal} if server.refusal else {}).encode()
        self.send_response(422 if server.refusal else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing."""


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    """A monitor at ORCHESTRATOR_URL."""
    with Monitor() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("ORCHESTRATOR_URL", server.url)
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def sender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[heartbeats.Sender]:
    """A sender of the test's own, which finds no monitor of whoever runs it."""
    monkeypatch.setenv("ORCHESTRATOR_STATE_DIR", str(tmp_path))
    made = heartbeats.Sender()
    monkeypatch.setattr(heartbeats, "_sender", made)
    yield made
    made.end(5)


def test_what_is_called_is_what_is_sent(monitor: Monitor) -> None:
    telemetry.heartbeat("wörker/3", State.BUSY, task="tests", ttl=30, cluster="main")
    eventually(lambda: monitor.heard)
    ((path, body),) = monitor.heard
    assert path == "/api/agents/w%C3%B6rker%2F3/events"
    assert body.pop("pid_space", "pid:[").startswith("pid:[")
    assert body == {"state": "busy", "task": "tests", "ttl": 30, "cluster": "main", "pid": os.getpid()}


def test_only_the_newest_of_each_name_is_kept_while_the_monitor_is_slow(monitor: Monitor) -> None:
    monitor.go_on.clear()
    telemetry.heartbeat("a", "idle", pid=0)
    eventually(lambda: not heartbeats._sender._notes)
    for number in range(100):
        telemetry.heartbeat("a", "busy", task=str(number), pid=0)
        telemetry.heartbeat("b", pid=0)
    telemetry.heartbeat("a", pid=0)
    monitor.go_on.set()
    eventually(lambda: len(monitor.heard) == 3)
    assert [(path.split("/")[3], body) for path, body in monitor.heard] == [
        ("a", {"state": "idle", "task": ""}),
        ("a", {"state": "busy", "task": "99"}),
        ("b", {}),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"state": "flying"},
            "state: 'flying' is not possible; allowed is busy or idle or waiting or stopped or ended",
        ),
        ({"state": State.UNRESPONSIVE}, "state: .* is not possible"),
        ({"state": []}, "state: "),
        ({"ttl": 0}, "ttl: 0 is not possible; allowed is a number of seconds from 0.1 to 86400"),
        ({"ttl": float("nan")}, "ttl: nan"),
        ({"pid": -1}, "pid: -1 is not possible"),
        ({"pid": True}, "pid: True is not possible"),
        ({"task": 7}, "task: 7 is not possible; allowed is a text"),
        ({"cluster": 7}, "cluster: 7 is not possible; allowed is a text"),
        ({"name": " "}, "name: ' ' is not possible"),
    ],
)
def test_a_wrong_argument_is_told_at_once(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        telemetry.heartbeat(**{"name": "a", **arguments})


def test_that_nobody_listens_is_said_once_and_so_is_that_it_works_again(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "telemetry.heartbeats")
    monkeypatch.setattr(heartbeats, "_NOBODY_FOR", 0.01)
    monkeypatch.delenv("ORCHESTRATOR_URL")
    telemetry.heartbeat("a", "busy")
    eventually(lambda: caplog.records)
    for _ in range(3):
        telemetry.heartbeat("a", "busy")
        eventually(lambda: not heartbeats._sender._notes)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no monitor runs with the state folder" in caplog.text
    assert "ORCHESTRATOR_STATE_DIR" in caplog.text
    monkeypatch.setenv("ORCHESTRATOR_URL", monitor.url)
    telemetry.heartbeat("a", "busy")
    eventually(lambda: len(caplog.records) == 2)
    assert caplog.records[1].getMessage() == "heartbeats are heard again"


def test_a_token_is_shown_to_a_monitor_elsewhere(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_TOKEN", "ort_of-somebody\n")
    telemetry.heartbeat("a", pid=0)
    eventually(lambda: monitor.heard)
    assert monitor.shown == ["Bearer ort_of-somebody"]


def test_a_token_is_not_shown_to_the_socket_and_one_that_is_none_is_not_said_aloud() -> None:
    token = {"ORCHESTRATOR_TOKEN": "ort_of-somebody"}
    assert "authorization" not in reaching.headers(token)
    with pytest.raises(ValueError, match="ORCHESTRATOR_TOKEN is no token") as told:
        reaching.headers({"ORCHESTRATOR_TOKEN": "secret\r\nx: y", "ORCHESTRATOR_URL": "http://127.0.0.1:1"})
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://h", "http://h:port", "http://u:secret@h:x"])
def test_an_address_that_is_none_is_said(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_URL", url)
    telemetry.heartbeat("a")
    eventually(lambda: caplog.records)
    assert "ORCHESTRATOR_URL is" in caplog.text
    assert "it must be an address such as http://127.0.0.1:8000" in caplog.text
    assert "secret" not in caplog.text


def test_what_the_monitor_refuses_is_said_once(monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    monitor.refusal = "cluster is missing: several take events (a, b)"
    for number in range(2):
        telemetry.heartbeat("worker")
        eventually(lambda wanted=number + 1: len(monitor.heard) == wanted)  # type: ignore[misc]
    eventually(lambda: caplog.records)
    assert len(caplog.records) == 1
    assert "the monitor refused a heartbeat of 'worker': cluster is missing" in caplog.text


def test_a_monitor_that_never_answers_holds_nobody_up(sender: heartbeats.Sender, tmp_path: Path) -> None:
    with control_socket(tmp_path):  # listens, and takes nothing
        telemetry.heartbeat("a", "busy")
        eventually(lambda: not sender._notes)
        for _ in range(1000):
            telemetry.heartbeat("a", "busy")


def test_a_forked_child_sends_for_itself(monitor: Monitor) -> None:
    telemetry.heartbeat("parent")
    eventually(lambda: monitor.heard)
    program = (
        "import os, telemetry\n"
        "telemetry.heartbeat('parent', 'busy')\n"
        "child = os.fork()\n"
        "telemetry.heartbeat('child' if child == 0 else 'parent', 'idle')\n"
        "child and os.waitpid(child, 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment(Path("/nonexistent")), "ORCHESTRATOR_URL": monitor.url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    heard = {path.split("/")[3]: body for path, body in monitor.heard}
    assert heard["child"]["state"] == heard["parent"]["state"] == "idle"
    assert heard["child"]["pid"] != heard["parent"]["pid"]


def test_last_words_are_sent_and_nothing_keeps_a_program_from_ending(monitor: Monitor) -> None:
    program = "import telemetry\ntelemetry.heartbeat('a', 'ended')\n"
    for url in (monitor.url, "http://127.0.0.1:1"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**environment(Path("/nonexistent")), "ORCHESTRATOR_URL": url},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
    assert [body["state"] for _, body in monitor.heard] == ["ended"]


@pytest.mark.slow
def test_a_real_monitor_hears_a_heartbeat_a_hook_and_a_death(tmp_path: Path) -> None:
    settings = tmp_path / "orchestrator-telemetry.yaml"
    settings.write_text("sources: [push]\ncluster_name: main\n")
    state = tmp_path / "state"
    more = {"ORCHESTRATOR_STATE_DIR": str(state), "ORCHESTRATOR_DASHBOARD_PORT": "0"}
    program = "import telemetry, sys\ntelemetry.heartbeat('worker', 'busy', task='x')\ninput()\n"
    with daemon(tmp_path, "dashboard", **more) as running:
        assert running.url
        with subprocess.Popen(
            [sys.executable, "-c", program], env=environment(tmp_path, **more), stdin=subprocess.PIPE
        ) as worker:
            try:
                eventually(lambda: running.agents() == {"worker": "busy"})
            finally:
                worker.kill()
        eventually(lambda: running.agents() == {"worker": "stopped"})
