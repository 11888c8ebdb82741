"""How it is with each backend, judged by what the collector counted between two looks at its own metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from telemetry.collector.counters import SIGNALS, Counts
from telemetry.collector.course import (
    A_MOMENT,
    FAILING,
    LATELY,
    NEARLY_FULL,
    OK,
    STUCK_AFTER,
    UNKNOWN,
    WAITING,
    Course,
    follow,
    judge,
    takes_nothing,
)
from telemetry.picture import Outlet, Outlets
from telemetry.signals.outcomes import Export

_WORST_FIRST = (FAILING, WAITING, UNKNOWN, OK)


@dataclass(frozen=True)
class BackendStanding:
    """How it is with one backend; the numbers count from the collector's start.

    Attributes:
        name: As it is chosen in BACKENDS.
        state: `ok`, `failing`, `waiting` or `unknown`.
        reason: Why, in words.
        sent, failed: Metric points, log records and spans: by signal.
        refused: How many of all of them it didn't take, its queue being full for example.
        queue, queue_capacity: What waits and may wait, of all signals together.
        ready: Whether what comes now gets there soon: it isn't failing, stuck, or nearly full.
        turned_away: What `refused` is made of, by signal.
        usage: How full its queues are, 0 to 1, by signal.
        takes_nothing: Whether nothing of some signal is sent though something waits, or what comes is given up.
        word: What the collector wrote about it lately; "" for nothing.
        is_endpoint: Whether it stands for the endpoint, whose backends aren't known: it counts this process's own
            requests, and one that was not taken is sent again or waits in the spool.
    """

    name: str
    state: str
    reason: str
    sent: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SIGNALS, 0))
    failed: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SIGNALS, 0))
    refused: int = 0
    queue: int = 0
    queue_capacity: int = 0
    ready: bool = True
    turned_away: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SIGNALS, 0))
    usage: Mapping[str, float] = field(default_factory=dict)
    takes_nothing: bool = False
    word: str = ""
    is_endpoint: bool = False


@dataclass(frozen=True)
class CollectorStanding:
    """How it is with the collector.

    Attributes:
        kind: `own`, `other` or `none`.
        state: In words.
        url: Where OTLP is sent to, without secrets; "" for none.
        refused: What its receivers didn't take since its start.
        metrics_url: The page with its own metrics; "" where none is asked for.
        damaged: How many files of queues it found damaged at its start, and set aside.
        problem: Why our own hasn't said for a while how it is; "" otherwise.
        is_read: Whether its page was ever read: otherwise its numbers say nothing.
        is_built: Whether it is being built just now, which takes minutes and is no trouble.
        untaken: The signals of this process of which nothing was taken for a moment, up to now.
    """

    kind: str
    state: str
    url: str
    refused: int = 0
    metrics_url: str = ""
    damaged: int = 0
    problem: str = ""
    is_read: bool = False
    is_built: bool = False
    untaken: Sequence[str] = ()


@dataclass(frozen=True)
class Standing:
    """How it is with everything that telemetry goes through.

    Attributes:
        at: When it was looked at (Unix s); 0.0: not yet.
        collector: The collector.
        backends: Every backend.
    """

    at: float
    collector: CollectorStanding
    backends: Sequence[BackendStanding] = ()

    @property
    def reasons(self) -> list[str]:
        """Why what is sent now may not get where it belongs, a backend each; empty: it does, as far as is known."""
        problem = self.collector.problem
        stuck = [f"backend {one.name}: {one.reason}" for one in self.backends if not one.ready]
        return [*([f"the collector: {problem}"] if problem else []), *stuck]


def outlets(standing: Standing) -> Outlets:
    """The same for the metrics and the alerts."""
    collector = standing.collector
    return Outlets(
        [
            Outlet(
                one.name,
                _up(one),
                one.sent,
                dict.fromkeys(SIGNALS, 0) if one.is_endpoint else one.failed,
                one.turned_away,
                one.usage,
                one.takes_nothing,
                one.word,
            )
            for one in standing.backends
        ],
        damaged_files=collector.damaged if collector.is_read else None,
        untaken=() if collector.is_built else collector.untaken,
        problem=_problem(collector),
        is_own=collector.kind == "own",
    )


def _problem(collector: CollectorStanding) -> str:
    """In words that help: of one that doesn't run, its state says why."""
    if collector.is_built or not collector.problem:
        return ""
    return collector.problem if collector.state.startswith("running") else collector.state


