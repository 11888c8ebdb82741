"""The commands `collector build | run | validate | config`, as a person calls them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.collector.harness import Running, environment, get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
COLLECTOR = [sys.executable, "-c", "from telemetry.cli.collector import app; app(prog_name='collector')"]


def call(binary: Path, folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    env = environment(folder, PYTHONPATH=":".join(sys.path), ORCHESTRATOR_COLLECTOR_BINARY=str(binary), **extra)
    return subprocess.run([*COLLECTOR, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def test_build_says_where_it_is(collector_binary: Path, tmp_path: Path) -> None:
    assert call(collector_binary, tmp_path, "build", "--print-path").stdout == f"{collector_binary}\n"
    assert call(collector_binary, tmp_path, "build").stdout == f"the collector is built: {collector_binary}\n"
    done = call(tmp_path, tmp_path, "build")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: ORCHESTRATOR_COLLECTOR_BINARY='{tmp_path}' is not a program\n"


def test_validate(collector_binary: Path, tmp_path: Path) -> None:
    done = call(collector_binary, tmp_path, "validate", BACKENDS="prometheus,loki,elasticsearch,datadog,otlp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    done = call(collector_binary, tmp_path, "validate", "--backends", "datadog", DD_API_KEY="")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: backend datadog needs DD_API_KEY\n")
    done = call(collector_binary, tmp_path, "validate", ORCHESTRATOR_COLLECTOR_HOST="0.0.0.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        'error: the collector: ORCHESTRATOR_COLLECTOR_HOST="0.0.0.0" takes data from other machines: '
        "set ORCHESTRATOR_COLLECTOR_TOKEN or "
    )


def test_config_with_a_file_of_ones_own(collector_binary: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("exporters: {prometheus: {metric_expiration: 7m}}\n")
    done = call(collector_binary, tmp_path, "config", "-b", "prometheus", "-c", str(own))
    assert (done.returncode, done.stderr) == (0, "")
    assert "metric_expiration: 7m0s" in done.stdout
    done = call(collector_binary, tmp_path, "config", "-b", "nonsense")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('error: unknown backend "nonsense"; known: ')


def test_run_names_who_holds_its_port(collector_binary: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = call(collector_binary, tmp_path, "run", ORCHESTRATOR_COLLECTOR_HTTP_PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: the collector can't run: port {port} is held by process {os.getpid()} (")
    assert line.endswith("): ORCHESTRATOR_COLLECTOR_HTTP_PORT moves it")


def test_run_becomes_the_collector(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, PYTHONPATH=":".join(sys.path), ORCHESTRATOR_COLLECTOR_BINARY=str(collector_binary))
    del env["ORCHESTRATOR_COLLECTOR_FILE_DIR"]
    with subprocess.Popen(
        [*COLLECTOR, "run"], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            collector = Running(process, env)
            collector.until_ready()
            get(collector.url("HEALTH"))
            assert (tmp_path / ".local/state/orchestrator-telemetry/collector/logs.jsonl").parent.is_dir()
            assert collector.stop() == 0
        finally:
            process.kill()
