"""One real tmux server for each test that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sources.real_tmux import TmuxServer, a_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tmux() -> Iterator[TmuxServer]:
    """A tmux server of its own, which the test starts with `session()`."""
    yield from a_server()
