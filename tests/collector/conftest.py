from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.collector import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def collector_binary() -> Path:
    """The real collector, built once into the cache."""
    return build(print)
