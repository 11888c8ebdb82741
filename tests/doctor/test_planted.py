"""Ten faults that are really there, each found and named on the line that a person reads; and none where none is."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from telemetry.collector import build, cache_dir
from tests.backends.server import free_ports
from tests.collector.harness import environment as collector_environment
from tests.collector.harness import running
from tests.daemons import Tmux, daemon, environment
from tests.doctor.servers import Keeping, Stack, answering
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def doctor(home: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "telemetry", "doctor", *arguments],
        env=environment(home, **more),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stdout


def line(text: str, check: str, mark: str = "✗") -> str:
    """The only line about a check that has this mark."""
    found = [one for one in text.splitlines() if re.match(rf"{mark} {re.escape(check)} ", one)]
    assert len(found) == 1, text
    return found[0]


def todo(text: str, check: str) -> str:
    """What is to be done about it."""
    lines = text.splitlines()
    return lines[lines.index(line(text, check)) + 1].strip()


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("one", "two")
    yield server
    server.close()


def test_where_nothing_is_wrong_nothing_is_found(all_well: Stack, tmp_path: Path, tmux: Tmux) -> None:
    with answering(200) as webhook:
        env = {**all_well.variables, "ORCHESTRATOR_WEBHOOK_URL": webhook, "ORCHESTRATOR_CHECK_INTERVAL": "1"}
        env |= {"ORCHESTRATOR_DASHBOARD_PORT": "0", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
        with daemon(tmp_path, "dashboard", "--tmux-socket", tmux.socket, "--source", "tmux", **env) as monitor:
            eventually(lambda: monitor.get("/readyz") == {"status": "ready"})
            known = eventually(lambda: monitor.get("/api/v1/backends")["backends"])
            assert {one["name"] for one in known} >= {"loki", "elasticsearch", "prometheus"}
            code, said = doctor(tmp_path, "--source", "tmux", "--tmux-socket", tmux.socket, **env)
    assert code == 0, said
    assert not [one for one in said.splitlines() if one.startswith(("✗", "!"))], said
    assert "took a metric, a log line and a span" in line(said, "pipeline", "✓")
    assert "the log line is in" in line(said, "loki", "✓")
    assert "log line and span are in" in line(said, "elasticsearch", "✓")
    assert said.count("✓ prometheus ") == 2
    assert "the metric is in" in line(said, "prometheus-remote-write", "✓")
    assert "2 agents" in line(said, "source tmux", "✓")
    assert "Prometheus (" in said
    assert "keeps 7 days" in said
    assert re.search(r"^Nothing is broken: \d+ ✓$", said, re.MULTILINE)


def test_wrong_endpoint(all_well: Stack, tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    env = {**all_well.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}"}
    code, said = doctor(tmp_path, "--only", "pipeline", **env)
    assert code == 1
    assert f"wrong endpoint: connection refused at http://127.0.0.1:{nobody}" in line(said, "pipeline")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in todo(said, "pipeline")
    env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://nowhere.invalid:4318"
    assert "its host has no address" in line(doctor(tmp_path, "--only", "pipeline", **env)[1], "pipeline")
    env["OTEL_EXPORTER_OTLP_ENDPOINT"] = all_well.loki.url  # somebody, who takes no OTLP there
    code, said = doctor(tmp_path, "--only", "pipeline", **env)
    assert "takes no OTLP" in line(said, "pipeline")
    assert "wrong endpoint" in line(said, "pipeline")


def test_wrong_key_of_the_collector(tmp_path: Path) -> None:
    secret = "open-sesame-0123456789"
    env = collector_environment(tmp_path, ORCHESTRATOR_COLLECTOR_TOKEN=secret)
    with running(build(print), "file", env) as collector:
        target = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"), "BACKENDS": "file"}
        target["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer%20wrong-sesame-9876543210"
        code, said = doctor(tmp_path, "--only", "pipeline", **target)
        assert code == 1
        assert f"wrong token for {collector.url('HTTP')}: it answered 401" in line(said, "pipeline")
        assert "sesame" not in said
        target["OTEL_EXPORTER_OTLP_HEADERS"] = f"authorization=Bearer%20{secret}"
        assert "took a metric" in line(doctor(tmp_path, "--only", "pipeline", **target)[1], "pipeline", "✓")


def test_wrong_key_of_backends(all_well: Stack, tmp_path: Path) -> None:
    wrong = "f" * 32
    with answering(401, b'{"error": "security_exception"}') as locked:
        env = {**all_well.variables, "DD_API_KEY": wrong, "ELASTICSEARCH_URL": locked}
        code, said = doctor(tmp_path, "--only", "pipeline", **{**env, "ELASTICSEARCH_API_KEY": "bad-key"})
    assert code == 1
    assert "wrong key: " in line(said, "datadog")
    assert "/api/v1/validate answered 403" in line(said, "datadog")
    assert "DD_API_KEY" in todo(said, "datadog")
    assert "wrong key: " in line(said, "elasticsearch")
    assert "answered 401" in line(said, "elasticsearch")
    assert wrong not in said
    assert "bad-key" not in said
    assert line(said, "loki", "✓")  # the others are well


def test_collector_down(tmp_path: Path) -> None:
    port, health = free_ports(2)
    ports = {"ORCHESTRATOR_COLLECTOR_HTTP_PORT": str(port), "ORCHESTRATOR_COLLECTOR_HEALTH_PORT": str(health)}
    code, said = doctor(tmp_path, "--only", "pipeline", **ports)
    assert code == 1
    assert f"collector down: nobody listens at http://127.0.0.1:{port}" in line(said, "pipeline")
    assert "not asked" in line(said, "file", "!")


def test_the_monitors_own_collector_is_found_without_any_variable_and_when_it_hangs(tmp_path: Path, tmux: Tmux) -> None:
    build(print)  # before the daemon would do so in the background
    (nobody,) = free_ports(1)
    env = collector_environment(tmp_path, LOKI_URL=f"http://127.0.0.1:{nobody}")
    env = {name: value for name, value in env.items() if name.startswith(("ORCHESTRATOR_", "LOKI"))}
    cache = {"ORCHESTRATOR_CACHE_DIR": str(cache_dir())}
    arguments = ("up", "--no-demo", "--tmux-socket", tmux.socket, "--source", "tmux", "--interval", "1", "--port", "0")
    with daemon(tmp_path, *arguments, **env, **cache, BACKENDS="loki,file") as monitor:

        def states() -> dict[str, str]:
            return {one["name"]: one["state"] for one in monitor.get("/api/v1/backends")["backends"]}

        eventually(lambda: states() == {"loki": "waiting", "file": "ok"}, 40, what="the states of the backends")
        known = monitor.get("/api/v1/backends")
        assert known["collector"]["kind"] == "own"
        assert "running, process" in known["collector"]["state"]
        assert "connection refused" in next(one["reason"] for one in known["backends"] if one["name"] == "loki")
        code, said = doctor(tmp_path, "--only", "pipeline", "--timeout", "3")
        assert code == 1
        assert f"{known['collector']['url']} took a metric, a log line and a span" in line(said, "pipeline", "✓")
        assert "nothing was sent for" in line(said, "loki")
        assert "delivered" in line(said, "file", "✓")
        pid = int(known["collector"]["state"].rpartition(" ")[2])
        os.kill(pid, signal.SIGSTOP)
        try:
            code, said = doctor(tmp_path, "--only", "pipeline", "--timeout", "3")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert code == 1
        assert f"collector hangs: {known['collector']['url']} gave no answer within" in line(said, "pipeline")


def test_one_backend_down(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    with ExitStack() as held:
        locked = held.enter_context(answering(401))
        env = collector_environment(tmp_path, LOKI_URL=f"http://127.0.0.1:{nobody}", OTLP_BACKEND_URL=locked)
        collector = held.enter_context(running(build(print), "loki,file,otlp", env))
        target = {name: value for name, value in env.items() if name.startswith(("ORCHESTRATOR_", "LOKI"))}
        target |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"), "BACKENDS": "loki,file,otlp"}
        code, said = doctor(tmp_path, "--only", "pipeline", "--timeout", "6", **target)
    assert code == 1
    assert "not delivered within 6 s: metric points: nothing was sent" in line(said, "otlp")
    assert "OTLP_BACKEND_URL and OTLP_BACKEND_HEADERS" in todo(said, "otlp")
    found = line(said, "loki")
    assert f"down: http://127.0.0.1:{nobody}" in found
    assert "Connection refused" in found
    assert "the collector: log records: nothing was sent" in found
    assert "LOKI_URL" in todo(said, "loki")
    assert "delivered a metric, a log line and a span" in line(said, "file", "✓")


def test_clock_off(all_well: Stack, tmp_path: Path) -> None:
    with answering(200, clock=60) as ahead:
        env = {**all_well.variables, "LOKI_URL": ahead}
        code, said = doctor(tmp_path, "--only", "clock", **env)
    assert code == 1
    found = line(said, "clock")
    assert "clock off: that of Loki" in found
    assert re.search(r"is (59|60) s ahead of this machine's; others agree with it", found)
    assert line(doctor(tmp_path, "--only", "clock", **all_well.variables)[1], "clock", "✓")


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("unshare") is None, reason="needs a mount namespace")
def test_read_only_disk(tmp_path: Path) -> None:
    """In a mount namespace of its own, which ends with the command: nothing is left mounted."""
    state = tmp_path / "state"
    state.mkdir()
    command = 'mount -t tmpfs -o ro none "$1" && exec "$2" -m telemetry doctor --only disk --state-dir "$1"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = subprocess.run(
        ["unshare", "--mount", *user, "sh", "-c", command, "sh", str(state), sys.executable],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if not done.stdout:
        pytest.skip(f"no mount namespace can be had: {done.stderr}")
    assert done.returncode == 1
    assert f"read-only disk: the state folder {state} can't be written" in line(done.stdout, "disk")
    assert doctor(tmp_path, "--only", "disk", "--state-dir", str(state))[0] == 0


def test_bad_webhook(tmp_path: Path) -> None:
    with answering(404) as server:
        url = f"{server}/services/T000/B000/very-secret"
        code, said = doctor(tmp_path, "--only", "notify", ORCHESTRATOR_WEBHOOK_URL=url)
        assert code == 1
        assert "bad webhook: 127.0.0.1 answered 404" in line(said, "notify webhook")
        sent_code, sent = doctor(tmp_path, "--only", "notify", "--send", ORCHESTRATOR_WEBHOOK_URL=url)
    assert sent_code == 1
    assert "bad webhook: " in line(sent, "notify webhook")
    assert "answered 404" in line(sent, "notify webhook")
    assert "very-secret" not in said + sent


def test_no_tmux(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    code, said = doctor(tmp_path, "--only", "sources", "--source", "tmux", PATH=str(folder))
    assert code == 1
    assert "no tmux: there is no program of that name in PATH" in line(said, "source tmux")
    assert "install tmux" in todo(said, "source tmux")


def test_stale_monitor(tmp_path: Path, tmux: Tmux) -> None:
    arguments = ("monitor", "--tmux-socket", tmux.socket, "--source", "tmux", "--interval", "1")
    with daemon(tmp_path, *arguments) as monitor:

        def is_ready() -> bool:
            return "runs, answers and checks" in doctor(tmp_path, "--only", "monitor")[1]

        eventually(is_ready, what="a monitor that is well")
        monitor.process.send_signal(signal.SIGSTOP)
        try:
            code, said = doctor(tmp_path, "--only", "monitor")
        finally:
            monitor.process.send_signal(signal.SIGCONT)
        assert code == 1
        found = line(said, "monitor")
        assert f"stale: the monitor (process {monitor.process.pid})" in found
        assert "no answer within 3 s: the process is stopped" in found


def test_monitoring_that_was_stopped_is_stale(tmp_path: Path, tmux: Tmux) -> None:
    arguments = ("dashboard", "--tmux-socket", tmux.socket, "--source", "tmux", "--interval", "1", "--port", "0")
    with daemon(tmp_path, *arguments) as monitor:
        eventually(lambda: monitor.get("/readyz") == {"status": "ready"})
        monitor.get("/api/v1/monitoring/stop", "POST")
        code, said = doctor(tmp_path, "--only", "monitor")
    assert code == 1
    assert "stale: " in line(said, "monitor")
    assert "monitoring is stopped" in line(said, "monitor")


def test_wrong_retention(tmp_path: Path) -> None:
    with Keeping(tmp_path / "prometheus", "1d") as short:
        code, said = doctor(tmp_path, "--only", "retention", PROMETHEUS_URL=short.url)
        assert code == 1
        found = line(said, "retention")
        assert "wrong retention: Prometheus" in found
        assert "keeps 1 days, the profile development promises 7" in found
        code, said = doctor(tmp_path, "--only", "retention", "--profile", "production", PROMETHEUS_URL=short.url)
        assert "the profile production promises 90" in line(said, "retention")
