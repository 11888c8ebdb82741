"""Counts of a cluster over time, as whole numbers in buckets: how they are summed, thinned and read. Nothing is kept.

All that a bucket holds can be added up or is a maximum, so a coarse bucket is the sum of the fine ones in it, in
whatever order they come. A bucket in which nobody watched doesn't exist.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from telemetry.model import AlertLevel, State

STATES = (State.BUSY, State.IDLE, State.WAITING, State.UNRESPONSIVE, State.STOPPED, State.UNKNOWN)
"""The order of `Bucket.states`, and of the columns in the store."""
TROUBLED = (State.UNRESPONSIVE, State.STOPPED)
LEVELS = (AlertLevel.INFO, AlertLevel.WARNING, AlertLevel.ERROR, AlertLevel.CRITICAL)
"""The order of `Bucket.alerts`, and of the columns in the store."""

_MS = 1000
HOUR, DAY = 3600, 86_400
_STEPS = (10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)


class Tier(NamedTuple):
    """Buckets of one width.

    Attributes:
        step: Seconds from one to the next; they begin at multiples of it.
        kept_for: Seconds after which one is dropped; None: after the time that history is kept.
    """

    step: int
    kept_for: int | None

    def kept(self, retention: float) -> float:
        """Seconds after which one is dropped, where history is kept for `retention` seconds."""
        return retention if self.kept_for is None else min(self.kept_for, retention)


TIERS = (Tier(10, 6 * HOUR), Tier(60, 3 * DAY), Tier(600, None))
"""From fine to coarse; each step is a multiple of the one before."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was counted within one bucket of time.

    Attributes:
        watched: Milliseconds of it in which somebody watched.
        states: Agent-milliseconds by state, in the order of `STATES`: divided by `watched` it is the mean.
        troubled: The highest number of agents at one time that didn't run or gave no sign of life.
        restarts: How many restarts were seen.
        alerts: How many alerts entered each level, in the order of `LEVELS`.
        open: The highest number of alerts that were open at one time.
    """

    watched: int = 0
    states: tuple[int, ...] = (0,) * len(STATES)
    troubled: int = 0
    restarts: int = 0
    alerts: tuple[int, ...] = (0,) * len(LEVELS)
    open: int = 0

    def __add__(self, other: Bucket) -> Bucket:
        return Bucket(
            self.watched + other.watched,
            _sums(self.states, other.states),
            max(self.troubled, other.troubled),
            self.restarts + other.restarts,
            _sums(self.alerts, other.alerts),
            max(self.open, other.open),
        )


Buckets = Mapping[int, Bucket]
"""By the second (Unix s) in which each begins."""


def added(*several: Iterable[tuple[int, Bucket]]) -> dict[int, Bucket]:
    """Buckets of one width, those of the same time added up; in the order of time."""
    found: dict[int, Bucket] = {}
    for buckets in several:
        for at, bucket in buckets:
            before = found.get(at)
            found[at] = bucket if before is None else before + bucket
    return dict(sorted(found.items()))


def rolled(buckets: Buckets, step: int) -> dict[int, Bucket]:
    """The same in coarser buckets, `step` seconds wide: a multiple of what they were."""
    return added((at - at % step, bucket) for at, bucket in buckets.items())


@dataclass(frozen=True, slots=True)
class Grid:
    """Which buckets answer a question.

    Attributes:
        tier: From where they are taken.
        step: Seconds from one point to the next: a multiple of the tier's.
        first: When the first point begins (Unix s), a multiple of `step`.
        points: How many there are.
    """

    tier: Tier
    step: int
    first: int
    points: int

    @property
    def end(self) -> int:
        """When the last point ends (Unix s)."""
        return self.first + self.step * self.points


def grid(since: float, until: float, points: int, now: float) -> Grid:
    """The finest points, at most so many, from the finest tier that still has what was at `since`.

    Args:
        since: The beginning (Unix s), within the first point.
        until: The end, within the last point or where that ends; later than `since`.
        points: How many may come out, at least 2. Steps are round: mostly it is some less.
        now: Unix time.
    """
    finest = next(
        (tier.step for tier in TIERS if tier.kept_for is None or now - since <= tier.kept_for), TIERS[-1].step
    )
    step = _step(until - since, points, finest)
    tier = max(tier for tier in TIERS if step % tier.step == 0)
    first = int(since // step) * step
    return Grid(tier, step, first, max(1, -int(-until // step) - int(since // step)))


def _step(span: float, points: int, finest: int) -> int:
    """The smallest round step by which there are no more points wherever the span begins: it stays as time goes on."""
    for step in _STEPS:
        if step >= finest and span / step + 1 <= points:
            return step
    return DAY * math.ceil(span / (points - 1) / DAY)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one cluster at the points of a grid; None where nobody watched.

    Attributes:
        at: When each point begins (Unix s).
        states: The mean number of agents by state.
        troubled: The highest number of agents that didn't run or gave no sign of life.
        restarts: Restarts within each step.
        alerts: Alerts that entered each level within each step.
        open: The highest number of alerts that were open.
    """

    at: list[int]
    states: dict[str, list[float | None]]
    troubled: list[int | None]
    restarts: list[int | None]
    alerts: dict[str, list[int | None]]
    open: list[int | None]


def counts(buckets: Buckets, on: Grid) -> Counts:
    """What buckets come to at the grid's points, whose step is a multiple of theirs."""
    held = rolled({at: b for at, b in buckets.items() if on.first <= at < on.end}, on.step)
    at = [on.first + on.step * number for number in range(on.points)]
    shown = [held.get(begins) for begins in at]
    return Counts(
        at,
        {state.value: [_mean(b, number) for b in shown] for number, state in enumerate(STATES)},
        [None if b is None else b.troubled for b in shown],
        [None if b is None else b.restarts for b in shown],
        {level.value: [None if b is None else b.alerts[n] for b in shown] for n, level in enumerate(LEVELS)},
        [None if b is None else b.open for b in shown],
    )


def _mean(bucket: Bucket | None, number: int) -> float | None:
    return None if bucket is None or not bucket.watched else round(bucket.states[number] / bucket.watched, 3)


def _sums(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
