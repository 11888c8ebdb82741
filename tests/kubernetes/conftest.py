"""One API server for all of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kubernetes.cluster import ApiServer, Etcd
from tests.kubernetes.published import service_monitors


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server, with the kinds that the chart knows."""
    folder = tmp_path_factory.mktemp("cluster")
    with Etcd(folder / "etcd") as etcd, ApiServer(folder / "apiserver", etcd) as server:
        server.define(service_monitors(folder))
        yield server
