"""Keeps what the plots show: listens to the picture, writes to the store every ten seconds, and is asked by the web.

A store that fails is told once; watching goes on, and what could not be written is kept for an hour. A process that is
killed loses what came together since the last write; a death is written at once, as nobody can tell its cause later.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from telemetry.clock import Clock
from telemetry.model import AlertLevel, ClusterSnapshot, LastSeen, State
from telemetry.picture import Picture
from telemetry.signals.logs import get_logger
from telemetry.store import Store, StoreError
from telemetry.store.batch import Batch, Known
from telemetry.store.counts import LEVELS, Counts, Grid, added, counts, grid, rolled
from telemetry.store.strips import Pair, coalesced, joined, thinned
from telemetry.store.timeline import TimelineStore
from telemetry.tally import Tally, restarts_between

_log = get_logger("telemetry.recording")

WRITE_EVERY = 10.0
PRUNE_EVERY = 600.0
MOST_PAIRS = 500
"""Changes of state that are told of one agent at most."""
_DAY = 86_400.0
_MIB = 1024 * 1024


class Bounds(NamedTuple):
    """What is set.

    Attributes:
        hold: Seconds for which a picture counts at most until the next: after that nobody watched.
        retention: Seconds for which counts are kept.
        most_bytes: How large the store may be.
    """

    hold: float
    retention: float
    most_bytes: int

    @classmethod
    def of(cls, check_interval: float, retention_days: float, max_mib: int) -> Bounds:
        """By the settings; a picture counts as long as a check is fresh for /readyz."""
        return cls(max(10.0, 3 * check_interval), retention_days * _DAY, max_mib * _MIB)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """What became of one cluster's agents.

    Attributes:
        watched: When somebody watched: (from, to) in Unix s.
        agents: By name, from when on (Unix s) it was in which state; None: it was there no more.
    """

    watched: list[tuple[float, float]]
    agents: dict[str, list[Pair]]


class Recorder:
    """One for a process.

    Args:
        picture: What is known now.
        store: Where it is kept.
        clock: Tells the time.
        bounds: How long a picture counts, and how much is kept, by the settings in force.
    """

    def __init__(
        self,
        picture: Picture,
        store: Store,
        clock: Clock,
        *,
        bounds: Callable[[], Bounds],
    ) -> None:
        self._picture, self._clock = picture, clock
        self._store = TimelineStore(store)
        self._begun_anew = self._store.begun_anew
        self._bounds = bounds
        self._lock = threading.Lock()
        """Of all that is told by the picture: held for an instant."""
        self._storing = threading.Lock()
        """Of what is written, so that nobody reads a batch twice or not at all."""
        self._known: dict[str, dict[str, Known]] = {}
        self._before: dict[str, dict[str, LastSeen]] = {}
        """How an earlier run saw the agents last."""
        self._tallies: dict[str, Tally] = {}
        self._seen: dict[str, ClusterSnapshot] = {}
        self._entered: dict[tuple[str, AlertLevel], int] = {}
        self._waiting: dict[str, Batch] = {}
        self._problem = ""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._writing: asyncio.Task[None] | None = None
        self._write_now: Callable[[], None] = lambda: None

    # --- begin and end ----------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Takes up what an earlier run left, and records from now on. Before any monitor starts."""
        await asyncio.to_thread(self._load)
        self._entered = self._picture.alert_counts
        loop, due = asyncio.get_running_loop(), asyncio.Event()
        self._write_now = partial(_set_in, loop, due)
        self._unsubscribe = self._picture.on_change(self.look)
        self._writing = loop.create_task(self._keep_writing(due), name="timeline")

    async def stop(self, within: float) -> None:
        """Writes what is left, within so many seconds."""
        self._unsubscribe()
        if self._writing is not None:
            self._writing.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self.write), within)

    def _load(self) -> None:
        try:
            self._known, self._before = self._store.known(), self._store.last_seen()
        except StoreError as error:
            self._tell(str(error))

    async def _keep_writing(self, due: asyncio.Event) -> None:
        pruned_at = -PRUNE_EVERY
        while True:
            if self._clock.monotonic() - pruned_at >= PRUNE_EVERY:
                pruned_at = self._clock.monotonic()
                await asyncio.to_thread(self.prune)
            with suppress(TimeoutError):
                await asyncio.wait_for(due.wait(), WRITE_EVERY)
            due.clear()
            await asyncio.to_thread(self.write)

    # --- what is seen -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Takes what is new in the picture; costs an instant where nothing is."""
        with self._lock:
            snapshots = self._picture.snapshots
            anew = [snapshot for snapshot in snapshots if self._seen.get(snapshot.cluster) is not snapshot]
            if len(self._seen) + sum(s.cluster not in self._seen for s in anew) != len(snapshots):
                self._leave({snapshot.cluster for snapshot in snapshots})
            if not anew:
                return
            entered = self._entered_since()
            open_alerts = [alert.cluster for alert in self._picture.open_alerts]
            for snapshot in anew:
                self._seen[snapshot.cluster] = snapshot
                self._tally(snapshot.cluster).see(
                    snapshot.agents,
                    snapshot.taken_at,
                    hold=self._bounds().hold,
                    open_alerts=open_alerts.count(snapshot.cluster),
                    answered=not snapshot.source_error,
                )
            self._enter(entered)
            if any(self._tallies[snapshot.cluster].holds_a_death for snapshot in anew):
                self._write_now()

    def _tally(self, cluster: str) -> Tally:
        if cluster not in self._tallies:
            self._tallies[cluster] = Tally(cluster, self._known.pop(cluster, {}))
        return self._tallies[cluster]

    def _leave(self, watched: set[str]) -> None:
        for cluster in set(self._seen) - watched:
            del self._seen[cluster]
            self._tallies[cluster].leave()

    def _entered_since(self) -> dict[str, list[int]]:
        """How many alerts entered each level since the last call, by cluster."""
        now, before = self._picture.alert_counts, self._entered
        self._entered = now
        found: dict[str, list[int]] = {}
        for (cluster, level), count in now.items():
            if more := restarts_between(before.get((cluster, level), 0), count):
                found.setdefault(cluster, [0] * len(LEVELS))[LEVELS.index(level)] = more
        return found

    def _enter(self, entered: dict[str, list[int]]) -> None:
        for cluster, numbers in entered.items():
            if cluster in self._tallies:
                self._tallies[cluster].enter(numbers)

    def _catch_up(self) -> None:
        """Counts everything up to now. Under the lock."""
        now, hold = self._clock.now(), self._bounds().hold
        for tally in self._tallies.values():
            tally.advance(now, hold=hold)
        self._enter(self._entered_since())

    # --- what is written --------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Writes what came together. Blocks; a store that fails is told, and what it didn't take is kept."""
        with self._storing:
            with self._lock:
                self._begin_anew()
                self._catch_up()
                taken = [tally.take() for tally in self._tallies.values()]
            for batch in taken:
                before = self._waiting.get(batch.cluster)
                self._waiting[batch.cluster] = batch if before is None else before.followed_by(batch)
            try:
                for cluster, batch in list(self._waiting.items()):
                    self._store.write(batch)
                    del self._waiting[cluster]
            except StoreError as error:
                self._tell(str(error))
            else:
                self._tell("")

    def prune(self) -> None:
        """Drops what is older than it may be. Blocks."""
        try:
            bounds = self._bounds()
            self._store.prune(self._clock.now(), bounds.retention, bounds.most_bytes)
        except StoreError as error:
            self._tell(str(error))

    def _begin_anew(self) -> None:
        """A file that was set aside holds what was written before: the new one is to know every agent's state."""
        if self._begun_anew != self._store.begun_anew:
            self._begun_anew = self._store.begun_anew
            for tally in self._tallies.values():
                tally.begin_anew()

    def _tell(self, problem: str) -> None:
        if problem and not self._problem:
            _log.warning("the timeline can't be kept", reason=problem)
        elif self._problem and not problem:
            _log.info("the timeline is kept again")
        self._problem = problem

    # --- what is asked ----------------------------------------------------------------------------------------------

    def last_seen(self, cluster: str) -> Mapping[str, LastSeen]:
        """How each agent of a cluster was seen last, by name: by this run, else by the one before."""
        with self._lock:
            seen = self._tallies[cluster].last_seen if cluster in self._tallies else {}
            return seen or self._before.get(cluster, {})

    async def agents(self, clusters: Sequence[str], since: float, until: float) -> dict[str, Span]:
        """What became of the agents of each cluster from one time to another (Unix s).

        Raises:
            StoreError: The store can't be used.
        """
        return await asyncio.to_thread(self._read, clusters, partial(self._span, since=since, until=until))

    async def counts(
        self, clusters: Sequence[str], since: float, until: float, points: int
    ) -> tuple[Grid, dict[str, Counts]]:
        """The counts of each cluster from one time to another (Unix s), at no more than so many points.

        Raises:
            StoreError: The store can't be used.
        """
        now = self._clock.now()
        if until >= now:
            until = math.nextafter(until, math.inf)  # what is seen in this very instant belongs to it
        on = grid(since, until, points, now)
        return on, await asyncio.to_thread(self._read, clusters, partial(self._counts, on=on))

    def _read(self, clusters: Sequence[str], one: Callable[[Batch], T]) -> dict[str, T]:
        """An answer for each cluster, out of the store and what waits to be written."""
        with self._storing:
            with self._lock:
                self._catch_up()
                pending = {name: tally.pending for name, tally in self._tallies.items() if name in clusters}
            for name, batch in self._waiting.items():
                if name in pending:
                    pending[name] = batch.followed_by(pending[name])
            return {name: one(pending.get(name, Batch(name))) for name in clusters}

    def _counts(self, pending: Batch, *, on: Grid) -> Counts:
        kept = self._store.buckets(pending.cluster, on)
        return counts(added(kept.items(), rolled(pending.buckets, on.step).items()), on)

    def _span(self, pending: Batch, *, since: float, until: float) -> Span:
        kept = self._store.strips(pending.cluster, since, until)
        begin, end = round(since * 1000), round(until * 1000)
        agents: dict[str, list[tuple[int, State | None]]] = {name: list(held) for name, held in kept.agents.items()}
        for change in pending.changes:
            if change.at <= end:
                agents.setdefault(change.agent, []).append((max(change.at, begin), change.state))
        watched = [
            (max(a, begin), min(b, end)) for a, b in (*kept.watched, *pending.watched.items()) if b > begin and a < end
        ]
        return Span(
            [(a / 1000, b / 1000) for a, b in joined(watched)],
            {name: _strip(pairs) for name, pairs in sorted(agents.items())},
        )


def _set_in(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop was closed meanwhile: what is left was written with the end
        loop.call_soon_threadsafe(event.set)


def _strip(pairs: Sequence[tuple[int, State | None]]) -> list[Pair]:
    latest = dict(pairs)  # of several at one time the last counts
    return thinned(coalesced((at / 1000, latest[at]) for at in sorted(latest)), MOST_PAIRS)
