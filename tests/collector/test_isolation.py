"""One backend never hurts another: each takes or refuses on its own, and the sender is refused when nobody took."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.collector import otlp
from tests.collector.harness import environment, get, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
RECORDS = 40
SMALL = "4000"  # bytes of a queue: a few records, each in a request of its own


def refused(page: str, backend: str) -> int:
    """What the collector's own metrics say about a backend."""
    name = "otelcol_connector_refused_log_records"
    found = re.search(rf'^{name}(?:_total)?{{[^}}]*backend="{backend}"[^}}]*}} (\d+)', page, re.MULTILINE)
    assert found is not None, f"no {name} of {backend}"
    return int(found[1])


@pytest.mark.parametrize("down", ["loki", "elasticsearch", "datadog"])
def test_a_full_queue_is_the_matter_of_its_own_backend(collector_binary: Path, tmp_path: Path, down: str) -> None:
    with Taking().serving() as healthy:
        env = environment(
            tmp_path,
            OTLP_BACKEND_URL=healthy.url,
            ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=SMALL,
        )
        with running(collector_binary, f"{down},otlp", env) as collector:
            statuses = []
            for number in range(RECORDS):
                statuses.append(otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"record-{number};")))
                eventually(partial(healthy.has, number + 1))
            assert statuses == [200] * RECORDS
            page = get(f"{collector.url('TELEMETRY')}/metrics")
            assert 0 < refused(page, down) < RECORDS
            assert refused(page, "otlp") == 0
            assert any("refused by a backend" in line and f'"{down}"' in line for line in collector.lines)
        assert healthy.arrived() == list(range(RECORDS))  # every one, and none twice


def test_the_sender_is_told_when_nobody_took(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=SMALL)
    with running(collector_binary, "loki,otlp", env) as collector:
        statuses = [
            otlp.send(collector.url("HTTP"), "logs", otlp.logs(f"record-{number};")) for number in range(RECORDS)
        ]
        page = get(f"{collector.url('TELEMETRY')}/metrics")
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert refused(page, "loki") >= statuses.count(503)
    assert refused(page, "otlp") >= statuses.count(503)
