"""A folder of Claude Code for each test that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sources.claude.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
