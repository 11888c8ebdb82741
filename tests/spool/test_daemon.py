"""The monitor itself without a collector: it ends in time, keeps what it has to say, and says it at the next start."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons import Tmux, daemon
from tests.spool.receiver import Receiver
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta", "gamma").keep_dead_panes()
    yield server
    server.close()


def _state(home: Path) -> Path:
    return home / ".local/state/orchestrator-telemetry"


def _logged(home: Path) -> list[str]:
    """The record ids of the log file that are meant for OTLP too: what the spool says of itself stays here."""
    lines = (_state(home) / "logs/orchestrator-telemetry.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [record["record_id"] for record in records if ".spool." not in record["logger"]]


def _arguments(tmux: Tmux) -> list[str]:
    return ["dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]


def test_an_alert_of_an_outage_arrives_after_a_restart(tmp_path: Path, tmux: Tmux) -> None:
    receiver = Receiver()
    sends = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_METRICS_EXPORTER": "none"}
    with daemon(tmp_path, *_arguments(tmux), **sends) as running:
        eventually(lambda: len(running.agents()) == 3)
        tmux.kill("alpha")
        eventually(lambda: running.agents()["alpha"] == "stopped")
        waiting = 'orchestrator_spool_records{signal="logs"}'
        eventually(lambda: f"{waiting} 0.0" not in running.get("/metrics"))
        assert waiting in running.get("/metrics")
        assert running.get("/api/v1/backends")["collector"]["waiting"] > 0
        tmux.kill("beta")
        eventually(lambda: running.agents().get("beta") == "stopped")
        assert running.end() < 5.0
        assert running.process.returncode == 0
    assert (_state(tmp_path) / "spool").stat().st_mode & 0o777 == 0o700
    ended_with = len(_logged(tmp_path))
    with daemon(tmp_path, *_arguments(tmux), **sends) as running:
        assert running.url
        tmux.kill("gamma")
        eventually(lambda: running.agents().get("gamma") == "stopped")
        receiver.start()
        eventually(lambda: len(receiver.ids) > ended_with)
        assert 'orchestrator_otlp_dropped_total{signal="logs",reason="spool_full"} 0.0' in running.get("/metrics")
        running.end(signal.SIGTERM)
    receiver.stop()
    assert receiver.ids == _logged(tmp_path)[: len(receiver.ids)]
    assert len(receiver.ids) >= len(_logged(tmp_path)) - 1  # «stopped» may be the last word to the file alone
    assert "orchestrator.check" in receiver.spans
    for agent in ("alpha", "beta", "gamma"):
        assert any(body.startswith(f"{agent}: agent stopped") for body in receiver.bodies)


def test_it_can_be_turned_off(tmp_path: Path, tmux: Tmux) -> None:
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "ORCHESTRATOR_SPOOL_MAX_MIB": "0"}
    with daemon(tmp_path, *_arguments(tmux), **more) as running:
        eventually(lambda: len(running.agents()) == 3)
        assert "orchestrator_spool_records" not in running.get("/metrics")
        assert running.end() < 5.0
    assert not (_state(tmp_path) / "spool").exists()
