"""The command line from outside: help, exit codes, one-line errors, what is printed where."""

from __future__ import annotations

import json
import os
import pty
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.cli import COMMANDS
from telemetry.cli.check import Found, exit_code
from telemetry.model import AgentHealth, AgentSample, Alert, AlertLevel, ClusterSnapshot, State
from tests.daemons import ROOT, Tmux, environment, run

pytestmark = pytest.mark.slow  # whole programs: not for every edit

HEAVY = ("pydantic_settings", "rich", "fastapi", "opentelemetry", "yaml", "structlog", "telemetry.settings")
TYPERS = ("pydantic",)
"""What typer itself may import to read a command's options, but not for the list of commands."""


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta")
    yield server
    server.close()


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    for flag in ("--help", "-h"):
        done = run(tmp_path, flag)
        assert done.returncode == 0
        assert all(f"  {command} " in done.stdout for command in COMMANDS)
        assert "Exit codes:" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_commands_help_teaches(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, "--help")
    assert done.returncode == 0
    assert "╭" not in done.stdout
    assert "Examples:" in done.stdout
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("command", ["", *(name for name in COMMANDS if name != "collector")])
def test_help_imports_nothing_heavy(tmp_path: Path, command: str) -> None:
    code = (
        f"import sys\nsys.argv = ['orchestrator-telemetry', *{command.split()}, '--help']\n"
        "from telemetry.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY + (() if command else TYPERS)} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_is_within_fifteen_starts_of_a_bare_python(tmp_path: Path) -> None:
    """User and system time, the least of several: another process on the machine disturbs those the least."""

    def cost(*line: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *line], env=environment(tmp_path), stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    pairs = [(cost("-m", "telemetry", "--help"), cost("-c", "pass")) for _ in range(8)]
    assert min(ours for ours, _ in pairs) < 15 * min(bare for _, bare in pairs)


def test_version_and_an_unknown_command(tmp_path: Path) -> None:
    unknown = run(tmp_path, "chek")
    assert unknown.returncode == 2
    assert "no command is named 'chek': did you mean check?" in unknown.stderr
    assert run(tmp_path).returncode == 2
    assert run(tmp_path, "--version").stdout.startswith("orchestrator-telemetry ")


@pytest.mark.parametrize("command", ["up", "monitor", "dashboard", "demo", "check", "config"])
def test_a_wrong_setting_is_one_line_and_code_2(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, ORCHESTRATOR_CHECK_INTERVAL="often")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "orchestrator-telemetry: ORCHESTRATOR_CHECK_INTERVAL (check_interval) is 'often': it must be a number of "
        "seconds from 0.1 to 86400\n"
    )


def test_a_wrong_flag_is_named_as_it_was_typed(tmp_path: Path) -> None:
    done = run(tmp_path, "config", "--port", "http")
    assert done.returncode == 2
    assert done.stderr.startswith("orchestrator-telemetry: --port (dashboard.port) is 'http': it must be a")


def test_a_wrong_otel_variable_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = run(tmp_path, "monitor", OTEL_METRICS_EXPORTER="datadog")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("orchestrator-telemetry: OTEL_METRICS_EXPORTER: 'datadog'")


def test_a_wrong_cluster_file_is_one_line_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("cluster: {agents: [{role: none}]}")
    for command in ("check", "monitor"):
        done = run(tmp_path, command, "--cluster-file", "cluster.yaml")
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "cluster.agents[0].name is nothing" in line


def test_a_busy_port_is_named_with_its_holder_and_the_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run(tmp_path, "dashboard", "--port", str(port))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"orchestrator-telemetry: port {port} on 127.0.0.1 is held by process {os.getpid()} (")
    assert line.endswith("ORCHESTRATOR_DASHBOARD_PORT moves the dashboard to another")


def test_an_open_address_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    done = run(tmp_path, "dashboard", "--host", "0.0.0.0")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "0.0.0.0 is reachable from other machines" in line
    assert "ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE=1" in line