def _up(one: BackendStanding) -> bool | None:
    return None if one.ready and one.state == UNKNOWN else one.ready


Words = Mapping[str, tuple[float, str]]
"""What the collector wrote about an exporter last: when (Unix s), and the line."""


class Ledger:
    """Follows every backend from look to look."""

    def __init__(self) -> None:
        self._courses: dict[tuple[str, str], Course] = {}

    def enter(self, backends: Mapping[str, Counts], words: Words, now: float) -> list[BackendStanding]:
        """One more look; `words` are by backend."""
        for name, counts in backends.items():
            for signal in counts.signals:
                held = self._courses.get((name, signal))
                self._courses[name, signal] = follow(held, counts, signal, now)
        self._courses = {key: course for key, course in self._courses.items() if key[0] in backends}
        return [self._standing(name, counts, words.get(name), now) for name, counts in sorted(backends.items())]

    def _standing(self, name: str, counts: Counts, word: tuple[float, str] | None, now: float) -> BackendStanding:
        judged = [
            judge(self._courses[name, signal], signal, now) for signal in SIGNALS if (name, signal) in self._courses
        ]
        state, reason = _together(judged)
        said = word[1] if word is not None and now - word[0] <= LATELY and state != OK else ""
        reason = f"{reason}; the collector says: {said}" if said else reason
        return BackendStanding(
            name=name,
            state=state,
            reason=reason,
            sent={signal: counts.sent[signal] for signal in SIGNALS},
            failed={signal: counts.failed[signal] for signal in SIGNALS},
            refused=sum(counts.refused.values()),
            queue=sum(counts.queue.values()),
            queue_capacity=sum(counts.capacity.values()),
            ready=state != FAILING and not any(self._is_stuck(name, signal, now) for signal in SIGNALS),
            turned_away={signal: counts.refused[signal] for signal in SIGNALS},
            usage={signal: counts.queue[signal] / full for signal, full in counts.capacity.items() if full},
            takes_nothing=any(
                takes_nothing(self._courses[name, signal], now) for signal in SIGNALS if (name, signal) in self._courses
            ),
            word=said,
        )

    def _is_stuck(self, name: str, signal: str, now: float) -> bool:
        course = self._courses.get((name, signal))
        if course is None:
            return False
        is_full = bool(course.capacity) and course.queue >= NEARLY_FULL * course.capacity
        waited = now - course.stuck_since if course.stuck_since is not None else 0.0
        waits_long = waited >= STUCK_AFTER or (waited > 0.0 and not course.is_proven)
        return is_full or waits_long or course.is_hindered


def _together(judged: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The worst of what was found, with the reasons for it; a signal of which nothing was sent yet spoils no other."""
    states = {state for state, _ in judged}
    if states == {OK, UNKNOWN}:
        states = {OK}
    state = next((state for state in _WORST_FIRST if state in states), UNKNOWN)
    reasons = [reason for found, reason in judged if found == state]
    if state == UNKNOWN and len(reasons) != 1 and all(reason.startswith("no ") for reason in reasons):
        return state, "nothing sent yet"
    return state, "; ".join(reasons)


def unread(standings: Sequence[BackendStanding], why: str) -> list[BackendStanding]:
    """The same backends when the collector can't be asked: the numbers stay, what holds now isn't known."""
    return [replace(one, state=UNKNOWN, reason=why, ready=True, takes_nothing=False, word="") for one in standings]


def untaken(exports: Mapping[str, Export], now: float) -> tuple[str, ...]:
    """The signals of this process of which nothing was taken for a moment, up to now: one request alone is no news."""
    return tuple(
        signal
        for signal, one in exports.items()
        if one.failing_since is not None and one.at - one.failing_since >= A_MOMENT and now - one.at <= LATELY
    )
