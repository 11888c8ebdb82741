"""The real daemon over a real tmux cluster, and a real Chromium on its page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser

from tests.daemons import Daemon, Tmux, daemon
from tests.dashboard.visiting import Visit, chromium, visiting
from tests.waiting import eventually

AGENTS = ("grand_boss", "coding_writing_specialist", "testing_specialist")
LAST_WORDS = "12 of 20 tests passed"


@dataclass
class House:
    """Agents, and the daemon that watches them."""

    tmux: Tmux
    daemon: Daemon
    home: Path


class Opens(Protocol):
    """Opens a page."""

    def __call__(self, url: str, **context: object) -> Visit:
        """As somebody whose browser is set so."""


@contextmanager
def watched(home: Path, *agents: str, arguments: tuple[str, ...] = (), **environment: str) -> Iterator[House]:
    """A cluster of agents of its own, and a daemon over it."""
    tmux = Tmux(*agents).keep_dead_panes()
    try:
        flags = ("dashboard", "--port", "0", "--interval", "1", "--source", "tmux", "--tmux-socket", tmux.socket)
        with daemon(home, *flags, *arguments, **environment) as running:
            yield House(tmux, running, home)
    finally:
        tmux.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a file of tests: what Playwright holds must be gone before others use an event loop."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which one agent has died: tests only look at it."""
    with watched(tmp_path_factory.mktemp("home"), *AGENTS) as house:
        eventually(lambda: len(house.daemon.agents()) == len(AGENTS), what="the agents, alive")
        for text in ("running the tests", LAST_WORDS):  # the first line makes room for «Pane is dead», if that comes
            house.tmux.say("testing_specialist", text)
        house.tmux.kill("testing_specialist")
        yield house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house of one's own."""
    with watched(tmp_path, *AGENTS) as own:
        yield own


@pytest.fixture
def opens(browser: Browser) -> Iterator[Opens]:
    """Opens pages; when the test ends, nothing may have gone wrong in any."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda url, **context: stack.enter_context(visiting(browser, url, **context))
