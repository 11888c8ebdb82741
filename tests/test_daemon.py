"""The daemon as a real process: how it ends, how it starts twice, what is left after kill -9, how it reloads."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.daemons import ROOT, Daemon, Tmux, daemon, environment, run
from tests.waiting import eventually

pytestmark = pytest.mark.slow
PORTS = ("HTTP", "GRPC", "HEALTH", "TELEMETRY", "PROMETHEUS")


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta")
    yield server
    server.close()


@pytest.fixture
def collector(tmp_path: Path) -> dict[str, str]:
    """The environment for a collector that is built, on ports that nobody has."""
    script = tmp_path / "collector"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fake_collector.py"} "$@"\n')
    script.chmod(0o700)
    names = [f"ORCHESTRATOR_COLLECTOR_{part}_PORT" for part in PORTS]
    ports = map(str, _free_ports(len(PORTS)))
    return {"ORCHESTRATOR_COLLECTOR_BINARY": str(script), **dict(zip(names, ports, strict=True))}


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _watching(tmux: Tmux, *more: str) -> list[str]:
    return ["dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2", *more]


def test_it_watches_serves_and_ends_in_order(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, *_watching(tmux)) as running:
        eventually(lambda: set(running.agents()) == {"alpha", "beta"}, what="both agents")
        assert running.get("/readyz") == {"status": "ready"}
        up = f'orchestrator_agent_up{{cluster="{tmux.socket}",agent_name="alpha"}} 1'
        assert up in running.get("/metrics")
        tmux("kill-window", "-t", "work:0")
        eventually(lambda: running.agents()["alpha"] == "stopped", what="the stop of alpha")
        assert running.agents()["beta"] != "stopped"
        assert running.end() < 5.0
        assert running.process.returncode == 0
        messages = [line["message"] for line in running.log]
        assert messages.index("stopping") < messages.index("stopped")
        assert any("alpha" in message for message in messages)
    written = (tmp_path / ".local/state/orchestrator-telemetry/logs/orchestrator-telemetry.jsonl").read_text()
    assert written.splitlines() == running.out.read_text().splitlines()


def test_seeds_curl_lines_stop_and_start_it(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, *_watching(tmux)) as running:
        eventually(running.agents)
        assert running.get("/api/monitoring/stop", "POST")["monitoring"] is False
        seen = running.get("/api/agents")["clusters"][0]["taken_at"]
        assert running.get("/api/monitoring/start", "POST")["monitoring"] is True
        eventually(lambda: running.get("/api/agents")["clusters"][0]["taken_at"] > seen, what="another check")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_its_collector_down_it_still_ends_in_time(tmp_path: Path, tmux: Tmux, number: signal.Signals) -> None:
    (port,) = _free_ports(1)
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_METRIC_EXPORT_INTERVAL": "300"}
    with daemon(tmp_path, *_watching(tmux), **more) as running:
        eventually(running.agents)
        tmux("kill-window", "-t", "work:0")
        eventually(lambda: running.agents()["alpha"] == "stopped")
        assert running.get("/healthz") == {"status": "ok"}
        assert running.end(number) < 5.0
        assert running.process.returncode == 0


def test_a_second_start_names_the_first(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, *_watching(tmux)) as first:
        eventually(lambda: first.url)
        second = run(tmp_path, *_watching(tmux))
        assert second.returncode == 1
        (line,) = second.stderr.strip().splitlines()
        assert f"process {first.process.pid} already watches with the state folder" in line
        assert "ORCHESTRATOR_STATE_DIR" in line
        first.end(signal.SIGKILL)
    with daemon(tmp_path, *_watching(tmux)) as third:  # a lock that nobody holds is no lock
        eventually(third.agents)


def test_kill_9_leaves_no_listener(tmp_path: Path, tmux: Tmux, collector: dict[str, str]) -> None:
    arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]
    with daemon(tmp_path, *arguments, **collector) as running:
        eventually(lambda: "the collector runs" in running.said, what="the collector")
        ports = [
            _port(running.url),
            *(int(port) for name, port in collector.items() if "HTTP" in name or "HEAL" in name),
        ]
        assert all(map(_is_open, ports))
        running.end(signal.SIGKILL)
        eventually(lambda: not any(map(_is_open, ports)), what="the end of every listener")


def test_up_sends_to_its_own_collector_brings_it_back_and_takes_it_along(
    tmp_path: Path, tmux: Tmux, collector: dict[str, str]
) -> None:
    arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]
    with daemon(tmp_path, *arguments, **collector) as running:
        http = int(collector["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])
        assert f"takes OTLP at http://127.0.0.1:{http}" in (running.url and running.said)
        eventually(lambda: "the collector runs" in running.said)
        with pytest.raises(OSError, match=r".*"), urllib.request.urlopen(f"http://127.0.0.1:{http}/crash", b"", 5):
            pass
        eventually(lambda: running.said.count("the collector runs") == 2, what="the return of the collector")
        assert "the collector does not run: it ended with status 7" in running.said
        assert running.end() < 5.0
        assert running.process.returncode == 0
        assert not _is_open(http)


def test_a_backend_that_is_wrong_is_refused_before_anything_starts(
    tmp_path: Path, tmux: Tmux, collector: dict[str, str]
) -> None:
    done = run(tmp_path, "up", "--tmux-socket", tmux.socket, "--port", "0", BACKENDS="loki,wrong", **collector)
    assert done.returncode == 2
    assert done.stderr == "orchestrator-telemetry: no backend is named 'wrong'\n"
    assert done.stdout == ""


def test_who_sends_elsewhere_gets_no_collector_unless_asked(
    tmp_path: Path, tmux: Tmux, collector: dict[str, str]
) -> None:
    arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0"]
    (port,) = _free_ports(1)
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", **collector}
    with daemon(tmp_path, *arguments, **elsewhere) as running:
        assert "none of our own: OTEL_EXPORTER_OTLP_ENDPOINT is set" in (running.url and running.said)
        assert running.end() < 5.0
    with daemon(tmp_path, *arguments, "--collector", **elsewhere) as running:
        eventually(lambda: "the collector runs" in running.said)


def test_a_collectors_busy_port_is_named_and_the_rest_works(
    tmp_path: Path, tmux: Tmux, collector: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", int(collector["ORCHESTRATOR_COLLECTOR_HTTP_PORT"]))) as server:
        arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]
        with daemon(tmp_path, *arguments, **collector) as running:
            eventually(lambda: set(running.agents()) == {"alpha", "beta"})
            (line,) = [line for line in running.said.splitlines() if "is held by" in line]
            assert line.split()[:5] == ["collector", "none", "of", "our", "own:"]
            assert f"is held by process {os.getpid()} (" in line
            assert line.endswith("ORCHESTRATOR_COLLECTOR_HTTP_PORT moves it")
            assert running.end() < 5.0
        assert not _asked(server), "nothing is sent to whoever holds it"
        done = run(tmp_path, *arguments, "--collector", **collector)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("orchestrator-telemetry: the collector can't run: port ")
        assert line.endswith("ORCHESTRATOR_COLLECTOR_HTTP_PORT moves it")


def _asked(server: socket.socket) -> bool:
    """Whether anybody has connected."""
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_the_demo_beside_another_collector_takes_ports_of_its_own(tmp_path: Path, collector: dict[str, str]) -> None:
    """Whoever holds the usual port gets none of its invented agents."""
    del collector["ORCHESTRATOR_COLLECTOR_HTTP_PORT"]
    with ExitStack() as held:
        with contextlib.suppress(OSError):  # somebody has it already, which is as good
            held.enter_context(socket.create_server(("127.0.0.1", 4318)))
        arguments = ["demo", "--port", "0", "--interval", "0.2"]
        with daemon(tmp_path, *arguments, TMUX_TMPDIR=str(tmp_path), **collector) as running:
            eventually(lambda: "the collector runs" in running.said)
            found = re.search(r"takes OTLP at http://127\.0\.0\.1:(\d+)", running.said)
            assert found is not None
            assert found[1] != "4318"
            assert _is_open(int(found[1]))
            assert running.end() < 5.0


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_console_that_takes_nothing_is_no_reason_to_fail(tmp_path: Path, redirection: str) -> None:
    line = f'exec "$0" -m telemetry monitor --tmux-session x {redirection}'
    said = tmp_path / "said"
    with said.open("w") as errors:
        process = subprocess.Popen(
            ["sh", "-c", line, sys.executable], env=environment(tmp_path), cwd=tmp_path, stderr=errors
        )
    try:
        eventually(lambda: "Ctrl-C" in said.read_text(), what="the first screen")
        process.terminate()
        assert process.wait(10) == 0
        assert said.read_text().count("the console can't be written: OutputError: ") == 1
    finally:
        process.kill()
        process.wait()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """With a tmux that hangs, an orderly end takes its time."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    hanging = bin_folder / "tmux"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o700)
    path = f"{bin_folder}:{os.environ['PATH']}"
    with daemon(tmp_path, "dashboard", "--tmux-session", "x", "--port", "0", PATH=path) as running:
        assert running.get("/healthz") == {"status": "ok"}
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: any(line["message"] == "stopping" for line in running.log))
        running.end()
        assert running.process.returncode == 143, "an orderly end has status 0"


