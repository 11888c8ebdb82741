"""Looks at the collector's own metrics every few seconds, for as long as the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from telemetry.collector import counters
from telemetry.collector.course import FAILING, OK, STUCK_AFTER, UNKNOWN
from telemetry.collector.errors import CollectorError
from telemetry.collector.places import Owners, Place, owners
from telemetry.collector.standing import (
    BackendStanding,
    CollectorStanding,
    Ledger,
    Standing,
    Words,
    unread,
    untaken,
)
from telemetry.signals.outcomes import Export

_log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two looks."""
_FOREIGN_PAUSES = 12
"""Looks that are left out after another's collector gave no answer: it may never have had such a page."""
ENDPOINT = "otlp"
"""The name under which the endpoint itself is judged, where its collector tells nothing of its backends."""


@dataclass(frozen=True)
class Seen:
    """What a lookout looks at beside the page.

    Attributes:
        place: Where telemetry goes.
        environ: The collector's environment.
        chosen: The names of its backends, where they are known.
        state: The collector's state in words, where it is our own.
        words: What the collector wrote about each exporter.
        exports: What became of this process's own requests, by signal.
        is_built: Whether our own collector is being built just now.
    """

    place: Place
    environ: Mapping[str, str]
    chosen: Sequence[str] = ()
    state: Callable[[], str] = lambda: ""
    words: Callable[[], Words] = dict
    exports: Callable[[], Mapping[str, Export]] = dict
    is_built: Callable[[], bool] = lambda: False


class Lookout:
    """How it is with the collector and its backends, kept fresh between `start` and `stop`."""

    def __init__(self, seen: Seen, now: Callable[[], float] = time.time) -> None:
        self._seen, self._now = seen, now
        self._ledger = Ledger()
        self._owners: Owners | None = None
        self._backends: list[BackendStanding] = [
            BackendStanding(name, UNKNOWN, "nothing sent yet") for name in sorted(seen.chosen)
        ]
        self._refused = self._damaged = 0
        self._is_read = False
        self._problem = "not asked yet"
        self._at = 0.0
        self._silent_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def standing(self) -> Standing:
        """What is known now."""
        place, exports = self._seen.place, self._seen.exports()
        state = self._seen.state() or ("nothing is sent" if place.kind == "none" else self._problem or "answers")
        is_silent = place.kind == "own" and self._silent_since is not None
        problem = self._problem if is_silent and self._at - (self._silent_since or 0.0) >= STUCK_AFTER else ""
        collector = CollectorStanding(
            place.kind,
            state,
            place.url,
            self._refused,
            place.metrics_url,
            self._damaged,
            problem,
            is_read=self._is_read,
            is_built=self._seen.is_built(),
            untaken=untaken(exports, self._now()),
        )
        backends = self._backends
        if place.kind == "other" and self._problem and not any(one.state != UNKNOWN for one in backends):
            backends = [*backends, _endpoint(exports)] if exports else backends
        return Standing(self._at, collector, tuple(backends))

    def start(self) -> None:
        """Begins, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._keep_looking(), name="backends")

    async def stop(self) -> None:
        """Ends."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> bool:
        """Looks once; whether the page could be read."""
        try:
            text = await counters.read(self._seen.place.metrics_url)
            page = await asyncio.to_thread(counters.parse, text)
        except CollectorError as error:
            self._problem = str(error)
            self._backends = unread(self._backends, self._problem)
            self._silent_since = self._now() if self._silent_since is None else self._silent_since
            return False
        finally:
            self._at = self._now()
        self._silent_since, self._is_read = None, True
        if self._owners is None:
            self._owners = await asyncio.to_thread(owners, self._seen.environ, self._seen.chosen)
        known, self._problem, self._refused, self._damaged = self._owners, "", page.refused, page.damaged
        words = {known.exporters.get(exporter, exporter): word for exporter, word in self._seen.words().items()}
        counts = counters.by_backend(page, known, self._seen.chosen)
        self._backends = self._ledger.enter(counts, words, self._at)
        return True

    async def _keep_looking(self) -> None:
        if not self._seen.place.metrics_url:
            self._problem = "" if self._seen.place.kind == "none" else "what it hands on to whom isn't known here"
            return
        while True:
            try:
                answered = await self.look()
            except Exception:  # noqa: BLE001 - a fault of ours must not end the looking; the log says which
                _log.exception("the backends could not be looked at")
                answered = False
            is_foreign = self._seen.place.kind != "own"
            await asyncio.sleep(EVERY if answered or not is_foreign else EVERY * _FOREIGN_PAUSES)


def _endpoint(exports: Mapping[str, Export]) -> BackendStanding:
    """The endpoint itself as a backend: all that is known are this process's own requests."""
    failing = [signal for signal, export in exports.items() if not export.succeeded]
    said = ", ".join(f"{signal} {'taken' if e.succeeded else 'NOT taken'}" for signal, e in exports.items())
    return BackendStanding(
        name=ENDPOINT,
        state=FAILING if failing else OK,
        ready=not failing,
        reason=f"the endpoint's last answers: {said}",
        sent={**dict.fromkeys(counters.SIGNALS, 0), **{signal: export.taken for signal, export in exports.items()}},
        failed={**dict.fromkeys(counters.SIGNALS, 0), **{signal: export.lost for signal, export in exports.items()}},
        is_endpoint=True,
    )
