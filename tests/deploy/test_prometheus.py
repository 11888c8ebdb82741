"""deploy/prometheus: the seed's scrape, what comes by which way, late samples, and how long all of it is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import yaml

from telemetry.settings.layers import PROFILES
from tests.backends.pages import page_of_metrics
from tests.backends.prometheus import promtool
from tests.collector import otlp
from tests.deploy.alerting import DEPLOY, DeployedPrometheus
from tests.waiting import eventually

FOLDER = DEPLOY / "prometheus"
CONFIG = FOLDER / "prometheus.yml"
TARGETS = FOLDER / "targets"
HOUR = 3600.0


def test_the_seeds_job_is_scraped_as_the_seed_says() -> None:
    [job, *_] = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    assert (job["job_name"], job["scrape_interval"]) == ("orchestrator-cc", "15s")
    assert yaml.safe_load((TARGETS / "monitors.yaml").read_text()) == [{"targets": ["localhost:8000"]}]


def test_every_file_of_targets_and_of_rules_is_read() -> None:
    text = CONFIG.read_text()
    assert set(re.findall(r"targets/\w+\.yaml", text)) == {f"targets/{file.name}" for file in TARGETS.iterdir()}
    rules = {file.name for file in FOLDER.glob("*.yaml")} - {"rules-standalone.yaml"}
    assert set(yaml.safe_load(text)["rule_files"]) == rules


def test_what_is_scraped_at_first_is_this_machine() -> None:
    targets = {file.stem: yaml.safe_load(file.read_text()) for file in TARGETS.iterdir()}
    ports = {"monitors": 8000, "collectors": 8888, "senders": 8889, "alertmanagers": 9093}
    assert targets == {name: [{"targets": [f"localhost:{port}"]}] for name, port in ports.items()} | {"gateways": []}


def test_each_profile_keeps_metrics_for_as_long_as_the_monitor_does() -> None:
    kept = {file.stem: file.read_text() for file in FOLDER.glob("*.env")}
    assert kept == {
        name: f"PROMETHEUS_RETENTION={settings['history', 'retention_days']}d\n" for name, settings in PROFILES.items()
    }


# --- what the real Prometheus says ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_promtool_finds_nothing_wrong() -> None:
    said = promtool("check", "config", "--lint=all", "--lint-fatal", str(CONFIG))
    assert said.returncode == 0, said.stdout + said.stderr
    assert "SUCCESS: 3 rule files found" in said.stdout


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedPrometheus]:
    """One that scrapes a page of each kind."""
    own = 'orchestrator_agent_up{agent_name="boss",cluster="main"} 1\n'
    sent = 'orchestrator_agent_up{agent_name="boss",cluster="main",job="orchestrator-cc",instance="far"} 1\n'
    others = 'claude_code_cost_usage_USD_total{job="claude-code",instance="s1"} 2\n'
    health = "otelcol_exporter_queue_size 0\n"
    with ExitStack() as stack:
        pages = {
            "monitors": own,
            "collectors": health,
            "senders": sent + others,
            "gateways": sent.replace("far", "farther"),
        }
        addresses = {file: stack.enter_context(page_of_metrics(text)) for file, text in pages.items()}
        yield stack.enter_context(DeployedPrometheus(tmp_path_factory.mktemp("prometheus"), **addresses))


@pytest.mark.slow
def test_what_comes_by_each_way(prometheus: DeployedPrometheus) -> None:
    eventually(lambda: prometheus.query("sum(up) == 4"), what="every page is read")

    def labels(metric: str) -> set[tuple[str, str]]:
        return {(one.labels["job"], one.labels["instance"]) for one in prometheus.query(metric)}

    [own] = [instance for job, instance in labels("up") if job == "orchestrator-cc"]
    assert labels("orchestrator_agent_up") == {("orchestrator-cc", own), ("orchestrator-cc", "farther")}
    assert labels("claude_code_cost_usage_USD_total") == {("claude-code", "s1")}
    assert {job for job, _ in labels("otelcol_exporter_queue_size")} == {"orchestrator-collector"}


@pytest.mark.slow
def test_what_is_most_of_a_day_late_is_taken_and_what_is_later_is_not(prometheus: DeployedPrometheus) -> None:
    def take(hours_late: float) -> int:
        payload = otlp.metrics()
        at = str(int((time.time() - hours_late * HOUR) * 1e9))
        [resource] = payload["resourceMetrics"]
        for metric in resource["scopeMetrics"][0]["metrics"]:
            for kind in ("sum", "gauge"):
                for point in metric.get(kind, {}).get("dataPoints", ()):
                    point["timeUnixNano"] = at
        return otlp.send(prometheus.otlp_endpoint, "metrics", payload)

    assert take(0) == 200
    assert take(23) == 200
    asked = 'orchestrator_agent_restarts_total{instance="host-1"}'
    assert prometheus.query(asked, time=time.time() - 23 * HOUR + 60)
    assert take(25) == 400
