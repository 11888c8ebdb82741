"""A person is told that a backend takes nothing, and that it does again: the real monitor with its real collector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.collector.building import sources_dir
from tests.collector.harness import environment
from tests.collector.taking import Taking
from tests.daemons import daemon, run
from tests.notify.faulty import Faulty, serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SETTINGS = """\
dashboard: {port: 0}
check_interval: 1
sources: push
notify: {group_interval: 0.1}
rules: {backend_failing: {for: 0, keep_firing_for: 0}}
"""
WATCHING = ("up", "--no-demo")


def retrying_often(folder: Path) -> Path:
    """The files of backends that win over ours: `otlp` tries again every second, instead of every 15."""
    ours = (sources_dir() / "config" / "backends" / "otlp.yaml").read_text()
    assert "max_interval: 15s" in ours
    folder.mkdir()
    (folder / "otlp.yaml").write_text(ours.replace("max_interval: 15s", "max_interval: 1s"))
    return folder


def open_alerts(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """As `alerts --json` tells them."""
    asked = run(home, "alerts", *arguments, "--json")
    assert asked.returncode == 0, asked.stderr
    found: list[dict[str, Any]] = json.loads(asked.stdout)["alerts"]
    return found


def told(receiver: Faulty) -> list[tuple[str, str, str, str]]:
    """(kind, cluster, agent, rule) of every notice that came."""
    notices = [notice for _, _, body in receiver.taken for notice in body["alerts"]]
    return [(one["kind"], one["cluster"], one["agent"], one["rule"]) for one in notices]


def test_a_backend_that_takes_nothing_is_told_and_so_is_its_end(tmp_path: Path, collector_binary: Path) -> None:
    (tmp_path / "orchestrator-telemetry.yaml").write_text(SETTINGS)
    failing = ("@pipeline", "otlp", "backend_failing")
    with Taking(answering=503).serving() as backend, serving(Faulty.willing()) as receiver:
        more = {
            **environment(tmp_path, OTLP_BACKEND_URL=backend.url),
            "BACKENDS": "otlp,file",
            "ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": str(retrying_often(tmp_path / "backends")),
            "ORCHESTRATOR_COLLECTOR_BINARY": str(collector_binary),
            "ORCHESTRATOR_WEBHOOK_URL": receiver.url,
        }
        with daemon(tmp_path, *WATCHING, **more) as watching:
            eventually(lambda: ("firing", *failing) in told(receiver), 40, what="a message")
            (alert,) = open_alerts(tmp_path)
            assert (alert["cluster"], alert["agent"], alert["rule"]) == failing
            assert (alert["level"], alert["phase"]) == ("error", "firing")
            assert "503" in alert["message"]
            assert "@pipeline/otlp: the backend takes nothing" in run(tmp_path, "status", COLUMNS="120").stdout
            labels = 'cluster="@pipeline",agent_name="otlp",rule="backend_failing",level="error"'
            assert f"orchestrator_alert_active{{{labels}}} 1.0" in watching.get("/metrics")
            taken = run(tmp_path, "alerts", "ack", alert["id"], "--by", "mia")
            assert taken.returncode == 0, taken.stderr

            backend.answering = 200
            eventually(lambda: ("resolved", *failing) in told(receiver), 60, what="its end")
            assert open_alerts(tmp_path) == []
            assert [name for _, _, name, _ in told(receiver)] == ["otlp", "otlp"], "nothing else was told"
            assert watching.end() < 6