def test_a_state_folder_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, "monitor", "--state-dir", str(tmp_path / "file" / "below"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "the state folder" in line


def test_config_shows_values_origins_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "orchestrator-telemetry.yaml").write_text("max_idle_time: 60\n")
    secrets = {
        "SLACK_WEBHOOK_URL": "https://hooks.slack.example/services/T0/B0/geheim",
        "SMTP_USER": "me",
        "SMTP_PASSWORD": "geheim",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=geheim",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:geheim@127.0.0.1:4318",
        "ORCHESTRATOR_PROFIL": "x",
    }
    done = run(tmp_path, "config", "--interval", "7", **secrets)
    assert done.returncode == 0
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert rows["check_interval"].split()[1:4] == ["7", "flag", "--interval"]
    assert f"file {tmp_path}" in rows["max_idle_time"]
    assert "60/120/180" in rows["thresholds.idle"]
    assert "(set, hidden)" in rows["channels.slack.webhook_url"]
    assert "http://***@127.0.0.1:4318" in rows["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert "did you mean ORCHESTRATOR_PROFILE?" in done.stderr
    as_json = run(tmp_path, "config", "--json", **secrets)
    tree = json.loads(as_json.stdout)
    assert tree["settings"]["max_idle_time"] == {
        "value": 60.0,
        "from": "file",
        "where": str(tmp_path / "orchestrator-telemetry.yaml"),
        "variable": "ORCHESTRATOR_MAX_IDLE_TIME",
    }
    assert tree["settings"]["channels.email.password"]["value"] == "(set, hidden)"
    for text in (done.stdout, done.stderr, as_json.stdout, as_json.stderr):
        assert "geheim" not in text


def test_config_derives_the_same_in_both_forms(tmp_path: Path) -> None:
    tree = json.loads(run(tmp_path, "config", "--json", ORCHESTRATOR_MAX_IDLE_TIME="60").stdout)
    assert tree["settings"]["thresholds.idle"]["value"] == {"warning": 60.0, "error": 120.0, "critical": 180.0}
    assert tree["settings"]["log.dir"]["value"] == str(tmp_path / ".local/state/orchestrator-telemetry/logs")


def test_config_shows_the_variables_of_collector_and_backends(tmp_path: Path) -> None:
    plain = {
        "DD_SITE": "datadoghq.eu",
        "LOKI_URL": "http://loki:3100",
        "ELASTICSEARCH_USER": "elastic",
        "PROMETHEUS_REMOTE_WRITE_URL": "http://prometheus:9090/api/v1/write",
        "OTLP_BACKEND_URL": "http://gateway:4318",
        "OTLP_GRPC_BACKEND_URL": "gateway:4317",
        "KAFKA_BROKERS": "kafka:9092",
        "ORCHESTRATOR_COLLECTOR_HTTP_PORT": "14318",
    }
    hidden = {
        "DD_API_KEY": "geheim",
        "ELASTICSEARCH_PASSWORD": "geheim",
        "LOKI_HEADERS": "authorization=geheim",
        "ORCHESTRATOR_COLLECTOR_TOKEN": "geheim",
    }
    in_part = {
        "ELASTICSEARCH_URL": "https://elastic:geheim@elastic:9200",
        "OTLP_BACKEND_LOGS": "https://gateway/logs?api_key=geheim&a=b",
    }
    done = run(tmp_path, "config", "--json", **plain, **hidden, **in_part)
    assert json.loads(done.stdout)["environment"] == {
        **plain,
        **dict.fromkeys(hidden, "(set, hidden)"),
        "ELASTICSEARCH_URL": "https://***@elastic:9200",
        "OTLP_BACKEND_LOGS": "https://gateway/logs?api_key=***&a=b",
    }
    table = run(tmp_path, "config", **plain, **hidden, **in_part).stdout
    assert all(f"\n{name} " in table for name in (*plain, *hidden, *in_part))
    assert "geheim" not in table


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "bogus"),
        ("OTEL_METRICS_EXPORTER", "foo"),
    ],
)
def test_config_refuses_what_up_refuses(tmp_path: Path, variable: str, value: str) -> None:
    for form in ([], ["--json"]):
        done = run(tmp_path, "config", *form, **{variable: value})
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"orchestrator-telemetry: {variable}: ")
        assert value in done.stdout, "all is shown nevertheless"


def test_config_refuses_backends_that_the_built_collector_refuses(tmp_path: Path) -> None:
    collector = tmp_path / "collector"
    collector.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fake_collector.py"} "$@"\n')
    collector.chmod(0o700)
    built = {"ORCHESTRATOR_COLLECTOR_BINARY": str(collector)}
    done = run(tmp_path, "config", BACKENDS="loki,wrong", **built)
    assert (done.returncode, done.stderr) == (2, "orchestrator-telemetry: no backend is named 'wrong'\n")
    assert "loki, wrong" in done.stdout
    assert run(tmp_path, "config", BACKENDS="loki", **built).returncode == 0
    elsewhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}  # then `up` starts none
    assert run(tmp_path, "config", BACKENDS="loki,wrong", **built, **elsewhere).returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("command", ["check", "check --json", "config", "--help", "--version"])