def test_with_a_source_that_hangs_it_ends_in_time(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    hanging = bin_folder / "tmux"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o700)
    path = f"{bin_folder}:{os.environ['PATH']}"
    with daemon(tmp_path, "monitor", "--tmux-session", "x", PATH=path) as running:
        eventually(lambda: "watching" in running.said)
        assert running.end() < 5.0
        assert running.process.returncode == 0


def _reload(running: Daemon, message: str) -> dict[str, object]:
    before = sum(line["message"] == message for line in running.log)
    running.process.send_signal(signal.SIGHUP)
    eventually(lambda: sum(line["message"] == message for line in running.log) > before, what=f"«{message}»")
    return next(line for line in reversed(running.log) if line["message"] == message)


def test_sighup_takes_good_settings_whole_and_bad_ones_not_at_all(tmp_path: Path, tmux: Tmux) -> None:
    file = tmp_path / "orchestrator-telemetry.yaml"
    first = f"- {{name: one, tmux: {{socket: {tmux.socket}}}}}"
    second = f"- {{name: two, tmux: {{socket: {tmux.socket}, session: work}}}}"
    broken = f"- {{name: two, tmux: {{socket: {tmux.socket}}}, file: gone.yaml}}"
    file.write_text(f"check_interval: 0.2\nclusters:\n{first}\n")
    with daemon(tmp_path, "dashboard", "--port", "0") as running:
        eventually(lambda: set(running.agents()) == {"alpha", "beta"})

        def clusters() -> dict[str, float]:
            return {held["name"]: held["check_interval"] for held in running.get("/api/agents")["clusters"]}

        assert clusters() == {"one": 0.2}
        file.write_text("check_interval: often\n")
        assert "check_interval is 'often'" in str(_reload(running, "settings not changed")["reason"])
        file.write_text(f"check_interval: 0.3\nclusters:\n{broken}\n")
        assert "gone.yaml" in str(_reload(running, "settings not changed")["reason"])
        assert clusters() == {"one": 0.2}
        file.write_text(f"check_interval: 0.2\nclusters:\n{first}\n{second}\n")
        _reload(running, "settings read again")
        assert clusters() == {"one": 0.2, "two": 0.2}
        file.write_text(f"check_interval: 0.3\nclusters:\n{second}\n")
        _reload(running, "settings read again")
        assert clusters() == {"two": 0.3}
        eventually(lambda: 'cluster="two"' in running.get("/metrics"))
        assert 'cluster="one"' not in running.get("/metrics")
        assert running.end() < 5.0


