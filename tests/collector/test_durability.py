"""Nothing that was acknowledged is lost, with real backends, over kill -9, outages and refusals."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.collector import otlp
from tests.collector.durability import Sender, Valve, in_elasticsearch, in_loki, record_id
from tests.collector.harness import environment, get, on_a_small_disk, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.backends.datadog import DatadogRecorder
    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.loki import Loki

pytestmark = pytest.mark.slow
KILLS = 6
KILLS_AT_START = 10
BATCH = 20
LONG = 600.0


def kill_at_random(
    binary: Path, folder: Path, loki: Loki, elasticsearch: Elasticsearch, *, kills: int, rate: float, down: int
) -> str:
    """Kills the collector so often under load, with each backend down for so many of its lives; what was measured.

    Raises AssertionError where an acknowledged record is missing, or more copies are there than were in flight.
    """
    service = f"killed-{kills}"
    index = f"logs-{service}.otel-default"
    dice = random.Random(kills)  # noqa: S311 - moments, no secrets
    with Valve(loki.url).open() as to_loki, Valve(elasticsearch.url).open() as to_elasticsearch:
        env = environment(folder, LOKI_URL=to_loki.url, ELASTICSEARCH_URL=to_elasticsearch.url)
        env["ELASTICSEARCH_LOGS_INDEX"] = index
        sender = Sender(
            lambda: f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}", service, size=BATCH, rate=rate
        )
        with sender.sending():
            for life in range(kills):
                to_loki.shut = float(1 <= life <= down)
                to_elasticsearch.shut = float(kills // 2 <= life < kills // 2 + down)
                with running(binary, "loki,elasticsearch", env, within=LONG) as collector:
                    goal = sender.acknowledged + dice.randrange(1, 40) * BATCH
                    eventually(lambda goal=goal: sender.acknowledged >= goal, 60)  # type: ignore[misc]
                    collector.process.kill()
                    collector.process.wait(20)
            to_loki.shut = to_elasticsearch.shut = 0.0
            with running(binary, "loki,elasticsearch", env, within=LONG):
                goal = sender.acknowledged + BATCH
                eventually(lambda: sender.acknowledged >= goal, 60)
                sent = sender.end()
                wanted = {record_id(number) for number in range(sent)}
                eventually(lambda: wanted <= set(in_loki(loki, service, sender.since)), 120, every=0.5)
                eventually(lambda: in_elasticsearch(elasticsearch, index) >= sent, 120, every=0.5)
    found = in_loki(loki, service, sender.since)
    copies = len(found) - len(set(found))
    assert wanted <= set(found)
    assert (
        sent <= in_elasticsearch(elasticsearch, index) <= sent + BATCH
    )  # one more batch may have been taken unanswered
    assert copies <= kills * BATCH
    return (
        f"{kills} kills, {sent:,} acknowledged, 0 lost; {copies} copies in Loki, 0 in Elasticsearch; "
        f"{sender.repeated} sent again"
    )


def test_kill_9_under_load_loses_nothing(
    collector_binary: Path, tmp_path: Path, loki: Loki, elasticsearch: Elasticsearch
) -> None:
    kill_at_random(collector_binary, tmp_path, loki, elasticsearch, kills=KILLS, rate=1000, down=2)


def kill_at_the_start(binary: Path, folder: Path, *, kills: int, records: int) -> str:
    """Kills the collector so often within the first second of its life, with a full queue and the backend down."""
    dice = random.Random(kills)  # noqa: S311 - moments, no secrets
    with Taking(answering=503).serving() as backend:
        env = environment(folder, OTLP_BACKEND_URL=backend.url)
        with running(binary, "otlp", env, within=LONG) as collector:
            for number in range(records):
                assert otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"record-{number};")) == 200
            collector.process.kill()
            collector.process.wait(20)
        for _ in range(kills):
            starting = subprocess.Popen(
                [binary, "--config=backends:otlp"], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            with pytest.raises(subprocess.TimeoutExpired):
                starting.wait(dice.uniform(0.05, 1.0))
            starting.kill()
            starting.wait(20)
        backend.answering = 200
        with running(binary, "otlp", env, within=LONG):
            eventually(lambda: len(set(backend.arrived())) == records, 60)
    found = backend.arrived()
    assert sorted(set(found)) == list(range(records))
    return f"{kills} kills within a second of the start, {records} acknowledged, 0 lost, {len(found) - records} copies"


def test_kill_9_while_it_starts_loses_nothing(collector_binary: Path, tmp_path: Path) -> None:
    kill_at_the_start(collector_binary, tmp_path, kills=KILLS_AT_START, records=100)


def refuse_most(binary: Path, folder: Path, loki: Loki, *, batches: int, rate: float) -> str:
    """Loki refuses 70 % of the requests; what was sent is what it has."""
    service = f"refused-{batches}"
    with Valve(loki.url, shut=0.7).open() as to_loki:
        env = environment(folder, LOKI_URL=to_loki.url)
        with running(binary, "loki", env, within=LONG) as collector:
            sender = Sender(lambda: collector.url("HTTP"), service, size=200, rate=rate)
            with sender.sending():
                eventually(lambda: sender.acknowledged >= batches * 200, 120)
                sent, refused = sender.end(), to_loki.refused
                seconds = (time.time_ns() - sender.since) / 1e9
            to_loki.shut = 0.0
            eventually(lambda: len(in_loki(loki, service, sender.since)) >= sent, 120, every=0.5)
    found = in_loki(loki, service, sender.since)
    assert found == [record_id(number) for number in range(sent)]
    assert refused > 0
    return (
        f"{sent:,} sent in {seconds:.0f} s ({sent / seconds:,.0f} a second) with 70 % refused ({refused} requests by "
        f"then), {len(found):,} there, in order, none twice"
    )


def test_a_backend_that_refuses_most_gets_everything(collector_binary: Path, tmp_path: Path, loki: Loki) -> None:
    refuse_most(collector_binary, tmp_path, loki, batches=25, rate=10_000)


def test_a_full_disk_is_refused_and_counted_and_recovered_from(collector_binary: Path, tmp_path: Path) -> None:
    """A disk of 16 MiB, in a mount namespace of the collector's own: nothing is left mounted."""
    text = "x" * 400_000
    with Taking(answering=503).serving() as backend:
        env = environment(tmp_path, OTLP_BACKEND_URL=backend.url)
        queue = Path(env["ORCHESTRATOR_COLLECTOR_QUEUE_DIR"])
        queue.mkdir()
        with running(collector_binary, "otlp", env, before=on_a_small_disk(queue, "16m")) as collector:
            url = collector.url("HTTP")
            statuses: list[int] = []
            while statuses.count(503) < 20:
                statuses.append(otlp.send(url, "logs", otlp.logs(f"record-{len(statuses)};{text}")))
                assert len(statuses) < 1000
            taken = [number for number, status in enumerate(statuses) if status == 200]
            page = get(f"{collector.url('TELEMETRY')}/metrics")
            assert 'otelcol_connector_refused_log_records{backend="otlp",connector="forward"} 20' in page
            assert any("no space left on device" in line for line in collector.lines)
            backend.answering = 200
            eventually(lambda: set(taken) <= set(backend.arrived()), 60)
            assert otlp.send(url, "logs", otlp.logs("record-5000;")) == 200
            eventually(lambda: 5000 in backend.arrived())
    assert taken


def test_logs_for_datadog_outlast_a_restart_while_it_is_down(
    collector_binary: Path, tmp_path: Path, datadog: DatadogRecorder
) -> None:
    datadog.reset()
    env = environment(tmp_path, DD_API_KEY=datadog.api_key, DD_OTLP_URL=datadog.url)
    datadog.answer(503, ["/v1/logs"])
    try:
        for start in (0, 10):
            with running(collector_binary, "datadog", env) as collector:
                for number in range(start, start + 10):
                    assert otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"waits-{number};")) == 200
                collector.process.kill()
                collector.process.wait(20)
    finally:
        datadog.answer(200)
    wanted = {f"waits-{number};" for number in range(20)}
    with running(collector_binary, "datadog", env):
        eventually(lambda: {log["message"] for log in datadog.logs("waits-")} == wanted)
