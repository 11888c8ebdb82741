"""Two tiers of collectors with a real Kafka between: what the first wrote there arrives behind the second."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.collector import command, merged_config, sources_dir
from tests.collector import otlp
from tests.collector.harness import environment, get, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.backends.kafka import Kafka
    from tests.collector.harness import Running

pytestmark = pytest.mark.slow
BATCHES, A_BATCH = 60, 10
FROM = "ORCHESTRATOR_COLLECTOR_KAFKA_FROM"


def tiers(folder: Path, kafka: Kafka, **second: str) -> tuple[dict[str, str], dict[str, str]]:
    """The environments of a gateway and of the collector behind Kafka, with topics and a group of their own."""
    name = f"tiers-{secrets.token_hex(4)}"
    topics = {f"KAFKA_{signal}_TOPIC": f"{name}-{signal.lower()}" for signal in ("LOGS", "METRICS", "TRACES")}
    for tier in ("first", "second"):
        (folder / tier).mkdir()
    return (
        environment(folder / "first", **topics | {"KAFKA_BROKERS": kafka.brokers}),
        environment(
            folder / "second",
            **topics | {FROM: kafka.brokers, "ORCHESTRATOR_COLLECTOR_KAFKA_GROUP": name} | second,
        ),
    )


def send(gateway: Running, numbers: range) -> None:
    """A request for each number, with a batch of records."""
    for number in numbers:
        payload = otlp.logs()
        scope = payload["resourceLogs"][0]["scopeLogs"][0]
        [record] = scope["logRecords"]
        scope["logRecords"] = [
            record | {"body": {"stringValue": f"record-{number * A_BATCH + one};"}} for one in range(A_BATCH)
        ]
        assert otlp.send(gateway.url("HTTP"), "logs", payload) == 200


def test_every_signal_comes_through(collector_binary: Path, tmp_path: Path, kafka: Kafka) -> None:
    first, second = tiers(tmp_path, kafka)
    files = Path(second["ORCHESTRATOR_COLLECTOR_FILE_DIR"])
    # The second is there before its topics are: they are made when the first writes.
    with running(collector_binary, "file", second) as reading, running(collector_binary, "kafka", first) as gateway:
        payloads = {"logs": otlp.logs(), "metrics": otlp.metrics(), "traces": otlp.traces()}
        for signal, payload in payloads.items():
            assert otlp.send(gateway.url("HTTP"), signal, payload) == 200
        for signal, sign in {
            "logs": "01J0000000000000000000000A",
            "metrics": "orchestrator.agent.up",
            "traces": otlp.TRACE,
        }.items():
            file = files / f"{signal}.jsonl"
            eventually(lambda f=file, s=sign: f.exists() and s in f.read_text(), what=signal)  # type: ignore[misc]
        assert reading.stop() == 0


def test_a_kill_of_the_second_tier_loses_nothing(collector_binary: Path, tmp_path: Path, kafka: Kafka) -> None:
    """Its queue is full after a few messages, so that most of them must still be Kafka's when it is killed."""
    with Taking(answering=503).serving() as backend:
        first, second = tiers(tmp_path, kafka, OTLP_BACKEND_URL=backend.url, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES="10000")
        with running(collector_binary, "kafka", first) as gateway:
            send(gateway, range(BATCHES // 2))
            with running(collector_binary, "otlp", second) as reading:
                eventually(lambda: refused(reading))
                send(gateway, range(BATCHES // 2, BATCHES))
                reading.process.kill()
                reading.process.wait(20)
            backend.answering = 200
            with running(collector_binary, "otlp", second) as reading:
                eventually(lambda: set(backend.arrived()) == set(range(BATCHES * A_BATCH)))
                assert reading.stop() == 0
    # Only what the second tier had read and not yet told Kafka of may be there twice: what its queue holds.
    assert len(backend.arrived()) < BATCHES * A_BATCH * 1.5


def test_what_is_no_otlp_is_passed_over(collector_binary: Path, tmp_path: Path, kafka: Kafka) -> None:
    """A span in the logs' topic."""
    with Taking().serving() as backend:
        first, second = tiers(tmp_path, kafka, OTLP_BACKEND_URL=backend.url)
        first["KAFKA_TRACES_TOPIC"] = first["KAFKA_LOGS_TOPIC"]
        with (
            running(collector_binary, "kafka", first) as gateway,
            running(collector_binary, "otlp", second) as reading,
        ):
            assert otlp.send(gateway.url("HTTP"), "traces", otlp.traces()) == 200
            eventually(lambda: unreadable(reading) == 1)
            send(gateway, range(1))
            eventually(lambda: backend.has(A_BATCH))
            assert unreadable(reading) == 1


def refused(collector: Running) -> bool:
    """Whether the only backend's queue has refused records."""
    return counted(collector, "otelcol_connector_refused_log_records") > 0


def unreadable(collector: Running) -> float:
    """How many messages of the logs' topic were no logs."""
    return counted(collector, "otelcol_kafka_receiver_unmarshal_failed_log_records")


def counted(collector: Running, name: str) -> float:
    """A counter on the collector's own page, 0 before it counted anything."""
    page = get(f"{collector.url('TELEMETRY')}/metrics")
    return sum(float(value) for value in re.findall(rf"^{name}\{{.*\}} (\S+)$", page, re.MULTILINE))


def test_it_never_reads_what_it_writes_itself(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, KAFKA_BROKERS="a:9092,b:9092", **{FROM: "b:9092"})
    done = subprocess.run(
        command(collector_binary, backends="kafka"), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == (
        f"otelcol-orchestrator: the collector: {FROM} and KAFKA_BROKERS both name b:9092: "
        "what is read there would be written there again, without end\n"
    )
    assert done.returncode == 2


def test_without_the_variable_nothing_is_read(collector_binary: Path, tmp_path: Path) -> None:
    assert "kafka" not in merged_config(collector_binary, backends="debug", environ=environment(tmp_path))


def test_it_is_a_file_like_the_others_for_the_stock_distribution(collector_binary: Path, tmp_path: Path) -> None:
    config = sources_dir() / "config"
    files = ("base.yaml", "kafka_from.yaml", "backends/debug.yaml")
    line = [str(collector_binary), "validate", *(f"--config=file:{config}/{name}" for name in files)]
    env = environment(tmp_path, **{FROM: "a:9092,b:9092"})
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
