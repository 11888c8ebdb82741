"""Loki takes no record that is too late or too long: that one is lost, no other, and the loss is counted by cause."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from telemetry.collector.counters import by_backend, parse
from telemetry.collector.places import Owners
from tests.collector.durability import batch, in_loki, record_id
from tests.collector.harness import environment, get, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backends.loki import Loki

pytestmark = pytest.mark.slow
HOUR = 3600 * 10**9
SIZE = 1000
BAD = 500
"""Which record of a batch is made a bad one."""


def late(record: dict[str, Any], by: int) -> None:
    record["timeUnixNano"] = str(int(record["timeUnixNano"]) - by)


def long(record: dict[str, Any]) -> None:
    record["body"]["stringValue"] *= 50_000


CAUSES = {
    "too_far_behind": lambda record: late(record, 2 * HOUR),
    "greater_than_max_sample_age": lambda record: late(record, 8 * 24 * HOUR),
    "line_too_long": long,
}
SAID = ("entry too far behind", "has timestamp too old", "max entry size")


def discarded(loki: Loki) -> Counter[str]:
    """How many records it threw away so far, by its own words for why."""
    name = r'^loki_discarded_samples_total{.*reason="(\w+)".*} (\d+)'
    counted = re.findall(name, get(f"{loki.url}/metrics"), re.MULTILINE)
    return sum((Counter({reason: int(number)}) for reason, number in counted), Counter())


def test_what_loki_refuses_of_a_batch_is_lost_alone_and_counted_by_cause(
    collector_binary: Path, tmp_path: Path, loki: Loki
) -> None:
    before, since = discarded(loki), time.time_ns()
    with running(collector_binary, "loki", environment(tmp_path, LOKI_URL=loki.url)) as collector:
        for number, spoil in enumerate([lambda record: None, *CAUSES.values()]):
            content = batch("late", range(number * SIZE, (number + 1) * SIZE), since)
            spoil(content["resourceLogs"][0]["scopeLogs"][0]["logRecords"][BAD])
            assert httpx.post(f"{collector.url('HTTP')}/v1/logs", json=content, trust_env=False).status_code == 200
        metrics = f"{collector.url('TELEMETRY')}/metrics"
        sent, failed = eventually(lambda: _counted(get(metrics), SIZE * (1 + len(CAUSES))), 60, what="every request")
        said = "".join(collector.lines)
    bad = {number * SIZE + BAD for number in range(1, 1 + len(CAUSES))}
    good = [record_id(number) for number in range(SIZE * (1 + len(CAUSES))) if number not in bad]
    assert in_loki(loki, "late", since) == good
    assert discarded(loki) - before == dict.fromkeys(CAUSES, 1)
    # Loki answers 400 for the whole request, of which it took all others: the collector can't know how many
    assert (sent, failed) == (SIZE, SIZE * len(CAUSES))
    assert [cause for cause in SAID if cause not in said] == []


def _counted(page: str, wanted: int) -> tuple[int, int]:
    """How many records the collector counts as sent and as given up, of so many."""
    counts = by_backend(parse(page), Owners({"otlp_http/loki": "loki"}), ["loki"])["loki"]
    sent, failed = counts.sent["logs"], counts.failed["logs"]
    assert sent + failed == wanted
    return sent, failed