def test_the_demo_shows_five_agents_and_goes_with_its_daemon(tmp_path: Path) -> None:
    with daemon(tmp_path, "up", "--port", "0", "--interval", "0.2", "--no-collector", TMUX_TMPDIR=str(tmp_path)) as up:
        eventually(lambda: len(up.agents()) == 5, what="five agents")
        assert "no agents on this machine: here is a demo instead" in up.said
        found = re.search(r"tmux -L (\S+) attach", up.said)
        assert found is not None
        demo = [p for p in psutil.process_iter(["cmdline"]) if found[1] in (p.info["cmdline"] or [])]
        assert demo
        assert up.end() < 5.0
        assert up.process.returncode == 0
        eventually(lambda: not any(process.is_running() for process in demo), what="the demo's end")


def test_a_demo_without_tmux_is_one_line(tmp_path: Path, collector: dict[str, str]) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for command in ("up", "demo"):
        done = run(tmp_path, command, "--port", "0", **{**collector, "PATH": str(bare)})
        assert done.returncode == 1
        assert done.stderr == (
            "orchestrator-telemetry: the demo needs tmux, which was not found: it isn't installed, or not in PATH\n"
        )


def test_the_demo_keeps_to_this_machine(tmp_path: Path, collector: dict[str, str]) -> None:
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://192.0.2.1:4318", "BACKENDS": "wrong", **collector}
    with daemon(tmp_path, "demo", "--port", "0", "--interval", "0.2", TMUX_TMPDIR=str(tmp_path), **more) as running:
        eventually(lambda: "the collector runs: its default backends" in running.said)
        assert "left out BACKENDS, OTEL_EXPORTER_OTLP_ENDPOINT" in running.said
        assert running.end() < 5.0


def test_it_stays_small(tmp_path: Path, tmux: Tmux, collector: dict[str, str]) -> None:
    arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "1"]
    unmeasured = {name: "" for name in os.environ if name.startswith("COVERAGE_")}  # measuring takes a fifth of it
    with daemon(tmp_path, *arguments, **collector, **unmeasured) as running:
        eventually(lambda: "the collector runs" in running.said)
        for _ in range(200):
            running.get("/metrics")
            running.get("/api/agents")
        process = psutil.Process(running.process.pid)
        assert process.memory_info().rss < 95e6
        assert not [name for name in process.memory_maps() if "grpc" in name.path]


def test_ctrl_c_in_a_terminal_is_for_all_of_its_group(tmp_path: Path, tmux: Tmux, collector: dict[str, str]) -> None:
    """The collector must outlive the signal until everything is sent: it is in a session of its own."""
    arguments = ["up", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]
    with daemon(tmp_path, *arguments, **collector) as running:
        eventually(lambda: "the collector runs" in running.said)
        own = os.getpgid(running.process.pid)
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert any(os.getpgid(child.pid) != own for child in children if "fake_collector" in " ".join(child.cmdline()))
        assert running.end(signal.SIGINT) < 5.0


def test_the_environment_of_these_tests_is_clean(tmp_path: Path) -> None:
    assert not [name for name in environment(tmp_path) if name.startswith(("OTEL_", "ORCHESTRATOR_"))]
