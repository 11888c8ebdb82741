"""What is seen, summed up: against a naive count of every millisecond."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.model import AgentHealth, AgentSample, State
from telemetry.store.batch import Batch, Change, Known
from telemetry.store.counts import STATES, rolled
from telemetry.tally import Tally, restarts_between

NOW = 1_800_000_000.0


def agents(*restarts: int, **states: State) -> tuple[AgentHealth, ...]:
    return tuple(
        AgentHealth(AgentSample(name, True, restart_count=restarts[n] if n < len(restarts) else 0), s, "", 0, 0, 0)
        for n, (name, s) in enumerate(states.items())
    )


def total(batch: Batch, state: State) -> float:
    """Agent-seconds."""
    return sum(bucket.states[STATES.index(state)] for bucket in batch.buckets.values()) / 1000


def watched(batch: Batch) -> float:
    return sum(bucket.watched for bucket in batch.buckets.values()) / 1000


looks = st.lists(
    st.tuples(
        st.integers(0, 40_000),  # ms since the look before
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from(State), max_size=4),
        st.booleans(),  # whether it is written then
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60)
@given(looks, st.integers(0, 30_000))
def test_every_millisecond_counts_once(seen: list[tuple[int, dict[str, State], bool]], after: int) -> None:
    hold = 15.0
    tally, batch, at = Tally("main", {}), Batch("main"), round(NOW * 1000)
    naive: Counter[State | str] = Counter()
    for number, (wait, states, write) in enumerate(seen):
        at += wait
        tally.see(agents(**states), at / 1000, hold=hold)
        following = seen[number + 1][0] if number + 1 < len(seen) else after
        holds = min(following, round(hold * 1000))
        naive["watched"] += holds
        for state in states.values():
            naive[state] += holds
        if write:
            batch = batch.followed_by(tally.take())
    tally.advance((at + after) / 1000, hold=hold)
    batch = batch.followed_by(tally.take())
    assert watched(batch) == naive["watched"] / 1000
    assert {state: total(batch, state) for state in State} == {state: naive[state] / 1000 for state in State}
    assert all(bucket.watched <= 10_000 for bucket in batch.buckets.values())
    spans = sum(until - since for since, until in batch.watched.items())
    assert spans == naive["watched"]
    # the changes tell the same as the looks
    last: dict[str, State | None] = {}
    for change in batch.changes:
        last[change.agent] = change.state
    assert {name: held for name, held in last.items() if held is not None} == seen[-1][1]


def test_a_gap_is_not_bridged() -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.see(agents(a=State.BUSY), NOW + 3600, hold=15)
    tally.advance(NOW + 3605, hold=15)
    batch = tally.take()
    assert watched(batch) == total(batch, State.BUSY) == 20
    assert batch.watched == {
        round(NOW * 1000): round((NOW + 15) * 1000),
        round((NOW + 3600) * 1000): round((NOW + 3605) * 1000),
    }


def test_a_cluster_that_is_left_counts_no_further() -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.advance(NOW + 3, hold=15)
    tally.leave()
    tally.advance(NOW + 9, hold=15)
    tally.see(agents(a=State.BUSY), NOW + 10, hold=15)
    tally.advance(NOW + 11, hold=15)
    batch = tally.take()
    assert watched(batch) == 4
    assert len(batch.watched) == 2


def test_a_picture_that_was_taken_before_time_was_counted() -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.advance(NOW + 5, hold=15)
    tally.see(agents(a=State.IDLE), NOW + 4.9, hold=15)
    tally.advance(NOW + 10, hold=15)
    assert watched(tally.take()) == 10


@pytest.mark.parametrize("back", [0.5, 59.0])
def test_a_clock_that_is_set_back_a_little_stands_still(back: float) -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.see(agents(a=State.IDLE), NOW - back, hold=15)
    tally.see(agents(a=State.IDLE), NOW + 1, hold=15)
    batch = tally.take()
    assert watched(batch) == 1
    assert [change.at for change in batch.changes] == [round(NOW * 1000)] * 2


def test_a_clock_that_is_set_back_far_begins_anew() -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.see(agents(a=State.IDLE), NOW + 12, hold=15)
    tally.see(agents(a=State.IDLE), NOW - 3600, hold=15)
    tally.advance(NOW - 3595, hold=15)
    batch = tally.take()
    assert batch.began == round((NOW - 3600) * 1000)
    assert watched(batch) == 5
    assert batch.changes == (Change("a", round((NOW - 3600) * 1000), State.IDLE),)
    assert batch.watched == {round((NOW - 3600) * 1000): round((NOW - 3595) * 1000)}


def test_restarts_are_counted_over_resets() -> None:
    tally = Tally("main", {"a": Known(State.BUSY, 3), "gone": Known(None, 7)})
    tally.see(agents(5, 2, a=State.BUSY, new=State.BUSY), NOW, hold=15)  # 2 while nobody watched; «new» is new
    tally.see(agents(0, 2, a=State.BUSY, new=State.BUSY), NOW + 1, hold=15)  # forgotten: it counts from 0
    tally.see(agents(1, 3, 8, a=State.BUSY, new=State.BUSY, gone=State.BUSY), NOW + 2, hold=15)
    batch = tally.take()
    assert sum(bucket.restarts for bucket in batch.buckets.values()) == 2 + 0 + 1 + 1 + 1
    assert batch.restarts == {"a": 1, "new": 3, "gone": 8}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_a_counter_that_resets(values: list[int]) -> None:
    increase = sum(restarts_between(a, b) for a, b in pairwise(values))
    assert increase >= max(0, values[-1] - values[0])
    if values == sorted(values):
        assert increase == values[-1] - values[0]


def test_peaks_are_in_every_bucket_they_last_into() -> None:
    tally = Tally("main", {})
    tally.see(agents(a=State.STOPPED, b=State.UNRESPONSIVE, c=State.BUSY), NOW, hold=60, open_alerts=2)
    tally.see(agents(a=State.BUSY, b=State.BUSY, c=State.BUSY), NOW + 25, hold=60, open_alerts=0)
    tally.advance(NOW + 45, hold=60)
    found = tally.take().buckets
    assert [bucket.troubled for bucket in found.values()] == [2, 2, 2, 0, 0]
    assert [bucket.open for bucket in found.values()] == [2, 2, 2, 0, 0]
    assert rolled(found, 60)[int(NOW)].troubled == 2


def test_who_is_not_there_any_more_is_gone() -> None:
    tally = Tally("main", {"old": Known(State.BUSY, 0)})
    tally.see(agents(a=State.BUSY), NOW, hold=15)
    tally.see((), NOW + 1, hold=15)
    changes = tally.take().changes
    assert changes == (
        Change("a", round(NOW * 1000), State.BUSY),
        Change("old", round(NOW * 1000), None),
        Change("a", round((NOW + 1) * 1000), None),
    )


def test_alerts_are_counted_where_they_came() -> None:
    tally = Tally("main", {})
    tally.enter((1, 0, 0, 0))  # nobody has looked yet: it isn't known when
    tally.see(agents(a=State.BUSY), NOW, hold=15, entered=(1, 0, 2, 0))
    tally.advance(NOW + 12, hold=15)
    tally.enter((0, 0, 0, 1))
    assert [bucket.alerts for bucket in tally.take().buckets.values()] == [(1, 0, 2, 0), (0, 0, 0, 1)]
