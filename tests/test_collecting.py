"""Whether there is to be a collector, and what the process is told about it; the running is in test_daemon.py."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from telemetry import collecting
from telemetry.collecting import (
    OwnCollector,
    Plan,
    Wish,
    busy_port,
    keep_inside,
    plan,
    send_to_own,
    sends_elsewhere,
    still_busy_port,
    take_free_ports,
)
from telemetry.collector import CollectorError
from tests.daemons import ROOT


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "collector"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    monkeypatch.setenv("ORCHESTRATOR_COLLECTOR_BINARY", str(program))


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://a"}, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ""),
        ({"OTEL_SDK_DISABLED": "True"}, "OTEL_SDK_DISABLED"),
        ({"OTEL_SDK_DISABLED": "false"}, ""),
    ],
)
def test_who_decided_himself_where_to_send(environ: dict[str, str], says: str) -> None:
    assert sends_elsewhere(environ) == says


@pytest.mark.usefixtures("built")
def test_one_that_is_built_is_started_unless_the_user_sends_elsewhere() -> None:
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gateway:4318"}
    assert plan(Wish.AUTO, {}) == (Plan.START, "")
    assert plan(Wish.NO, {}) == (Plan.NONE, "")
    assert plan(Wish.AUTO, elsewhere) == (Plan.NONE, "none of our own: OTEL_EXPORTER_OTLP_ENDPOINT is set")
    assert plan(Wish.YES, elsewhere) == (Plan.START, "")


def test_without_go_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_go() -> Path:
        raise CollectorError("building the collector needs Go: install it")

    monkeypatch.setattr(collecting, "binary_path", lambda: None)
    assert plan(Wish.AUTO, {})[0] in {Plan.BUILD, Plan.NONE}
    monkeypatch.setattr(collecting, "find_go", no_go)
    assert plan(Wish.AUTO, {}) == (Plan.NONE, "none: building the collector needs Go: install it")


def test_the_process_sends_to_its_own_collector_at_its_own_pace() -> None:
    environ: dict[str, str] = {}
    assert send_to_own(environ, 1.5) == "http://127.0.0.1:4318"
    assert environ == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_METRIC_EXPORT_INTERVAL": "1500",
    }


def test_what_the_user_set_stays() -> None:
    environ = {
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
        "ORCHESTRATOR_COLLECTOR_HOST": "0.0.0.0",
        "ORCHESTRATOR_COLLECTOR_HTTP_PORT": "14318",
        "ORCHESTRATOR_COLLECTOR_TOKEN": "a,b%20c=d",
    }
    assert send_to_own(environ, 5) == "http://127.0.0.1:14318"
    assert environ["OTEL_METRIC_EXPORT_INTERVAL"] == "60000"
    assert environ["OTEL_EXPORTER_OTLP_HEADERS"] == "Authorization=Bearer%20a%2Cb%2520c%3Dd"


def test_who_asked_for_a_collector_and_sends_elsewhere_does_both() -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gateway:4318"}
    assert send_to_own(environ, 5) == "http://127.0.0.1:4318"
    assert environ == {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gateway:4318"}


@pytest.fixture
def held() -> Iterator[tuple[int, str]]:
    """A port of ours, and who holds it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1], f"process {os.getpid()} ("


def test_a_held_port_is_named_with_its_holder_and_the_variable(held: tuple[int, str]) -> None:
    port, who = held
    for part in ("HTTP", "GRPC", "HEALTH", "TELEMETRY", "PROMETHEUS"):
        environ = _free_ports() | {f"ORCHESTRATOR_COLLECTOR_{part}_PORT": str(port)}
        busy = busy_port(environ, "")
        assert busy.startswith(f"port {port} is held by {who}")
        assert busy.endswith(f": ORCHESTRATOR_COLLECTOR_{part}_PORT moves it")
    assert busy_port(environ, "loki, prometheus") == busy_port(environ | {"BACKENDS": "prometheus"}, "") == busy
    assert busy_port(environ, "loki") == busy_port(environ | {"BACKENDS": "loki"}, "") == ""


def test_a_port_that_is_held_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["process 1", "process 1"]
    monkeypatch.setattr(collecting, "port_holder", lambda _: answers.pop() if answers else "")
    monkeypatch.setattr(collecting, "_LOOK_AGAIN", 0.0)
    assert still_busy_port({}, "") == ""
    monkeypatch.setattr(collecting, "port_holder", lambda _: "process 1")
    monkeypatch.setattr(collecting, "ORPHAN_GONE_WITHIN", 0.01)
    assert still_busy_port({}, "") == "port 4318 is held by process 1: ORCHESTRATOR_COLLECTOR_HTTP_PORT moves it"


