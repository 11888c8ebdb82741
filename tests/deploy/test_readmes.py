"""The commands of deploy's READMEs do what they say, on a stand-in, and show no key to whoever lists processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk import environment_variables

from telemetry.collector import sources_dir
from tests.backends.kafka import Kafka, console_consumer
from tests.deploy.alerting import DEPLOY
from tests.deploy.stand_in import StandIn, standing_in

SCALE = DEPLOY / "scale" / "README.md"
KEYS = {"DD_API_KEY": "made-up-api-key", "DD_APP_KEY": "made-up-app-key", "GRAFANA_TOKEN": "made-up-token"}


def commands(readme: Path, with_: str) -> str:
    """The indented block that has this text in it."""
    blocks = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", readme.read_text(), re.MULTILINE)
    [found] = [block for block in blocks if with_ in block]
    return re.sub(r"^ {4}", "", found, flags=re.MULTILINE)


def run(text: str, folder: Path, **environ: str) -> list[str]:
    """Runs it at the root of the repository; the arguments of every curl. Each must succeed."""
    shim = folder / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{folder}/arguments\nexec {shutil.which("curl")} "$@"\n')
    shim.chmod(0o755)
    environ = {"PATH": f"{shim.parent}:{os.environ['PATH']}", **KEYS, **environ}
    subprocess.run(["bash", "-euc", text], cwd=DEPLOY.parent, env=environ, capture_output=True, timeout=60, check=True)
    return (folder / "arguments").read_text().splitlines()


def taken(server: StandIn) -> list[tuple[str, str]]:
    return [(method, path) for method, path, *_ in server.taken]


def test_datadogs_dashboard_and_monitors_are_sent(tmp_path: Path) -> None:
    text = commands(DEPLOY / "datadog" / "README.md", "DD-API-KEY")
    with standing_in() as datadog:
        arguments = run(text.replace("https://api.$DD_SITE", datadog.url), tmp_path)
    monitors = sorted((DEPLOY / "datadog" / "monitors").iterdir())
    assert taken(datadog) == [("POST", "/api/v1/dashboard"), *[("POST", "/api/v1/monitor")] * len(monitors)]
    files = [DEPLOY / "datadog" / "dashboard.json", *monitors]
    assert [json.loads(body) for *_, body in datadog.taken] == [json.loads(file.read_text()) for file in files]
    for _, _, headers, _ in datadog.taken:
        assert headers["DD-API-KEY"] == KEYS["DD_API_KEY"]
        assert headers["DD-APPLICATION-KEY"] == KEYS["DD_APP_KEY"]
        assert headers["Content-Type"] == "application/json"
    assert not [one for one in arguments if "made-up" in one]


def test_grafanas_dashboards_are_sent(tmp_path: Path) -> None:
    text = commands(DEPLOY / "grafana" / "README.md", "GRAFANA_TOKEN")
    with standing_in() as grafana:
        arguments = run(text, tmp_path, GRAFANA_URL=grafana.url)
    dashboards = sorted((DEPLOY / "grafana" / "dashboards").iterdir())
    assert taken(grafana) == [("POST", "/api/dashboards/db")] * len(dashboards)
    for file, (_, _, headers, body) in zip(dashboards, grafana.taken, strict=True):
        assert json.loads(body) == {"overwrite": True, "dashboard": json.loads(file.read_text())}
        assert headers["Authorization"] == f"Bearer {KEYS['GRAFANA_TOKEN']}"
        assert headers["Content-Type"] == "application/json"
    assert not [one for one in arguments if "made-up" in one]


def test_scale_names_no_variable_that_nobody_reads() -> None:
    sources = [file for kind in ("go", "yaml") for file in sources_dir().rglob(f"*.{kind}")]
    read = r"(?:\$\{env:|\")([A-Z]+(?:_[A-Z0-9]+)*)"
    known = {name for file in sources if "_test.go" not in file.name for name in re.findall(read, file.read_text())}
    known |= {name for name in vars(environment_variables) if name.startswith("OTEL_")}
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b|\b[A-Z]+(?==)", SCALE.read_text()))
    assert named - known == set()
    assert {"BACKENDS", "KAFKA_BROKERS", "OTEL_EXPORTER_OTLP_ENDPOINT"} <= named


def test_what_scale_foretells_is_what_a_host_does_times_the_hosts() -> None:
    text = SCALE.read_text()
    [series] = re.findall(r"With 50 agents it has (\d+) series", text)
    [points] = re.findall(r"(\d+) points and a few log records a second", text)
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) ([kM]), ([\d.]+) ([kM]) \|", text, re.MULTILINE)
    assert [hosts for hosts, *_ in rows] == ["10", "100", "1,000", "10,000"]
    unit = {"k": 1e3, "M": 1e6}
    for hosts, all_series, of_series, all_points, of_points in rows:
        number = float(hosts.replace(",", ""))
        assert float(all_series) * unit[of_series] == pytest.approx(number * float(series), rel=0.1)
        assert float(all_points) * unit[of_points] == pytest.approx(number * float(points), rel=0.1)


@pytest.mark.slow
def test_the_collector_takes_the_settings_of_both_tiers(tmp_path: Path, collector_binary: Path) -> None:
    """Each `collector run` validates instead, since the names of the machines are made up."""
    token = tmp_path / "token"
    token.write_text("made-up-token-of-a-gateway\n")
    token.chmod(0o600)
    text = commands(SCALE, "KAFKA_BROKERS")
    assert "/etc/orchestrator-telemetry/token" in text
    program = tmp_path / "orchestrator-telemetry"
    program.write_text(f"""#!/bin/sh
echo "$@"
[ "$1" = dashboard ] || PYTHONPATH={DEPLOY.parent} exec {sys.executable} -m telemetry "$1" validate
""")
    program.chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ORCHESTRATOR_COLLECTOR_BINARY": str(collector_binary),
        "ORCHESTRATOR_COLLECTOR_QUEUE_DIR": str(tmp_path / "queue"),
    }
    line = ["bash", "-euc", text.replace("/etc/orchestrator-telemetry/token", str(token))]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.stdout) == ("", "collector run\nok\ncollector run\nok\ndashboard\n")


@pytest.mark.slow
def test_kafka_makes_the_topics_of_the_collector(tmp_path: Path, kafka: Kafka) -> None:
    """Three replicas need three brokers: one here."""
    backend = (sources_dir() / "config" / "backends" / "kafka.yaml").read_text()
    topics = set(re.findall(r"_TOPIC:-(\w+)\}", backend))
    text = commands(SCALE, "kafka-topics.sh")
    here = {
        "kafka:9092": kafka.brokers,
        "--topic $topic": "--topic scale-$topic",
        "--replication-factor 3": "--replication-factor 1",
        "min.insync.replicas=2": "min.insync.replicas=1",
    }
    for written, ours in here.items():
        assert written in text
        text = text.replace(written, ours)
    console_consumer(tmp_path)
    java = (tmp_path / "kafka-console-consumer.sh").read_text()
    program = tmp_path / "kafka-topics.sh"
    program.write_text(java.replace("consumer.ConsoleConsumer", "TopicCommand"))
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euc", text], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert set(re.findall(r"Created topic scale-(\w+)\.", done.stdout)) == topics, done.stdout + done.stderr