def test_output_that_takes_nothing_is_one_line(tmp_path: Path, command: str, redirection: str, unbuffered: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m telemetry {command} {redirection}', sys.executable],
        env=environment(tmp_path, TMUX_TMPDIR=str(tmp_path), PYTHONUNBUFFERED=unbuffered),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    reason = "No space left on device" if "full" in redirection else "Bad file descriptor"
    assert done.stderr == f"orchestrator-telemetry: standard output can't be written: {reason}\n"
    assert done.returncode == 1


def test_a_reader_that_has_seen_enough_and_no_standard_error_are_no_failure(tmp_path: Path) -> None:
    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line, sys.executable],
            env=environment(tmp_path, TMUX_TMPDIR=str(tmp_path)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = shell('exec 3> >(exec true); wait $!; exec "$0" -m telemetry config >&3')
    assert (done.returncode, done.stdout, done.stderr) == (141, "", "")
    done = shell('exec "$0" -m telemetry config --port http 2>&-')
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_check_says_all_is_well(tmp_path: Path, tmux: Tmux) -> None:
    done = run(tmp_path, "check", "--tmux-socket", tmux.socket)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmux.socket}: ")
    assert lines[1].split() == ["AGENT", "STATE", "IDLE", "RESTARTS", "WHY"]
    assert [line.split()[0] for line in lines[2:]] == ["alpha", "beta"]
    assert "\x1b" not in done.stdout


def test_check_finds_what_stopped_of_what_a_file_expects(tmp_path: Path, tmux: Tmux) -> None:
    (tmp_path / "cluster.yaml").write_text(
        "cluster:\n  name: main\n  session_name: work\n  agents: [{name: alpha}, {name: gamma, role: gone}]\n"
    )
    arguments = ["check", "--tmux-socket", tmux.socket, "--cluster-file", "cluster.yaml", "--json"]
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["exit_code"] == 2
    (cluster,) = told["clusters"]
    states = {agent["name"]: agent["state"] for agent in cluster["agents"]}
    assert cluster["name"] == "main"
    assert states["gamma"] == "stopped"
    assert states["alpha"] != "stopped"
    assert "agent_stopped" in {alert["rule"] for alert in cluster["alerts"]}
    assert not (tmp_path / ".local").exists()  # it writes nothing


@pytest.mark.parametrize(
    ("states", "session_exists", "error", "alerts", "code"),
    [
        ([State.BUSY, State.IDLE], True, "", 0, 0),
        ([State.BUSY, State.IDLE], True, "", 1, 1),
        ([State.BUSY, State.WAITING], True, "", 0, 1),
        ([State.BUSY, State.STOPPED], True, "", 1, 2),
        ([State.UNRESPONSIVE, State.WAITING], True, "", 1, 2),
        ([State.STOPPED, State.UNKNOWN], True, "", 1, 2),
        ([State.IDLE], False, "", 1, 2),
        ([State.BUSY, State.UNKNOWN], True, "", 0, 3),
        ([State.UNKNOWN], True, "tmux is gone", 1, 3),
        ([], True, "", 0, 3),
    ],
)
def test_checks_exit_code(states: list[State], session_exists: bool, error: str, alerts: int, code: int) -> None:
    agents = tuple(
        AgentHealth(AgentSample(str(number), running=True), state, "", 0.0, 0.0, 0.0)
        for number, state in enumerate(states)
    )
    snapshot = ClusterSnapshot("c", "tmux", agents, 0.0, session_exists=session_exists, source_error=error)
    assert exit_code(Found(snapshot, [Alert(AlertLevel.WARNING, "0", "")] * alerts, {})) == code


def test_check_with_nothing_to_watch_is_3(tmp_path: Path) -> None:
    done = run(tmp_path, "check", TMUX_TMPDIR=str(tmp_path))
    assert done.returncode == 3
    assert "no agents" in done.stdout


def test_check_names_a_session_that_is_not_there(tmp_path: Path, tmux: Tmux) -> None:
    done = run(tmp_path, "check", "--tmux-socket", tmux.socket, "--tmux-session", "nope")
    assert (done.returncode, done.stdout) == (3, "nope: tmux has no session nope\n")


def test_a_terminal_gets_colour_unless_it_wants_none(tmp_path: Path, tmux: Tmux) -> None:
    def on_terminal(**more: str) -> str:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "telemetry", "check", "--tmux-socket", tmux.socket],
            env=environment(tmp_path, TERM="xterm", COLUMNS="100", **more),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        ):
            os.close(theirs)
            text = b""
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                text += part
        os.close(ours)
        return text.decode()

    assert "\x1b[3" in on_terminal()
    assert "\x1b[3" not in on_terminal(NO_COLOR="1")
