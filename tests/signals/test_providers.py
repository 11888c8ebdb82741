"""Providers from OTEL_* variables: only where wanted, only where the program has none, never in the way at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from telemetry.signals.otel_environment import TelemetryError, wanted
from telemetry.signals.providers import build
from telemetry.signals.resource import build_resource, instance_id


@pytest.mark.parametrize(
    ("environ", "exporters"),
    [
        ({}, ()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:4318/v1/logs"}, ()),
        ({"OTEL_METRICS_EXPORTER": "otlp, prometheus"}, ("otlp", "prometheus")),
        ({"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, ()),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_METRICS_EXPORTER": "otlp"}, ()),
    ],
)
def test_metrics_are_exported_when_a_variable_says_so(environ: dict[str, str], exporters: tuple[str, ...]) -> None:
    assert wanted("metrics", environ) == exporters


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"OTEL_METRICS_EXPORTER": "datadog"}, "OTEL_METRICS_EXPORTER: 'datadog' is not known; allowed are otlp"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' is not possible"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"},
            "OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' is not a URL",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:secret@:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT: '***@:4318' is not"),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://h:99999"}, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
        ({"OTEL_BSP_SCHEDULE_DELAY": "xyz"}, "OTEL_BSP_SCHEDULE_DELAY: 'xyz' is not a number; allowed is 0 or more"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "-5"}, "OTEL_METRIC_EXPORT_INTERVAL: '-5' is not a number"),
        ({"OTEL_TRACES_SAMPLER": "wrong"}, "OTEL_TRACES_SAMPLER: 'wrong' is not known; allowed are always_on"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_is_allowed(environ: dict[str, str], says: str) -> None:
    with pytest.raises(TelemetryError) as caught:
        build(environ)
    assert str(caught.value).startswith(says)


def test_the_resource_is_ours_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    attributes = build_resource(instance="/var/lib/x", environment="production").attributes
    assert attributes["service.name"] == "orchestrator-cc"
    assert "service.namespace" not in attributes
    assert attributes["deployment.environment.name"] == "production"
    assert attributes["service.instance.id"] == instance_id(str(attributes["host.name"]), "/var/lib/x")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,team=a,service.instance.id=7")
    assert build_resource().attributes["service.name"] == "mine"
    assert build_resource().attributes["service.instance.id"] == "7"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "named")
    assert build_resource().attributes["service.name"] == "named"


def run(program: str, **environ: str) -> tuple[subprocess.CompletedProcess[str], float]:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, time.monotonic() - started


BUSY = """
import os, socket, telemetry
from opentelemetry import trace
with socket.create_server(("localhost", 0)) as holder:
    os.environ["OTEL_EXPORTER_PROMETHEUS_PORT"] = str(holder.getsockname()[1])
    try:
        telemetry.configure()
    except ValueError as error:
        print("refused:", error)
print(type(trace.get_tracer_provider()).__name__)
print(telemetry.configure())
"""


def test_what_fails_leaves_nothing_half_built() -> None:
    done, _ = run(BUSY, OTEL_METRICS_EXPORTER="prometheus", OTEL_TRACES_EXPORTER="console")
    refused, provider, built = done.stdout.splitlines()
    assert refused.startswith("refused: OTEL_EXPORTER_PROMETHEUS_PORT: can't listen on localhost:"), done.stderr
    assert (provider, built) == ("ProxyTracerProvider", "('traces', 'metrics')")


WORK = """
import telemetry
print(telemetry.configure())
with __import__("opentelemetry.trace").trace.get_tracer("t").start_as_current_span("s"):
    pass
"""


def test_nothing_set_builds_nothing_and_imports_no_sdk() -> None:
    done, _ = run("import sys\n" + WORK + "print('opentelemetry.sdk.trace' in sys.modules)")
    assert done.stdout.splitlines() == ["()", "False"], done.stderr


@pytest.mark.slow
def test_a_dead_collector_neither_raises_nor_holds_up_the_end() -> None:
    dead = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done, seconds = run(WORK + "print(telemetry.shutdown(2.0) in (True, False))", **dead)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["('traces', 'metrics', 'logs')", "True"]
    assert "Traceback" not in done.stderr
    assert "only be called once" not in done.stderr
    without, seconds_without = run(WORK, **dead)
    assert without.returncode == 0
    assert max(seconds, seconds_without) < 10  # without a deadline of ours it was 30


def test_a_program_with_providers_of_its_own_keeps_them() -> None:
    own = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
mine = TracerProvider()
trace.set_tracer_provider(mine)
import telemetry
print(telemetry.configure())
print(trace.get_tracer_provider() is mine)
"""
    done, _ = run(own, OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="console")
    assert done.stdout.splitlines()[:2] == ["('metrics',)", "True"], done.stderr


DROP_IN = """
import asyncio, logging, sys
logging.basicConfig(level="INFO", format="host %(name)s %(message)s", stream=sys.stdout)
from telemetry import ClusterMonitor
class Manager:
    def get_status(self):
        return {"cluster_name": "cc", "agents": [{"name": "a", "running": False}, {"name": "b", "running": True}]}
asyncio.run(ClusterMonitor(Manager()).check_now())
logging.getLogger("mine").info("untouched")
import telemetry
telemetry.shutdown()
"""


@pytest.mark.slow
def test_a_drop_in_monitor_exports_by_the_variables_alone_and_leaves_the_programs_logging_as_it_is() -> None:
    done, _ = run(
        DROP_IN, OTEL_METRICS_EXPORTER="console", OTEL_LOGS_EXPORTER="console", OTEL_TRACES_EXPORTER="console"
    )
    assert done.returncode == 0, done.stderr
    host = [line for line in done.stdout.splitlines() if line.startswith("host ")]
    assert host[-1] == "host mine untouched"
    assert any(line.startswith("host telemetry.monitor a: agent stopped") for line in host)
    assert '"orchestrator.agent.up"' in done.stdout
    assert '"name": "orchestrator.check"' in done.stdout
    assert '"body": "a: agent stopped: its process does not run"' in done.stdout


def test_a_wrong_variable_is_told_and_keeps_no_drop_in_from_running() -> None:
    done, _ = run(DROP_IN, OTEL_METRICS_EXPORTER="datadog")
    assert done.returncode == 0, done.stderr
    assert "host telemetry.runtime no OpenTelemetry: OTEL_METRICS_EXPORTER: 'datadog' is not known" in done.stdout


@pytest.mark.slow
def test_grpc_is_imported_only_when_asked_for() -> None:
    loaded = WORK + "import sys; print('grpc' in sys.modules)"
    http, _ = run(loaded, OTEL_TRACES_EXPORTER="otlp")
    grpc, _ = run(loaded, OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert http.stdout.splitlines()[-1] == "False"
    assert grpc.stdout.splitlines()[-1] == "True"
