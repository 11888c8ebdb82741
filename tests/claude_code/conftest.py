"""One real tmux server for each test that asks for it, and the program in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.claude_code.fixtures import claude_binary, claude_code
from tests.sources.real_tmux import TmuxServer, a_server

__all__ = ["claude_binary", "claude_code", "tmux"]


@pytest.fixture
def tmux() -> Iterator[TmuxServer]:
    """A tmux server of its own, which the first program starts."""
    yield from a_server()
