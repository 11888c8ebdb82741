"""How it is with each backend, judged by what the collector counted between two looks at its own metrics.

A backend that is down isn't told by one number: the collector tries again without end, so nothing fails, and only the
queue grows. Told apart are: `ok`; `failing` (given up, and nothing sent since); `waiting` (a queue that doesn't get
empty, and nothing sent meanwhile); `unknown` (nothing to judge by).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from telemetry.collector.counters import SIGNALS, Counts
from telemetry.picture import Outlet, Outlets

OK, FAILING, WAITING, UNKNOWN = "ok", "failing", "waiting", "unknown"
_WORST_FIRST = (FAILING, WAITING, UNKNOWN, OK)
NEARLY_FULL = 0.7
"""Of its queue from which a backend counts as waiting, although something is sent, and isn't ready."""
STUCK_AFTER = 30.0
"""Seconds without anything sent, while something waits, after which a backend isn't ready; nor is a collector that gave
no answer for so long. A retry or two are no news."""
_UNITS = {"metrics": "metric points", "logs": "log records", "traces": "spans"}
_HEARD_LATELY = 120.0
"""Seconds for which a line that the collector wrote about a backend explains its state."""


@dataclass(frozen=True, slots=True)
class Course:
    """What was seen of one signal of one backend so far.

    Attributes:
        sent, failed, refused: As counted last.
        queue, capacity: As seen last.
        sent_at: When something was seen to have been sent (Unix s); None: not since we look.
        lost_at: The same, of something that was given up or refused.
        lost: How much was, since something was sent.
        stuck_since: Since when the queue was never seen empty, and nothing sent; None: it isn't so.
    """

    sent: int = 0
    failed: int = 0
    refused: int = 0
    queue: int = 0
    capacity: int = 0
    sent_at: float | None = None
    lost_at: float | None = None
    lost: int = 0
    stuck_since: float | None = None
    looks: int = 0


def follow(before: Course | None, counts: Counts, signal: str, now: float) -> Course:
    """The course after one more look."""
    sent, failed, refused = counts.sent[signal], counts.failed[signal], counts.refused[signal]
    if before is None or sent < before.sent or failed < before.failed or refused < before.refused:
        before = Course()  # the collector's counters start again when it does
    was_sent = sent > before.sent
    lost = failed + refused - before.failed - before.refused
    stuck = counts.queue[signal] > 0 and not was_sent
    return Course(
        sent=sent,
        failed=failed,
        refused=refused,
        queue=counts.queue[signal],
        capacity=counts.capacity[signal],
        sent_at=now if was_sent else before.sent_at,
        lost_at=now if lost else before.lost_at,
        lost=lost + (0 if was_sent else before.lost),
        stuck_since=(now if before.stuck_since is None else before.stuck_since) if stuck else None,
        looks=before.looks + 1,
    )


def judge(course: Course, signal: str, now: float) -> tuple[str, str]:
    """State and reason of one signal."""
    unit = _UNITS[signal]
    if course.lost and (course.sent_at is None or (course.lost_at or 0.0) > course.sent_at):
        since = "since" if course.sent else "ever"
        return FAILING, f"{course.lost:,} {unit} given up and none sent {since}{_and_waiting(course)}"
    if course.lost and course.looks == 1:  # whether the losses or the deliveries came last can't be known yet
        return UNKNOWN, f"{course.sent:,} {unit} sent and {course.lost:,} given up before the first look"
    if course.stuck_since is not None and course.stuck_since < now:
        for_seconds = now - course.stuck_since
        return WAITING, f"{unit}: nothing was sent for {for_seconds:.0f} s{_and_waiting(course)}"
    if course.capacity and course.queue >= NEARLY_FULL * course.capacity:
        return WAITING, f"{unit}: its queue is {course.queue / course.capacity:.0%} full"
    if not course.sent:
        return UNKNOWN, f"no {unit} sent yet"
    given_up = f", {course.failed + course.refused:,} given up" if course.failed + course.refused else ""
    return OK, f"{course.sent:,} {unit} sent{given_up}"


def _and_waiting(course: Course) -> str:
    if not course.queue:
        return ""
    share = f" ({course.queue / course.capacity:.1%} of its queue)" if course.capacity else ""
    return f"; {course.queue:,}{share} waiting"


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
    """

    kind: str
    state: str
    url: str
    refused: int = 0
    metrics_url: str = ""
    damaged: int = 0
    problem: str = ""


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
    """The same for the metrics."""
    is_known = bool(standing.collector.metrics_url and standing.at)
    return Outlets(
        [Outlet(one.name, _up(one), one.sent, one.failed, one.turned_away, one.usage) for one in standing.backends],
        standing.collector.damaged if is_known else None,
    )


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
        if word is not None and now - word[0] <= _HEARD_LATELY and state != OK:
            reason = f"{reason}; the collector says: {word[1]}"
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
        )

    def _is_stuck(self, name: str, signal: str, now: float) -> bool:
        course = self._courses.get((name, signal))
        if course is None:
            return False
        is_full = bool(course.capacity) and course.queue >= NEARLY_FULL * course.capacity
        return is_full or (course.stuck_since is not None and now - course.stuck_since >= STUCK_AFTER)


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
    return [replace(one, state=UNKNOWN, reason=why, ready=True) for one in standings]
