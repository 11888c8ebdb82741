"""Tells all who watch what changed: looks when the picture says so, and twice a second for what nobody announces.

One loop; only the picture's word comes from other threads. While nobody watches, nothing is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from telemetry.clock import Clock
from telemetry.web.feed import Feed, event
from telemetry.web.items import Memory, Shown, items, of_cluster

MOST_VIEWERS = 500


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds.

    Attributes:
        gathered: From the picture's first word until it is looked at: what comes together is told together.
        told: Lies between two changes at least, however fast the picture changes.
        looked: Between two looks for what nobody announces: silences, channels, how old the last check is.
        beats: Between two signs of life.
    """

    gathered: float = 0.05
    told: float = 0.25
    looked: float = 0.5
    beats: float = 5.0


PACE = Pace()

_log = logging.getLogger(__name__)


class Viewer:
    """Somebody who watches one feed.

    Attributes:
        feed: What it watches.
        had: The change it had last; None: it needs the whole state.
        over: Whether it is to end.
    """

    __slots__ = ("_waiting", "beats", "feed", "had", "over")

    def __init__(self, feed: Feed, had: int | None, beats: int) -> None:
        self.feed, self.had, self.beats = feed, had, beats
        self.over = False
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """There is news."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self) -> None:
        """There will be no more."""
        self.over = True
        self.wake()

    async def news(self, beats: int) -> None:
        """Returns when there is something to send: at once where that is so already."""
        if self.over or self.had != self.feed.last or self.beats != beats:
            return
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting


class Hub:
    """What is shown, and who watches it.

    Args:
        shown: What is shown.
        clock: Tells the time.
        most_viewers: So many at once.
        pace: How often.
    """

    def __init__(self, shown: Shown, clock: Clock, most_viewers: int = MOST_VIEWERS, pace: Pace = PACE) -> None:
        self._shown, self._clock, self._most, self._pace = shown, clock, most_viewers, pace
        self._memory = Memory()
        self._all = Feed()
        self._feeds: dict[str, Feed] = {}
        self._viewers: set[Viewer] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._announced = False
        self._told_at = -pace.told
        self._unsubscribe: Callable[[], None] = _nothing
        self.beats = 0
        """How many signs of life there were."""
        self.beat = b""
        """The last one."""

    # --- who watches ------------------------------------------------------------------------------------------------

    @property
    def refusal(self) -> str:
        """Why nobody else may watch, or ""."""
        if self._closed:
            return "the server is stopping"
        return f"{self._most} viewers are connected already" if len(self._viewers) >= self._most else ""

    @contextlib.contextmanager
    def viewing(self, cluster: str | None, last: str) -> Iterator[Viewer]:
        """Somebody watches: one cluster or all, from the change with the id `last` on where that is still held."""
        self.look()
        if not self._viewers:
            self._begin()
        feed = self.feed(cluster)
        viewer = Viewer(feed, feed.number(last), self.beats)
        viewer.over = self._closed
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._rest()

    def feed(self, cluster: str | None) -> Feed:
        """The changes of one cluster, or of all."""
        if cluster is None:
            return self._all
        feed = self._feeds.get(cluster)
        if feed is None:
            feed = self._feeds[cluster] = Feed()
            feed.take(of_cluster(self._all.items, cluster), self._clock.now())
        return feed

    def close(self) -> None:
        """Everybody's stream ends, and nobody else gets one."""
        self._closed = True
        for viewer in self._viewers:
            viewer.end()
        self._rest()

    # --- looking ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Brings every feed up to date, and wakes who watches one that changed."""
        self._announced = False
        now = self._clock.now()
        found = items(self._shown, self._memory, now)
        if not self._all.take(found, now):
            return
        self._leave_unwatched()
        for cluster, feed in self._feeds.items():
            feed.take(of_cluster(found, cluster), now)
        if self._loop is not None:
            self._told_at = self._loop.time()
        for viewer in self._viewers:
            if viewer.had != viewer.feed.last:
                viewer.wake()

    def _leave_unwatched(self) -> None:
        used = {id(viewer.feed) for viewer in self._viewers}
        self._feeds = {
            cluster: feed
            for cluster, feed in self._feeds.items()
            if id(feed) in used or f"cluster/{cluster}" in self._all.items
        }

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._shown.picture.on_change(self._heard)
        self._later("look", self._pace.looked)
        self._later("beat", self._pace.beats)

    def _rest(self) -> None:
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._announced = False

    def _later(self, what: str, seconds: float) -> None:
        assert self._loop is not None  # noqa: S101 - somebody watches
        if (before := self._timers.get(what)) is not None:
            before.cancel()
        act = {"look": self._on_look, "beat": self._on_beat, "told": self._on_told}[what]
        self._timers[what] = self._loop.call_later(seconds, act)

    def _heard(self) -> None:
        """The picture changed; in any thread."""
        if self._announced or self._loop is None:
            return
        self._announced = True
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._on_heard)

    def _on_heard(self) -> None:
        if self._viewers and self._loop is not None:
            self._later("told", max(self._pace.gathered, self._told_at + self._pace.told - self._loop.time()))

    def _on_told(self) -> None:
        self._guarded_look()

    def _on_look(self) -> None:
        self._later("look", self._pace.looked)
        self._guarded_look()

    def _guarded_look(self) -> None:
        try:
            self.look()
        except Exception:  # noqa: BLE001 - logged with its traceback; the next look may succeed
            _log.exception("what is shown could not be brought up to date")

    def _on_beat(self) -> None:
        self._later("beat", self._pace.beats)
        self.beats += 1
        self.beat = event("beat", {"now": self._clock.now()})
        for viewer in self._viewers:
            viewer.wake()


def _nothing() -> None:
    """Where there is nothing to end."""
