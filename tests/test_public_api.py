"""The public API as a type checker sees it (`mypy --strict` reads this file too) and as a program imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, assert_type

import telemetry
from telemetry import (
    AgentHealthStatus,
    AgentState,
    Alert,
    AlertLevel,
    ClusterMetrics,
    ClusterMonitor,
    LogOptions,
    SpoolOptions,
    State,
    configure,
    get_logger,
    shutdown,
)


class Manager:
    def get_status(self) -> dict[str, Any]:
        return {"agents": []}


async def a_typed_program() -> None:
    """Never run: what its lines are is checked by mypy."""

    async def notify(alert: Alert) -> None:
        assert_type(alert.level, AlertLevel)

    monitor = ClusterMonitor(Manager(), check_interval=1.0, alert_callback=notify)
    ClusterMonitor(Manager(), alert_callback=lambda alert: None)
    ClusterMonitor(Manager(), alert_callback=lambda alert: notify(alert))  # noqa: PLW0108 - as the seed's users write it
    assert_type(monitor.start(), None)
    assert_type(monitor.is_running(), bool)
    assert_type(await monitor.check_now(), ClusterMetrics)
    assert_type(monitor.get_metrics(), ClusterMetrics | None)
    assert_type(monitor.get_alerts(level=AlertLevel.ERROR, resolved=False, limit=5), list[Alert])
    assert_type(monitor.get_status_summary(), dict[str, Any])
    assert_type(configure(LogOptions(level="debug")), tuple[str, ...])
    assert_type(configure(spool=SpoolOptions(Path("spool"), most_bytes=1_000_000)), tuple[str, ...])
    assert_type(shutdown(), bool)
    get_logger("x").bind(cluster="a").log("info", "Agent started", agent_name="grand_boss", pane_index=0)


def test_the_seeds_values_are_what_they_were() -> None:
    alert = Alert(AlertLevel.ERROR, "a", "m", 5.0)
    assert (alert.level == "error", alert.level.value, alert.resolved) == (True, "error", False)
    assert AgentState("a", True, 1.0, 2).health_status is AgentHealthStatus.HEALTHY
    assert ClusterMetrics(5, 4, 1, 1, 2).total_restarts == 2
    assert [state.value for state in State] == ["busy", "idle", "waiting", "unresponsive", "stopped", "unknown"]


def test_everything_public_is_there_and_nothing_is_imported_before_it_is_used() -> None:
    for name in telemetry.__all__:
        assert getattr(telemetry, name)
    heavy = "('opentelemetry', 'telemetry.')"
    program = f"import telemetry, sys; print([name for name in sys.modules if name.startswith({heavy})])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
