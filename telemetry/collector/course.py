"""What was seen of one signal of one backend from look to look, and what that says.

A backend that is down isn't told by one number: the collector tries again without end, so nothing fails, and only the
queue grows. Told apart are: `ok`; `failing` (given up, and nothing sent since); `waiting` (a queue that doesn't get
empty, and nothing sent meanwhile); `unknown` (nothing to judge by).
"""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.collector.counters import Counts

OK, FAILING, WAITING, UNKNOWN = "ok", "failing", "waiting", "unknown"
NEARLY_FULL = 0.7
"""Of its queue from which a backend counts as waiting, although something is sent, and isn't ready."""
STUCK_AFTER = 30.0
"""Seconds without anything sent, while something waits, after which a backend isn't ready; nor is a collector that gave
no answer for so long. A retry or two are no news."""
_UNITS = {"metrics": "metric points", "logs": "log records", "traces": "spans"}
LATELY = 120.0
"""Seconds for which what was seen says how it is now: a line that the collector wrote, a loss, a request not taken."""
A_MOMENT = 10.0
"""Seconds without anything sent, while something waits, that are nothing to speak of: two looks, or a start."""


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
        hindered: How many requests were answered with what somebody must put right, as counted last.
        is_hindered: Whether one was since something was sent: that is no matter of waiting a little.
        is_proven: Whether something was sent since we look, or nothing waited: until then it gets no time to wait.
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
    hindered: int = 0
    is_hindered: bool = False
    looks: int = 0
    is_proven: bool = False


def follow(before: Course | None, counts: Counts, signal: str, now: float) -> Course:
    """The course after one more look."""
    is_first = before is None
    sent, failed, refused = counts.sent[signal], counts.failed[signal], counts.refused[signal]
    if before is None or sent < before.sent or failed < before.failed or refused < before.refused:
        before = Course()  # the collector's counters start again when it does
    was_sent = sent > before.sent
    lost = failed + refused - before.failed - before.refused
    was_seen = was_sent and not is_first  # what was sent before we looked may have been sent long ago
    stuck = counts.queue[signal] > 0 and not was_seen
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
        hindered=counts.hindered,
        is_hindered=stuck and not is_first and (before.is_hindered or counts.hindered > before.hindered),
        looks=before.looks + 1,
        is_proven=before.is_proven or was_seen or not counts.queue[signal],
    )


def judge(course: Course, signal: str, now: float) -> tuple[str, str]:
    """State and reason of one signal."""
    unit = _UNITS[signal]
    if _only_loses(course):
        since = "since" if course.sent else "ever"
        return FAILING, f"{course.lost:,} {unit} given up and none sent {since}{_and_waiting(course)}"
    if course.lost and course.looks == 1:  # whether the losses or the deliveries came last can't be known yet
        return UNKNOWN, f"{course.sent:,} {unit} sent and {course.lost:,} given up before the first look"
    if course.stuck_since is not None and (course.stuck_since < now or course.is_hindered):
        for_seconds = now - course.stuck_since
        return WAITING, f"{unit}: nothing was sent for {for_seconds:.0f} s{_and_waiting(course)}"
    if course.capacity and course.queue >= NEARLY_FULL * course.capacity:
        return WAITING, f"{unit}: its queue is {course.queue / course.capacity:.0%} full"
    return _calm(course, unit)


def _calm(course: Course, unit: str) -> tuple[str, str]:
    """State and reason where nothing speaks against it."""
    if course.looks == 1 and not course.is_proven:
        return UNKNOWN, f"{unit}: whether any are sent now is not known yet{_and_waiting(course)}"
    if not course.sent:
        return UNKNOWN, f"no {unit} sent yet"
    given_up = f", {course.failed + course.refused:,} given up" if course.failed + course.refused else ""
    return OK, f"{course.sent:,} {unit} sent{given_up}"


def _and_waiting(course: Course) -> str:
    if not course.queue:
        return ""
    share = f" ({course.queue / course.capacity:.1%} of its queue)" if course.capacity else ""
    return f"; {course.queue:,}{share} waiting"


def takes_nothing(course: Course, now: float) -> bool:
    """Whether nothing of one signal is sent though something waits, or what comes is given up right now."""
    if course.is_hindered or (course.stuck_since is not None and now - course.stuck_since >= A_MOMENT):
        return True
    return _only_loses(course) and course.lost_at is not None and now - course.lost_at <= LATELY


def _only_loses(course: Course) -> bool:
    """Whether what was seen last is a loss, and nothing sent since."""
    return bool(course.lost) and (course.sent_at is None or (course.lost_at or 0.0) > course.sent_at)
