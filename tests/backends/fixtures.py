"""The servers as pytest fixtures, each started once for the whole run and only where a test asks for it.

In the topmost conftest: `pytest_plugins = ["tests.backends.fixtures"]`. What is not built yet is built on demand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from tests.backends import build
from tests.backends.alertmanager import Alertmanager
from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.jaeger import Jaeger
from tests.backends.kafka import Kafka
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus
from tests.backends.server import Server

AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def _running(
    kind: type[AnyServer], request: pytest.FixtureRequest, paths: pytest.TempPathFactory
) -> Iterator[AnyServer]:
    capture = request.config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        build.build([kind.part])
    else:
        with capture.global_and_fixture_disabled():  # minutes without a word look like a hang
            build.build([kind.part])
    with kind(paths.mktemp(kind.part)) as server:
        yield server


@pytest.fixture(scope="session")
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A running Prometheus that scrapes nothing until told to (`scrape`)."""
    with _running(Prometheus, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def alertmanager(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """A running Alertmanager that notifies nobody."""
    with _running(Alertmanager, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def loki(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loki]:
    """A running Loki."""
    with _running(Loki, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """A running Elasticsearch with its index templates."""
    with _running(Elasticsearch, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A running Kafka."""
    with _running(Kafka, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def jaeger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    """A running Jaeger."""
    with _running(Jaeger, request, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def datadog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatadogRecorder]:
    """A running recorder of Datadog's intake."""
    with _running(DatadogRecorder, request, tmp_path_factory) as server:
        yield server
