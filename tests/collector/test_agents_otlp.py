"""The real Claude Code's own OTLP, switched on as the collector's README says, is found in the backends."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from telemetry.collector import sources_dir
from tests.backends.prometheus import Prometheus
from tests.claude_code.home import prepare
from tests.claude_code.stub import Stub
from tests.collector.harness import environment, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def as_the_readme_says() -> dict[str, str]:
    """The variables that the README exports for Claude Code."""
    section = (sources_dir() / "README.md").read_text().partition("**Agents' own OTLP**")[2].partition("###")[0]
    lines = re.findall(r"^    export (.*)$", section, re.MULTILINE)
    return {name: value for line in lines for name, value in re.findall(r"([A-Z_]+)=(\S+)", line)}


def test_claude_codes_metrics_and_events_arrive(claude_binary: Path, collector_binary: Path, tmp_path: Path) -> None:
    home = prepare(tmp_path / "claude")
    with (
        Prometheus(tmp_path / "prometheus") as prometheus,
        Stub() as stub,
        running(
            collector_binary,
            "prometheus-otlp,file",
            environment(tmp_path, PROMETHEUS_OTLP_URL=prometheus.otlp_endpoint),
        ) as collector,
    ):
        variables = {
            **home.variables(stub.url),
            **as_the_readme_says(),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"),
        }
        subprocess.run(
            [claude_binary, "-p", "hello"], env=variables, cwd=home.project, check=True, capture_output=True, timeout=40
        )
        assert eventually(lambda: prometheus.query("claude_code_session_count_total"))[0].value == 1.0
        logs = tmp_path / "files" / "logs.jsonl"
        eventually(lambda: "claude_code.user_prompt" in logs.read_text())
        assert collector.stop() == 0
    assert "hello" not in logs.read_text()  # it says how long a prompt is, and the words only when asked to
