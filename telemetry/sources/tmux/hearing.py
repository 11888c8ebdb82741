"""A tmux source between two reads: it hears, keeps its last reading up with that, and says when there is news."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telemetry.model import Reading, State
from telemetry.sources.tmux.ear import NOTHING_HEARD, Ear, Heard
from telemetry.sources.tmux.latest import LatestReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry.clock import Clock
    from telemetry.sources.tmux.answer import Pane
    from telemetry.sources.tmux.options import TmuxOptions

_NEWS_APART = 1.0
"""Seconds between two words about agents that go on working."""
_STARTED_AGAIN = 1.0
"""Seconds from the output in a stopped agent's pane to the look whether it was started again."""


class Hearing:
    """The live half of a source; all of it in one loop.

    Args:
        options: The source's.
        tmux: The beginning of every command line: `tmux`, and where its server is.
        clock: What time it is when something is heard.
    """

    def __init__(self, options: TmuxOptions, tmux: Sequence[str], clock: Clock) -> None:
        self._options = options
        self._tmux = tmux
        self._clock = clock
        self._latest = LatestReading(options.quiet_after)
        self._ear: Ear | None = None
        self._changed: Callable[[], None] | None = None
        self._news: asyncio.TimerHandle | None = None

    @property
    def events(self) -> str:
        """How it hears, or why it doesn't, in words."""
        if not self._options.events:
            return "polling: tmux.events is off"
        return self._ear.events if self._ear is not None else "polling: nobody listens"

    def listen(self, changed: Callable[[], None]) -> None:
        """Begins to hear, unless that is turned off."""
        if self._options.events:
            self._changed = changed
            self._ear = self._new_ear()

    def glance(self, now: float) -> Reading | None:
        """The last reading, with what was heard since; None where it must be read anew."""
        return self._latest.glance(self._ear.active, now) if self._ear is not None else None

    async def begin_read(self) -> Heard:
        """A read begins: what it is to know."""
        self._latest.begin_read()
        if self._ear is None:
            return NOTHING_HEARD
        if not self._ear.is_here():  # the loop that it listened in has ended, and with it what it began there
            await self._ear.close()
            self._ear, self._news = self._new_ear(), None
        return self._ear.heard()

    def end_read(self, reading: Reading, panes: Sequence[Pane], agents: Iterable[Pane], now: float) -> Reading:
        """A read has answered: the answer with what was heard beside it. From now on these agents' panes are heard."""
        if self._ear is not None:
            self._ear.follow(panes, agents)
        return self._latest.take(reading, self._ear.active if self._ear is not None else {}, now)

    def fail_read(self) -> None:
        """A read failed: what was known doesn't count any more."""
        self._latest.lose()

    def break_off_read(self) -> None:
        """A read was given up: there is still something that only a read can tell."""
        self._latest.doubt()

    async def close(self) -> None:
        """Ends what it began."""
        if self._news is not None:
            self._news.cancel()
        if self._ear is not None:
            await self._ear.close()

    def _new_ear(self) -> Ear:
        return Ear(
            self._tmux,
            self._clock,
            self._options.timeout,
            one_session=self._options.session is not None,
            printed=self._printed,
            look=self._look,
        )

    def _printed(self, pane_id: str) -> None:
        """A pane printed: who was idle is busy from now on, which is told at once, and who was busy still is."""
        agent = self._latest.printed(pane_id)
        if agent is None or self._ear is None:
            return
        if not agent.running:
            self._ear.need_look(_STARTED_AGAIN)
        elif agent.reported is not State.BUSY:
            self._tell_news()
        elif self._news is None:
            self._news = asyncio.get_running_loop().call_later(_NEWS_APART, self._tell_news)

    def _tell_news(self) -> None:
        if self._news is not None:
            self._news.cancel()
            self._news = None
        if self._changed is not None:
            self._changed()

    def _look(self) -> None:
        self._latest.doubt()
        if self._changed is not None:
            self._changed()
