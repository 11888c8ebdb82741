"""A strip: what one agent was over a time, as pairs (Unix s, state). Pure, as is the joining of spans of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from telemetry.model import State

Pair = tuple[float, State | None]
"""From when on (Unix s) an agent was in which state; None: it was there no more."""

_BAD_FIRST = (
    State.STOPPED,
    State.UNRESPONSIVE,
    State.UNKNOWN,
    State.WAITING,
    State.BUSY,
    State.IDLE,
    None,
)
"""What of a part of a strip is shown that is too short for all of it."""


def coalesced(pairs: Iterable[Pair]) -> list[Pair]:
    """Without pairs that change nothing."""
    found: list[Pair] = []
    for at, state in pairs:
        if not found or found[-1][1] is not state:
            found.append((at, state))
    return found


def thinned(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """At most so many pairs: the newest half as they are, before that the worst state of each of equal parts of time.

    Args:
        pairs: In the order of time, without pairs that change nothing.
        most: How many may come out, at least 2.
    """
    if len(pairs) <= most:
        return list(pairs)
    kept = most // 2
    older, newer = pairs[:-kept], pairs[-kept:]
    parts = most - kept
    begin, end = older[0][0], newer[0][0]
    width = (end - begin) / parts or 1.0
    worst: dict[int, State | None] = {}
    for (at, state), (until_then, _) in pairwise([*older, (end, None)]):
        first, last = int((at - begin) / width), int((until_then - begin) / width)
        for part in range(min(first, parts - 1), min(last, parts - 1) + 1):
            if begin + part * width < until_then or part == first:
                worst[part] = min((state, worst.get(part, state)), key=_BAD_FIRST.index)
    return coalesced([*((begin + part * width, worst[part]) for part in sorted(worst)), *newer])[-most:]


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same times as spans that neither touch nor overlap, in order."""
    found: list[tuple[int, int]] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found
