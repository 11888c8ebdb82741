"""Several sources that see one cluster, as one: each is asked for itself, and none waits for another that hangs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from telemetry.model import AgentSample, Reading, State
from telemetry.sources.base import LiveSource, Screen, Screens, Source, SourceError, SourceState, events_of
from telemetry.sources.merging import Links, Said, Word, believe, combine, links_alike
from telemetry.sources.processes import system_processes

_log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a source is waited for when others have answered; what it said last holds for that check."""


@dataclass(slots=True)
class Part:
    """One of the sources.

    Attributes:
        source: The source.
        directness: How near it is to the agent itself (see `SourceKind`).
        adds: Whether agents that only it knows belong to the cluster; otherwise it says more of the others' agents.
    """

    source: Source
    directness: int
    adds: bool = True
    reading: Reading | None = field(default=None, init=False)
    read_at: float = field(default=0.0, init=False)
    error: str = field(default="", init=False)
    asking: asyncio.Task[Reading] | None = field(default=None, init=False)
    asked_at: float = field(default=0.0, init=False)


class MergedSource:
    """A `LiveSource` made of others. The first one names the cluster, and comes first wherever an order matters.

    Args:
        parts: At least one.
        timeout: Seconds after which a source that gives no answer is as good as one that fails.
        patience: Seconds that the others wait for one.
    """

    def __init__(self, parts: Sequence[Part], timeout: float = 60.0, patience: float = PATIENCE) -> None:
        self._parts = tuple(parts)
        self._timeout, self._patience = timeout, patience
        self._links = Links(self._is_gone)
        self.must_look = False
        """After a `glance`: a source knows that something changed, and must be read to know what."""
        self._processes = system_processes()
        self._words: dict[str, list[Word]] = {}
        self._merged: dict[str, tuple[list[AgentSample], AgentSample]] = {}
        self._said: tuple[tuple[AgentSample, ...], ...] = ()
        self._agents: tuple[AgentSample, ...] = ()

    @property
    def name(self) -> str:
        """The first source's."""
        return self._parts[0].source.name

    @property
    def cluster(self) -> str:
        """The first source's."""
        return self._parts[0].source.cluster

    @property
    def parts(self) -> tuple[Part, ...]:
        """The sources, in their order."""
        return self._parts

    @property
    def states(self) -> list[SourceState]:
        """How it is with each source."""
        return [
            SourceState(
                part.source.name,
                len(part.reading.agents) if part.reading is not None else 0,
                part.error,
                part.read_at,
                events_of(part.source),
            )
            for part in self._parts
        ]

    def listen(self, changed: Callable[[], None]) -> None:
        """Begins to hear from every source that can tell by itself."""
        for part in self._parts:
            if isinstance(part.source, LiveSource):
                part.source.listen(changed)

    async def read(self, now: float) -> Reading:
        """Asks every source.

        Raises:
            SourceError: None of them knows of anybody, and one of them should.
        """
        for part in self._parts:
            if part.asking is None:
                part.asking = asyncio.get_running_loop().create_task(part.source.read(now))
                part.asked_at = now
        asked = [part.asking for part in self._parts if part.asking is not None]
        _, late = await asyncio.wait(asked, timeout=self._patience)
        if late and not any(part.reading and part.reading.agents for part in self._parts):
            await asyncio.wait(late)  # nobody else has anything to say: the monitor's own deadline counts
        for part in self._parts:
            self._take(part, now)
        # what was heard while a slow one was waited for is newer than what was read
        self._hear(now)
        return self._reading(now)

    def glance(self, now: float) -> Reading | None:
        """What every source has heard; None when none was ever asked. Whether one must look says `must_look`."""
        if all(part.reading is None for part in self._parts):
            return None
        self.must_look = not self._hear(now)
        try:
            return self._reading(now)
        except SourceError:
            return None  # nobody can tell: the next `read` says why

    def words(self, name: str) -> tuple[Word, ...]:
        """What each source says of an agent, the most direct first, and what of it is believed."""
        read_at = {part.source.name: part.read_at for part in self._parts}
        return believe([word._replace(at=read_at[word.source]) for word in self._words.get(name, ())])

    def ended(self, pid: int, status: int | None) -> None:
        """Tells every source that wants to know how a process ended."""
        if pid in self._links.left.values():
            self._said = ()  # it may be nobody's any more: all are joined anew
        for part in self._parts:
            tell = getattr(part.source, "ended", None)
            if tell is not None:
                tell(pid, status)

    def _is_gone(self, pid: int) -> bool:
        process = self._processes.get(pid)
        return process is None or process.dead

    async def forget(self, name: str) -> bool:
        """Has every source that can forget do so."""
        forgotten = False
        for word in self._words.get(name, ()):
            part = next(part for part in self._parts if part.source.name == word.source)
            forget = getattr(part.source, "forget", None)
            forgotten |= forget is not None and bool(await forget(word.sample.name))
        return forgotten

    async def last_lines(self, name: str, count: int) -> Screen | None:
        """What the screen of an agent shows, by the source that sees it; None where none does. Raises `SourceError`."""
        screens = {part.source.name: part.source for part in self._parts if isinstance(part.source, Screens)}
        words = self._words.get(name, ())
        for word in words:
            if (source := screens.get(word.source)) is not None:
                shown = await source.last_lines(word.sample.name, count)
                if shown is not None:
                    return shown
        for word in words:
            for source in screens.values() if word.sample.detail.pane_id else ():
                shown = await source.lines_in(word.sample.detail.pane_id, word.sample.pid, count)
                if shown is not None:
                    return shown
        return None

    async def close(self) -> None:
        """Gives back what every source holds."""
        asking = [part.asking for part in self._parts if part.asking is not None]
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)
        closed = await asyncio.gather(*(part.source.close() for part in self._parts), return_exceptions=True)
        for part, fault in zip(self._parts, closed, strict=True):
            if isinstance(fault, Exception):
                _log.error("the source %s could not be closed", part.source.name, exc_info=fault)

    def _take(self, part: Part, now: float) -> None:
        task = part.asking
        if task is None:
            return
        if not task.done():
            if now - part.asked_at >= self._timeout:
                part.error = f"no answer within {self._timeout:g} s"
            return
        part.asking = None
        try:
            part.reading, part.read_at, part.error = task.result(), part.asked_at, ""
        except SourceError as error:
            part.error = str(error)
        except Exception as error:  # noqa: BLE001 - a fault of one source isn't the others': told, with its traceback
            if not part.error:
                _log.exception("the source %s of cluster %s failed as it should not", part.source.name, self.cluster)
            part.error = f"{type(error).__name__} in the source (traceback in the log)"

    def _hear(self, now: float) -> bool:
        """Takes what the sources heard; whether none of them must look for it."""
        known = True
        for part in self._parts:
            if part.error or part.reading is None or not isinstance(part.source, LiveSource):
                continue
            heard = part.source.glance(now)
            if heard is None:
                known = False
            elif heard is not part.reading:
                part.reading, part.read_at = heard, now
        return known

    def _reading(self, now: float) -> Reading:
        readings = [part.reading if not part.error else _unknown(part) for part in self._parts]
        failing = [part for part in self._parts if part.error]
        if failing and not any(
            r is not None and r.agents and not p.error for p, r in zip(self._parts, readings, strict=True)
        ):
            raise SourceError(failing[0].error)
        said = tuple(reading.agents if reading is not None else () for reading in readings)
        if not _same(said, self._said):
            if self._links.left or (anew := self._said_anew(said)) is None:
                self._merge(said, now)
            else:
                self._update(anew, now)
        self._said = said
        first = readings[0]
        return Reading(
            agents=self._agents,
            session_name=first.session_name if first else "",
            session_exists=first is None or first.session_exists or any(agent.running for agent in self._agents),
            problems=(
                *(f"{part.source.name}: {part.error}" for part in failing),
                *(
                    f"{part.source.name}: {problem}"
                    for part, reading in zip(self._parts, readings, strict=True)
                    for problem in (reading.problems if reading is not None else ())
                ),
            ),
            tasks=tuple(team for reading in readings if reading is not None for team in reading.tasks),
        )

    def _said_anew(self, said: Sequence[tuple[AgentSample, ...]]) -> list[tuple[Part, AgentSample]] | None:
        """What is said anew, where all agents are linked as they were; None where they must be joined again."""
        anew: list[tuple[Part, AgentSample]] = []
        for part, samples, before in zip(self._parts, said, self._said or ((),) * len(said), strict=True):
            if samples is before:
                continue
            if len(samples) != len(before):
                return None
            for sample, was in zip(samples, before, strict=True):
                if sample is was:
                    continue
                if not links_alike(sample, was):
                    return None
                anew.append((part, sample))
        return anew

    def _update(self, anew: Sequence[tuple[Part, AgentSample]], now: float) -> None:
        """A thousand agents of which a few change: only those are combined."""
        for part, sample in anew:
            source = part.source.name
            name = self._links.name_of(source, sample.name)
            if name is None or name not in self._words:
                continue  # of nobody in this cluster
            words = self._words[name] = [
                Word(source, part.directness, sample, part.read_at or now) if word.source == source else word
                for word in self._words[name]
            ]
            self._merged[name] = ([word.sample for word in words], combine(name, words, self._merged[name][1]))
        self._agents = tuple([sample for _, sample in self._merged.values()])

    def _merge(self, said: Sequence[tuple[AgentSample, ...]], now: float) -> None:
        self._words = self._links.join(
            [
                Said(part.source.name, part.directness, samples, part.read_at or now, part.adds)
                for part, samples in zip(self._parts, said, strict=True)
            ]
        )
        merged: dict[str, tuple[list[AgentSample], AgentSample]] = {}
        for name, words in self._words.items():
            samples = [word.sample for word in words]
            before = self._merged.get(name)
            if before is not None and len(before[0]) == len(samples) and all(map(_is, before[0], samples)):
                merged[name] = before
            else:
                merged[name] = (samples, combine(name, words, before and before[1]))
        self._merged = merged
        self._agents = tuple([sample for _, sample in merged.values()])


def _is(one: object, other: object) -> bool:
    return one is other


def _same(one: Sequence[tuple[AgentSample, ...]], other: Sequence[tuple[AgentSample, ...]]) -> bool:
    """Whether every source says the very same as before."""
    return len(one) == len(other) and all(
        a is b or (len(a) == len(b) and all(map(_is, a, b))) for a, b in zip(one, other, strict=True)
    )


def _unknown(part: Part) -> Reading | None:
    """What a source that fails knew last, as what nobody can tell now."""
    if part.reading is None:
        return None
    agents = tuple(
        sample._replace(reported=State.UNKNOWN, reason=f"{part.source.name}: {part.error}")
        for sample in part.reading.agents
    )
    return replace(part.reading, agents=agents, problems=())
