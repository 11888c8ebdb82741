"""Prometheus' alert rules: fresh, sound by promtool, and each alert proved to fire and to keep quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from telemetry.alerts import CATALOGUE
from telemetry.clock import SystemClock
from telemetry.model import Alert, AlertLevel, ClusterSnapshot
from telemetry.picture import Picture
from telemetry.signals.metrics import PictureInstruments
from tests.backends.alertmanager import Alertmanager
from tests.backends.prometheus import Prometheus, promtool
from tests.waiting import eventually
from tools import prometheus_rules
from tools.prometheus_rules import FILES, FOLDER

RULES = [FOLDER / name for name in FILES]
PROOFS = sorted((FOLDER / "tests").glob("*.yaml"))
FIRING = re.compile(r'alertname="(\w+)", alertstate="firing", severity="(\w+)"')
BOTH = pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)


def _groups(rules: Path) -> dict[str, list[dict[str, Any]]]:
    return {group["name"]: group["rules"] for group in yaml.safe_load(rules.read_text())["groups"]}


def _alerts(rules: Path) -> list[dict[str, Any]]:
    return [alert for group in _groups(rules).values() for alert in group]


def _proofs(rules: Path) -> Iterator[dict[str, Any]]:
    for path in PROOFS:
        proof = yaml.safe_load(path.read_text())
        if proof["rule_files"] == [f"../{rules.name}"]:
            yield from proof["tests"]


# --- what needs no server -------------------------------------------------------------------------------------------


def test_the_files_are_fresh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["prometheus_rules", "--check"])
    assert prometheus_rules.main() == 0, capsys.readouterr().err


def test_a_file_that_is_not_fresh_is_told_and_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(prometheus_rules, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["prometheus_rules", "--check"])
    assert prometheus_rules.main() == 1
    assert capsys.readouterr().err == "not fresh: rules.yaml, rules-standalone.yaml; run: make rules\n"
    assert not list(tmp_path.iterdir())

    monkeypatch.setattr("sys.argv", ["prometheus_rules"])
    assert prometheus_rules.main() == 0
    assert [(tmp_path / path.name).read_text() == path.read_text() for path in RULES] == [True, True]


def test_both_files_watch_the_monitor_alike() -> None:
    passed_on, standalone = map(_groups, RULES)
    assert passed_on["orchestrator-monitor"] == standalone["orchestrator-monitor"]


def test_every_rule_that_is_on_stands_in_the_catalogue() -> None:
    found = {
        alert["labels"].get("rule") for alert in _groups(FOLDER / "rules-standalone.yaml")["orchestrator-catalogue"]
    }
    assert found == {rule.id for rule in CATALOGUE if rule.enabled}


def test_every_alert_is_proved_to_fire_at_its_level_and_to_keep_quiet() -> None:
    """Over both files, since what watches the monitor stands in both and is proved once."""
    wanted = {(alert["alert"], alert["labels"]["severity"]) for rules in RULES for alert in _alerts(rules)}
    fired, quiet = set(), set()
    for rules in RULES:
        for proof in _proofs(rules):
            for asked in proof.get("alert_rule_test", ()):
                fired |= {(asked["alertname"], told["exp_labels"]["severity"]) for told in asked["exp_alerts"]}
                quiet |= set() if asked["exp_alerts"] else {asked["alertname"]}
            for asked in proof.get("promql_expr_test", ()):
                fired |= {level for told in asked["exp_samples"] for level in FIRING.findall(told["labels"])}
    assert wanted - fired == set()
    assert {name for name, _ in wanted} - quiet == set()
    assert fired <= wanted


def test_everything_recorded_is_proved() -> None:
    [group] = _groups(FOLDER / "recording.yaml").values()
    proof = yaml.safe_load((FOLDER / "tests" / "recording.yaml").read_text())
    asked = [one for test in proof["tests"] for one in test.get("promql_expr_test", ())]
    proved = " ".join(one["expr"] for one in asked if one["exp_samples"])
    assert [rule["record"] for rule in group if rule["record"] not in proved] == []


def test_the_readme_names_every_alert_about_the_monitor() -> None:
    text = (FOLDER / "README.md").read_text()
    for alert in _groups(RULES[0])["orchestrator-monitor"]:
        assert f"| `{alert['alert']}` | {alert['labels']['severity']} |" in text


# --- what the real servers say --------------------------------------------------------------------------------------


@pytest.mark.slow
@BOTH
def test_promtool_finds_nothing_wrong(rules: Path) -> None:
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", str(rules))
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"SUCCESS: {len(_alerts(rules))} rules found" in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("proof", PROOFS, ids=lambda path: path.name)
def test_promtool_sees_each_fire_and_keep_quiet(proof: Path) -> None:
    said = promtool("test", "rules", str(proof))
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.slow
def test_what_the_monitor_decides_reaches_alertmanager(tmp_path: Path) -> None:
    """From the picture by OTLP to a real Prometheus, by its rules to a real Alertmanager: told, not told, over."""
    picture = Picture()
    told = Alert(AlertLevel.ERROR, "boss", "agent stopped", cluster="main", rule="agent_stopped")
    silenced = Alert(AlertLevel.ERROR, "worker", "agent stopped", cluster="main", rule="agent_stopped")
    with (
        Alertmanager(tmp_path / "alertmanager") as alertmanager,
        Prometheus(
            tmp_path / "prometheus", rule_files=[FOLDER / "rules.yaml"], alertmanagers=[alertmanager.address]
        ) as prometheus,
    ):
        exporter = OTLPMetricExporter(f"{prometheus.otlp_endpoint}/v1/metrics")
        meters = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))])
        clock = SystemClock()
        PictureInstruments(meters.get_meter("test"), picture, clock)

        def publish(*alerts: Alert) -> None:
            quiet = {("main", "worker", "agent_stopped")}
            picture.publish(ClusterSnapshot("main", "test", (), clock.now()), alerts, quiet)
            meters.force_flush()

        def passed_on() -> list[dict[str, Any]]:
            return alertmanager.alerts(filter=['alertname="OrchestratorAlert"'])

        publish(told, silenced)
        [found] = eventually(passed_on)
        assert found["labels"] == {
            "alertname": "OrchestratorAlert",
            "severity": "error",
            "cluster": "main",
            "agent_name": "boss",
            "rule": "agent_stopped",
        }
        assert found["annotations"]["summary"] == "An agent does not run."
        assert found["annotations"]["todo_ja"] == "ペインか最後のログを確認し、起動し直してください。"

        publish()
        eventually(lambda: not passed_on())
        meters.shutdown()
