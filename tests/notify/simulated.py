"""Alerts from observation to delivery in simulated time: real engine, monitor, pager and store, a recorded channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from telemetry.alerts import Controls, Rule, RuleSet
from telemetry.model import AgentSample, AlertMemory, Key, Message, News, Notice, OpenAlert, Reading
from telemetry.monitor import ClusterMonitor
from telemetry.notify.base import DeliveryError, Notifier
from telemetry.notify.delivery import Delivery
from telemetry.notify.pager import Pager
from telemetry.notify.plan import Plan
from telemetry.store import MEMORY, AlertStore, Database
from telemetry.testing import CapturedSignals, FakeClock


class Recorder(Notifier):
    """A channel that keeps what it was sent, and when; `fails` decides what else happens. Stands for a server."""

    min_interval: ClassVar[float] = 0.0

    def __init__(self, channel: str, clock: FakeClock) -> None:
        super().__init__(channel)
        self._clock = clock
        self.sent: list[tuple[float, Message]] = []
        self.tried: list[tuple[float, Message]] = []
        self.fails: Callable[[Message], DeliveryError | None] = lambda _: None
        self.closed = False

    async def send(self, message: Message) -> str:
        self.tried.append((self._clock.now(), message))
        error = self.fails(message)
        if error is not None:
            raise error
        self.sent.append((self._clock.now(), message))
        return "ok"

    async def close(self) -> None:
        self.closed = True

    @property
    def notices(self) -> list[Notice]:
        """Everything that was told, in order."""
        return [notice for _, message in self.sent for notice in message.notices]

    def told(self) -> list[list[tuple[str, str]]]:
        """Each message as what it tells: (kind, agent or cluster)."""
        return [[(notice.kind.value, notice.subject) for notice in message.notices] for _, message in self.sent]


class PacedRecorder(Recorder):
    """At most one message a second, as Slack has it."""

    min_interval: ClassVar[float] = 1.0


class RefreshedRecorder(Recorder):
    """One whose receiver forgets what isn't repeated, as Alertmanager does."""

    refresh: ClassVar[float | None] = 75.0


@dataclass
class PagerDesk:
    """A monitor's desk over nothing but a pager."""

    pager: Pager
    _controls: Controls = field(default_factory=Controls)

    @property
    def controls(self) -> Controls:
        if self._controls.silences is not self.pager.silences:
            self._controls = Controls(self.pager.silences)
        return self._controls

    def known(self, cluster: str) -> tuple[Mapping[Key, OpenAlert], AlertMemory]:
        return self.pager.known(cluster)

    async def take(self, news: News) -> None:
        await self.pager.take(news)

    async def checked(self, cluster: str, *, well: bool) -> None:
        """Nobody waits outside."""


@dataclass
class Script:
    """A source whose agents are what `seen` says at each moment."""

    seen: Callable[[float], Sequence[AgentSample]]
    cluster: str = "demo"
    name: str = "scripted"

    async def read(self, now: float) -> Reading:
        return Reading(tuple(self.seen(now)), "session")

    async def close(self) -> None:
        """Holds nothing."""


class Simulation:
    """One cluster, one pager, and time that goes on when it is told to.

    Args:
        seen: Seconds since the begin → what the source sees.
        channels: Those that are on; one recorder where none are given.
        path: Of the store.
        every: Seconds between two checks.
    """

    def __init__(
        self,
        seen: Callable[[float], Sequence[AgentSample]],
        channels: Sequence[type[Recorder]] = (Recorder,),
        *,
        path: Path | str = MEMORY,
        every: float = 5.0,
        rules: RuleSet | Sequence[Rule] | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.began = self.clock.now()
        self.recorders = [kind(f"channel{number}", self.clock) for number, kind in enumerate(channels)]
        self.plan = Plan({recorder.channel: recorder for recorder in self.recorders})
        self.store = AlertStore(Database(path, owner=True, lock_timeout=0.0))
        self.deliveries: list[Delivery] = []
        self.problems: list[str] = []
        self.pager = Pager(self.plan, self.store, self.clock, self.deliveries.append, self.problems.append)
        self.captured = CapturedSignals(self.clock)
        self.source = Script(lambda now: seen(now - self.began))
        self.monitor = ClusterMonitor.for_source(
            self.source,
            check_interval=every,
            rules=rules,
            desk=PagerDesk(self.pager),
            signals=self.captured.signals,
            clock=self.clock,
        )
        self._every = every
        self._check_at = self.began

    @property
    def recorder(self) -> Recorder:
        """The first channel."""
        return self.recorders[0]

    @property
    def at(self) -> float:
        """Seconds since the begin."""
        return self.clock.now() - self.began

    async def run(self, seconds: float) -> None:
        """Lets so many seconds pass: checks, ticks and deliveries happen when they are due."""
        until = self.clock.now() + seconds
        while True:
            now = self.clock.now()
            if now >= self._check_at:
                await self.monitor.check_now()
                self._check_at += self._every
            tick_at = await self.pager.tick()
            due = [await self._delivered(channel) for channel in self.pager._channels.values()]
            ahead = min([self._check_at, tick_at, *due])
            if ahead >= until:
                self.clock.time = until
                return
            self.clock.time = max(ahead, now)

    def set_back(self, seconds: float) -> None:
        """Sets the clock back; the cluster goes on as if nothing had happened, and so do `at` and the checks."""
        self.clock.advance(-seconds)
        self.began -= seconds
        self._check_at -= seconds

    async def _delivered(self, channel: object) -> float:
        step = channel.step  # type: ignore[attr-defined]
        while (due := await step()) <= self.clock.now():
            pass
        return float(due)
