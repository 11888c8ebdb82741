"""Elasticsearch's answers to single documents: what is too soon comes again, what is bad is lost alone, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from telemetry.collector.counters import by_backend, parse
from telemetry.collector.places import Owners
from tests.collector.bulk_faults import BulkFaults
from tests.collector.durability import batch, record_id
from tests.collector.harness import environment, get, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.backends.elasticsearch import Elasticsearch

pytestmark = pytest.mark.slow
INDEX = "logs-bulk.otel-default"


def test_only_bad_documents_are_missing_and_they_are_counted(
    collector_binary: Path, tmp_path: Path, elasticsearch: Elasticsearch
) -> None:
    with BulkFaults(elasticsearch.url).open() as proxy:
        env = environment(tmp_path, ELASTICSEARCH_URL=proxy.url, ELASTICSEARCH_LOGS_INDEX=INDEX)
        with running(collector_binary, "elasticsearch", env, within=180) as collector:
            for first in range(0, 1000, 100):
                proxy.shut = float(first >= 500)  # from there on all is answered with 503, for a while
                content = batch("bulk", range(first, first + 100), 1_790_000_000_000_000_000)
                assert httpx.post(f"{collector.url('HTTP')}/v1/logs", json=content, trust_env=False).status_code == 200
            eventually(lambda: proxy.refused > 1, 60, what="a request that was answered with 503, and its repetition")
            proxy.shut = 0.0
            eventually(lambda: elasticsearch.count(INDEX) >= 900, 90, every=0.2, what="every good document")
            metrics = f"{collector.url('TELEMETRY')}/metrics"
            counts = eventually(lambda: _elasticsearch(get(metrics)), what="what the collector counted")
    assert proxy.bad == {record_id(number) for number in range(0, 1000, 10)}
    assert len(proxy.too_soon) == 100
    assert elasticsearch.count(INDEX) == 900
    assert counts == (900, 100)


def _elasticsearch(page: str) -> tuple[int, int] | None:
    """How many log records were sent, and how many given up, once it is all of them."""
    counts = by_backend(parse(page), Owners(), ["elasticsearch"])["elasticsearch"]
    sent, failed = counts.sent["logs"], counts.failed["logs"]
    return (sent, failed) if sent + failed >= 1000 else None
