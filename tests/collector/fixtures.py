"""The real collector and all that it sends to, as fixtures of the whole run; and a way to say what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.collector import build
from tests.collector.everywhere import Servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.backends.datadog import DatadogRecorder
    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.jaeger import Jaeger
    from tests.backends.kafka import Kafka
    from tests.backends.loki import Loki
    from tests.backends.prometheus import Prometheus


@pytest.fixture(scope="session")
def collector_binary() -> Path:
    """The real collector, built once into the cache."""
    return build(print)


@pytest.fixture
def servers(  # noqa: PLR0917 - six servers
    datadog: DatadogRecorder,
    elasticsearch: Elasticsearch,
    jaeger: Jaeger,
    kafka: Kafka,
    loki: Loki,
    prometheus: Prometheus,
) -> Servers:
    """One of each."""
    return Servers(datadog, elasticsearch, jaeger, kafka, loki, prometheus)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints what was measured, also of a test that passes."""

    def shown(text: str) -> None:
        with capsys.disabled():
            print(text)

    return shown
