"""Real durations of what tests/collector/test_durability.py does in seconds. Prints what was measured."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.collector.test_durability import kill_at_random, kill_at_the_start, refuse_most
from tests.collector.test_long_outage import Part, through_an_outage
from tests.collector.test_overload import overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.loki import Loki
    from tests.collector.everywhere import Servers


def test_fifty_kills_at_a_thousand_records_a_second(
    collector_binary: Path,
    tmp_path: Path,
    loki: Loki,
    elasticsearch: Elasticsearch,
    say: Callable[[str], None],
) -> None:
    say(kill_at_random(collector_binary, tmp_path, loki, elasticsearch, kills=50, rate=1000, down=20))


def test_a_hundred_kills_within_a_second_of_the_start(
    collector_binary: Path,
    tmp_path: Path,
    say: Callable[[str], None],
) -> None:
    say(kill_at_the_start(collector_binary, tmp_path, kills=100, records=2000))


def test_seventy_percent_refused_for_a_minute(
    collector_binary: Path,
    tmp_path: Path,
    loki: Loki,
    say: Callable[[str], None],
) -> None:
    say(refuse_most(collector_binary, tmp_path, loki, batches=3000, rate=10_000))


def test_an_overload_of_ten_thousand_requests(
    collector_binary: Path,
    tmp_path: Path,
    say: Callable[[str], None],
) -> None:
    say(overload(collector_binary, tmp_path, requests=1000, within=900))


def test_fifteen_minutes_without_any_backend(
    collector_binary: Path,
    tmp_path: Path,
    servers: Servers,
    say: Callable[[str], None],
) -> None:
    """Two requests of each signal a second; the collector is ended after 10 and after 12.5 minutes."""
    parts = (Part(1200, 0.5, signal.SIGTERM), Part(300, 0.5, signal.SIGKILL), Part(300, 0.5, None))
    say(through_an_outage(collector_binary, tmp_path, servers, parts, 600))


def test_what_is_acknowledged_is_synced_to_the_disk_before(
    collector_binary: Path,
    tmp_path: Path,
) -> None:
    """A loss of power can't be had here: that the kernel was told in time is seen by strace."""
    trace = tmp_path / "trace"
    before = ["strace", "-D", "-f", "-qq", "-o", str(trace), "-e", "trace=fsync,fdatasync"]
    env = environment(tmp_path)
    with running(collector_binary, "otlp", env, before) as collector:
        for number in range(50):
            synced = trace.read_text().count(" = 0\n")
            assert otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"record-{number};")) == 200
            assert trace.read_text().count(" = 0\n") > synced