def test_where_only_root_learns_the_holder_the_port_is_held_all_the_same(
    held: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: int) -> str:
        raise psutil.AccessDenied

    monkeypatch.setattr(collecting, "port_holder", denied)
    environ = _free_ports()
    assert busy_port(environ, "") == ""
    environ["ORCHESTRATOR_COLLECTOR_HTTP_PORT"] = str(held[0])
    assert "is held by another process: " in busy_port(environ, "")


def test_the_demo_leaves_held_ports_to_whoever_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "port_holder", lambda port: "" if port == 8888 else "somebody")
    environ = {"ORCHESTRATOR_COLLECTOR_GRPC_PORT": "4317"}
    take_free_ports(environ)
    assert environ.pop("ORCHESTRATOR_COLLECTOR_GRPC_PORT") == "4317", "the user's own word stays"
    assert sorted(environ) == [f"ORCHESTRATOR_COLLECTOR_{part}_PORT" for part in ("HEALTH", "HTTP", "PROMETHEUS")]
    assert len({int(port) for port in environ.values()} - {4318, 13133, 8889}) == 3


def _free_ports() -> dict[str, str]:
    with ExitStack() as taken:
        names = [
            f"ORCHESTRATOR_COLLECTOR_{part}_PORT" for part in ("HTTP", "GRPC", "HEALTH", "TELEMETRY", "PROMETHEUS")
        ]
        servers = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {name: str(server.getsockname()[1]) for name, server in zip(names, servers, strict=True)}


@pytest.fixture
def program(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A stand-in for the built collector, and the environment with its ports."""
    script = tmp_path / "collector"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fake_collector.py"} "$@"\n')
    script.chmod(0o700)
    return script, {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **_free_ports()}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def test_one_that_is_not_built_is_built_with_progress_and_joins(
    program: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(progress: Callable[[str], None], *, cancelled: threading.Event) -> Path:
        assert not cancelled.is_set()
        progress("building the collector")
        return program[0]

    monkeypatch.setattr(collecting, "binary_path", lambda: None)
    monkeypatch.setattr(collecting, "build", build)
    told: list[str] = []

    async def scenario() -> None:
        own = OwnCollector("", program[1], told.append)
        own.start()
        await until(lambda: "running" in own.state)
        await own.stop(5.0)
        assert own.state == "stopped"

    asyncio.run(scenario())
    assert told == ["building the collector", "the collector runs: its default backends"]


@pytest.mark.slow
def test_a_failure_is_told_when_it_changes_not_at_each_try(
    program: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    answers = ["held by a", "held by a", "held by a", "held by b", "held by b", "", "held by b"]
    monkeypatch.setattr(collecting, "binary_path", lambda: program[0])
    monkeypatch.setattr(collecting, "busy_port", lambda *_: answers.pop(0) if len(answers) > 1 else answers[0])
    monkeypatch.setattr(collecting, "LONGEST_PAUSE", 0.01)

    async def scenario() -> None:
        own = OwnCollector("", program[1], told.append)
        own.start()
        await until(lambda: "running," in own.state)
        await asyncio.to_thread(_crash, program[1]["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])
        await until(lambda: own.state == "not running: held by b")
        await own.stop(5.0)

    asyncio.run(scenario())
    failures = [
        f"the collector does not run: {why}"
        for why in ("held by a", "held by b", "it ended with status 7", "held by b")
    ]
    assert told == [*failures[:2], "the collector runs: its default backends", *failures[2:]]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == failures


def _crash(port: str) -> None:
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/crash", b"", 5)


def test_a_build_that_fails_is_one_line_and_one_that_is_stopped_is_told_to(
    program: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[threading.Event] = []

    def failing(progress: Callable[[str], None], *, cancelled: threading.Event) -> Path:
        seen.append(cancelled)
        if len(seen) > 1:
            cancelled.wait(30)
        raise CollectorError("no space left")

    monkeypatch.setattr(collecting, "binary_path", lambda: None)
    monkeypatch.setattr(collecting, "build", failing)
    told: list[str] = []

    async def scenario() -> None:
        failed = OwnCollector("", program[1], told.append)
        failed.start()
        await until(lambda: bool(told))
        assert failed.state == "not running: could not be built: no space left"
        await failed.stop(1.0)
        stopped = OwnCollector("", program[1], told.append)
        stopped.start()
        await until(lambda: len(seen) == 2)
        await stopped.stop(1.0)

    asyncio.run(scenario())
    assert seen[1].is_set()
    assert told == ["the collector does not run: could not be built: no space left"]


def test_the_demo_keeps_to_endpoints_of_this_machine() -> None:
    here = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:4318/v1/traces",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "127.0.0.1:4317",
    }
    environ = {**here, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://logs.example", "BACKENDS": "datadog"}
    assert keep_inside(environ) == ["BACKENDS", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"]
    assert environ == here
