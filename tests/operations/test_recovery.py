"""Everything is lost, and comes back by the commands of backup-recovery.md."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.harness import environment as collector_environment
from tests.collector.harness import running as collector_running
from tests.collector.taking import Taking
from tests.daemons import environment
from tests.operations import pages
from tests.operations.cluster import Watched, alerts, silenced
from tests.waiting import eventually

pytestmark = pytest.mark.slow
_PLACES, STORE, WAITING, BACK = pages.blocks((pages.FOLDER / "backup-recovery.md").read_text())
LOGS_ALONE = {"OTLP_BACKEND_METRICS": "nop", "OTLP_BACKEND_TRACES": "nop"}


class Shell:
    """Runs the blocks of a page, with the variables that its reader sets."""

    def __init__(self, home: Path, **variables: Path) -> None:
        program = home / "bin" / "orchestrator-telemetry"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m telemetry "$@"\n')
        program.chmod(0o755)
        self._environ = environment(home, **{name: str(path) for name, path in variables.items()})
        self._environ["PATH"] = f"{program.parent}:{self._environ['PATH']}"

    def __call__(self, block: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", block], env=self._environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def arrived(backend: Taking, agent: str) -> bool:
    """Whether the backend has the record of an agent's alert."""
    return any(taken.record.body.string_value.startswith(f"{agent}: agent stopped") for taken in backend.records())


def test_after_the_loss_of_everything(watched: Watched, collector_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "collector").mkdir()
    with Taking(answering=503).serving() as backend:
        env = collector_environment(tmp_path / "collector", OTLP_BACKEND_URL=backend.url, **LOGS_ALONE)
        queue = Path(env["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"])
        shell = Shell(
            watched.home,
            ORCHESTRATOR_STATE_DIR=watched.state,
            ORCHESTRATOR_COLLECTOR_QUEUE_DIR=queue,
            BACKUP=tmp_path / "backup" / "today",
        )
        sends = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}",
            "OTEL_METRICS_EXPORTER": "none",
        }
        with watched.monitor(**sends) as running:
            with collector_running(collector_binary, "otlp", env) as collector:
                first = watched.die(running, "alpha")
                eventually(lambda: watched.told("alpha"), what="the message about alpha")
                watched.command("alerts", "ack", first["id"], "--note", "on it")
                watched.command("alerts", "silence", "--agent", "beta", "--for", "1h", "--reason", "known")
                folder = queue / "exporter_otlp_http_backend_logs.journal"
                eventually(
                    lambda: any(b"alpha: agent stopped" in file.read_bytes() for file in folder.iterdir()),
                    what="alpha's record in the queue",
                )
                collector.stop()
            second = watched.die(running, "beta")
            assert "silences: 1" in shell(STORE)
            running.end()
        shell(WAITING)

        shutil.rmtree(watched.state)
        shutil.rmtree(queue)
        assert not backend.records()
        shell(BACK)
        backend.answering = 200
        with collector_running(collector_binary, "otlp", env), watched.monitor(**sends) as running:
            found = alerts(running)
            assert {name: alert["id"] for name, alert in found.items()} == {"alpha": first["id"], "beta": second["id"]}
            assert found["alpha"]["acknowledged"]["note"] == "on it"
            assert found["beta"]["suppressed"]["reason"] == "silenced"
            assert silenced(running) == ["beta"]
            eventually(lambda: arrived(backend, "alpha"), what="the record from the queue")
            eventually(lambda: arrived(backend, "beta"), what="the record from the spool")
            watched.die(running, "gamma")
            eventually(lambda: watched.told("gamma"), what="the message about gamma")
            running.end()
    assert [watched.told(agent) for agent in ("alpha", "beta", "gamma")] == [1, 0, 1]
