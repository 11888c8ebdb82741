from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.collector import build
from tests.claude_code.fixtures import claude_binary

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["claude_binary", "collector_binary"]


@pytest.fixture(scope="session")
def collector_binary() -> Path:
    """The real collector, built once into the cache."""
    return build(print)
