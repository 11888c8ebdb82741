from __future__ import annotations

from collections.abc import Iterator

import pytest

from telemetry.collector import build
from tests.backends.build import build as build_backends
from tests.doctor.servers import Stack, stack


@pytest.fixture(scope="session")
def all_well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real Prometheus, Loki, Elasticsearch, the recorder of Datadog's intake, and the collector that feeds them."""
    binary = build(print)
    build_backends(["prometheus", "loki", "elasticsearch", "datadogrecorder"])
    with stack(tmp_path_factory.mktemp("stack"), binary) as running:
        yield running
