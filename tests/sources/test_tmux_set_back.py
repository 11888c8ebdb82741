"""A clock that was set back: an agent that is silent is idle as soon as any other, and one that works is busy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telemetry.model import AgentSample, State
from telemetry.sources.tmux.answer import Answer
from telemetry.sources.tmux.control import Instance, SessionListener
from telemetry.sources.tmux.ear import NOTHING_HEARD, Ear, _Place
from telemetry.sources.tmux.events import Event, Kind
from telemetry.sources.tmux.keeper import Keeper
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource
from telemetry.testing import FakeClock
from tests.sources.test_tmux_agent import PANE, ROOT, SERVER, Tree
from tests.sources.watching import START

AN_HOUR = 3600.0


class Server:
    """A tmux server with one pane, which shows what the test says."""

    screen = b"at first"

    def ask(self, screens_of: Sequence[str], _meanwhile: object = None) -> Answer:
        return Answer((PANE,), dict.fromkeys(screens_of, self.screen))


class Watched:
    """An agent in that pane, seen by a source at the time that the clock says; it is idle after ten seconds."""

    def __init__(self) -> None:
        self.clock, self.server, tree = FakeClock(START), Server(), Tree()
        tree.add(ROOT, ["-bash"])
        tree.add(ROOT + 1, ["claude"], ROOT, foreground=True)
        self.source = TmuxSource(TmuxOptions(session="work", quiet_after=10), processes=tree)
        self.source._client = self.server  # type: ignore[assignment]

    def read(self, after: float, ear: Ear | None = None) -> tuple[State | None, float]:
        """Its state, and how many seconds ago it was active."""
        now = self.clock.advance(after)
        agent: AgentSample
        (agent,) = self.source.read_blocking(now, ear.heard() if ear else NOTHING_HEARD).agents
        return agent.reported, now - agent.last_activity


def an_ear(clock: FakeClock) -> tuple[Ear, SessionListener]:
    ear = Ear(["tmux"], clock, 1.0, one_session=True, printed=lambda _: None, look=lambda: None)
    of = Instance(SERVER, PANE.session_id, PANE.session_created)
    return ear, SessionListener(["tmux"], of, Keeper(), 1.0, hear=lambda *_: None, on_live=lambda: None)


def test_a_pane_that_is_heard_and_silent_is_idle_ten_seconds_later() -> None:
    async def run() -> None:
        watched = Watched()
        ear, listener = an_ear(watched.clock)
        ear._hear(_Place(), listener, [Event(Kind.OUTPUT, PANE.pane_id)])
        assert watched.read(5, ear) == (State.BUSY, 5)
        assert watched.read(-AN_HOUR, ear) == (State.BUSY, 0)
        assert watched.read(9, ear) == (State.BUSY, 9)
        assert watched.read(1, ear) == (State.IDLE, 10)
        assert watched.read(300, ear) == (State.IDLE, 310)
        ear._hear(_Place(), listener, [Event(Kind.OUTPUT, PANE.pane_id)])
        assert watched.read(1, ear) == (State.BUSY, 1)

    asyncio.run(run())


def test_a_pane_that_is_looked_at_and_silent_is_idle_ten_seconds_later() -> None:
    watched = Watched()
    watched.read(0)
    watched.read(1)
    watched.server.screen = b"work"
    assert watched.read(5) == (State.BUSY, 0)
    assert watched.read(-AN_HOUR) == (State.BUSY, 0)
    assert watched.read(9) == (State.BUSY, 9)
    assert watched.read(1) == (State.IDLE, 10)


def test_what_a_pane_shows_anew_is_activity_by_the_clock_of_now_too() -> None:
    watched = Watched()
    watched.read(0)
    watched.read(5)
    watched.read(-AN_HOUR)
    assert watched.read(300)[0] is State.IDLE
    watched.server.screen = b"work"
    assert watched.read(5) == (State.BUSY, 0)
