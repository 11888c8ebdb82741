"""deploy/loki: Loki's own check, what it keeps by profile, and late records taken and found by a real Loki."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from telemetry.settings.layers import PROFILES
from tests.backends import build
from tests.backends.loki import Loki
from tests.collector import otlp
from tests.waiting import eventually

FOLDER = Path(__file__).parents[2] / "deploy" / "loki"
CONFIG = FOLDER / "config.yaml"
ENVIRONMENTS = sorted(FOLDER.glob("*.env"))
HOUR = 3600.0
OUTAGE = 24 * HOUR
"""What the README promises: a record may come that late."""


def variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def verified(**environ: str) -> subprocess.CompletedProcess[str]:
    program = build.folder(Loki.part) / "bin" / "loki"
    command = [str(program), f"-config.file={CONFIG}", "-config.expand-env=true", "-verify-config"]
    environ = {"PATH": os.defpath, **environ}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


class AsDeployed(Loki):
    """Loki with the configuration of deploy/loki, in a folder and at ports of the test's own."""

    def command(self, built: Path) -> list[str]:
        text = CONFIG.read_text()
        for name, port in (("http", 3100), ("grpc", 9095)):
            assert text.count(f"{name}_listen_port: {port}\n") == 1
            text = text.replace(f"{name}_listen_port: {port}\n", f"{name}_listen_port: {self.ports[name]}\n")
        file = self.data / "config.yaml"
        file.write_text(text)
        return [str(built / "bin" / "loki"), f"-config.file={file}", "-config.expand-env=true"]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "LOKI_DATA": str(self.data / "loki")}

    def take(self, at: float, text: str, sender: str = "host-1") -> int:
        """Sends one record of that time (Unix s); the status of the answer."""
        payload = otlp.logs(text)
        [logs] = payload["resourceLogs"]
        attributes = otlp.attributes(service__name="orchestrator-cc", service__instance__id=sender)
        logs["resource"] = {"attributes": attributes}
        logs["scopeLogs"][0]["logRecords"][0]["timeUnixNano"] = str(int(at * 1e9))
        return otlp.send(self.otlp_endpoint, "logs", payload)


def test_each_profile_keeps_logs_for_as_long_as_the_monitor_does() -> None:
    kept = {file.stem: variables(file) for file in ENVIRONMENTS}
    assert kept == {
        name: {"LOKI_RETENTION": f"{settings['log', 'retention_days'] * 24}h"} for name, settings in PROFILES.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_loki_itself_finds_nothing_wrong(file: Path) -> None:
    said = verified(**variables(file))
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.slow
def test_loki_itself_says_what_is_wrong() -> None:
    said = verified(LOKI_RETENTION="for ever")
    assert said.returncode == 1
    assert 'not a valid duration string: "for ever"' in said.stderr


@pytest.mark.slow
def test_what_is_a_day_late_is_taken_and_found_and_what_is_later_is_refused(tmp_path: Path) -> None:
    now = time.time()
    with AsDeployed(tmp_path / "loki") as loki:
        assert loki.take(now, "in time") == 204
        assert loki.take(now - OUTAGE + 60, "a day late") == 204
        assert loki.take(now - OUTAGE - HOUR, "too late") == 400
        # another sender's stream is measured by its own newest
        assert loki.take(now - 3 * OUTAGE, "from elsewhere", sender="host-2") == 204

        def texts() -> list[str]:
            found = loki.query('{service_name="orchestrator-cc"} | cluster="main"', start=now - 5 * OUTAGE)
            return [line.line for line in found]

        def all_are_found() -> bool:
            assert texts() == ["from elsewhere", "a day late", "in time"]
            return True

        eventually(all_are_found)
        assert loki.labels() == ["service_instance_id", "service_name"]
