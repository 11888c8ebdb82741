from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.collector import build
from tests.backends.build import build as build_backends
from tests.e2e.world import World, world
from tests.sources.real_tmux import TmuxServer, a_server


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All backends and the collector."""
    binary: Path = build(print)
    build_backends([])
    with world(tmp_path_factory.mktemp("world"), binary) as running:
        yield running


@pytest.fixture
def tmux() -> Iterator[TmuxServer]:
    """A tmux server of the test's own."""
    yield from a_server()
