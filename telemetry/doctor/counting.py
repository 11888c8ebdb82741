"""What the collector's own counters say of what was sent: for backends that can't be asked, and for what is late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telemetry.collector.counters import SIGNALS, Counts, by_backend, parse, read
from telemetry.collector.errors import CollectorError
from telemetry.collector.places import Owners, owners, signals_taken
from telemetry.collector.standing import BackendStanding, Ledger
from telemetry.doctor.finding import one_line


@dataclass(frozen=True)
class Look:
    """One look at the page.

    Attributes:
        backends: The counts of each backend.
        standings: How it is with each, by this look and those before.
        problem: Why there are none, in words.
    """

    backends: Mapping[str, Counts]
    standings: Mapping[str, BackendStanding]
    problem: str = ""

    def growth(self, before: Look, backend: str) -> dict[str, int]:
        """How much more was sent, by signal."""
        now, then = self.backends.get(backend, Counts()), before.backends.get(backend, Counts())
        return {one: more for one in SIGNALS if (more := now.sent.get(one, 0) - then.sent.get(one, 0)) > 0}

    def losses(self, before: Look, backend: str) -> int:
        """How much more was given up or refused."""
        now, then = self.backends.get(backend, Counts()), before.backends.get(backend, Counts())
        lost = [sum(counts.failed.values()) + sum(counts.refused.values()) for counts in (now, then)]
        return max(0, lost[0] - lost[1])


class Counters:
    """The collector's own metrics, as they are looked at again and again."""

    def __init__(self, url: str, environ: Mapping[str, str], backends: tuple[str, ...]) -> None:
        self._url, self._environ, self._chosen = url, environ, backends
        self._ledger = Ledger()
        self._owners: Owners | None = None
        self._taken: dict[str, set[str]] | None = None

    def taken_by(self, backend: str, look: Look) -> set[str]:
        """The signals that a backend takes: by this environment and, where it has queues, by those."""
        if self._taken is None:
            self._taken = signals_taken(self._environ)
        counts = look.backends.get(backend, Counts())
        queued = {signal for signal in SIGNALS if counts.capacity[signal]}
        return self._taken.get(backend, set(SIGNALS)) & (queued or set(SIGNALS))

    async def look(self, now: float) -> Look:
        """Looks once; a page that can't be read is a look without numbers."""
        if not self._url:
            return Look({}, {}, "the collector's own metrics aren't known")
        try:
            page = parse(await read(self._url))
        except CollectorError as error:
            return Look({}, {}, one_line(str(error)))
        if self._owners is None:
            self._owners = owners(self._environ, self._chosen)
        counts = by_backend(page, self._owners, self._chosen)
        standings = {one.name: one for one in self._ledger.enter(counts, {}, now)}
        return Look(counts, standings)
