"""The arithmetic of counts and strips: nothing is lost or made up on the way to coarser ones."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.model import State
from telemetry.store.counts import DAY, HOUR, LEVELS, STATES, TIERS, Bucket, added, counts, grid, rolled
from telemetry.store.strips import Pair, coalesced, joined, thinned

NOW = 1_800_000_000

buckets = st.builds(
    lambda watched, agents, rest: Bucket(watched, tuple(watched * n for n in agents), *rest),
    st.integers(0, 10_000),
    st.tuples(*[st.integers(0, 50)] * len(STATES)),
    st.tuples(st.integers(0, 50), st.integers(0, 9), st.tuples(*[st.integers(0, 9)] * len(LEVELS)), st.integers(0, 99)),
)
fine = st.dictionaries(st.integers(0, 500).map(lambda n: NOW - 10 * n), buckets, max_size=40)


@settings(max_examples=50)
@given(fine, st.sampled_from([20, 60, 600, 3600]))
def test_a_coarser_tier_is_the_sum_of_the_finer(held: dict[int, Bucket], step: int) -> None:
    coarse = rolled(held, step)
    for number in range(len(STATES)):
        assert sum(b.states[number] for b in coarse.values()) == sum(b.states[number] for b in held.values())
    assert sum(b.watched for b in coarse.values()) == sum(b.watched for b in held.values())
    assert sum(b.restarts for b in coarse.values()) == sum(b.restarts for b in held.values())
    for number in range(len(LEVELS)):
        assert sum(b.alerts[number] for b in coarse.values()) == sum(b.alerts[number] for b in held.values())
    for at, bucket in coarse.items():
        within = [b for begins, b in held.items() if at <= begins < at + step]
        assert bucket.troubled == max(b.troubled for b in within)
        assert bucket.open == max(b.open for b in within)
        assert at % step == 0


@settings(max_examples=50)
@given(fine, st.randoms())
def test_by_whatever_way_and_in_whatever_order(held: dict[int, Bucket], chance: random.Random) -> None:
    assert rolled(rolled(held, 60), 600) == rolled(held, 600)
    pieces = list(held.items())
    chance.shuffle(pieces)
    cut = len(pieces) // 2
    assert added(rolled(dict(pieces[:cut]), 60).items(), rolled(dict(pieces[cut:]), 60).items()) == rolled(held, 60)


@settings(max_examples=50)
@given(st.floats(0, 400 * DAY), st.floats(0.001, 400 * DAY), st.integers(2, 1000))
def test_the_points_of_a_grid(ago: float, span: float, points: int) -> None:
    since, until = NOW - ago, min(NOW - ago + span, float(NOW))
    if since >= until:
        return
    on = grid(since, until, points, NOW)
    assert 1 <= on.points <= points
    assert on.first <= since < on.first + on.step
    assert on.end >= until
    assert on.end - on.step < until
    assert on.step % on.tier.step == 0
    assert on.first % on.step == 0
    finest = next(t.step for t in TIERS if t.kept_for is None or ago <= t.kept_for)
    assert on.tier.step >= finest
    assert on.step == finest or on.points > points / 4 or on.step <= 30, "as fine as it can be, in round steps"


@settings(max_examples=50)
@given(fine, st.integers(2, 60))
def test_means_and_sums_come_out_as_they_went_in(held: dict[int, Bucket], points: int) -> None:
    on = grid(NOW - 5100, NOW + 10, points, NOW)
    said = counts(rolled(held, on.tier.step), on)
    assert len(said.at) == len(said.open) == len(said.restarts) == len(said.troubled) == on.points
    assert sum(n or 0 for n in said.restarts) == sum(b.restarts for b in held.values())
    for number, level in enumerate(LEVELS):
        assert sum(n or 0 for n in said.alerts[level.value]) == sum(b.alerts[number] for b in held.values())
    for at, mean in zip(said.at, said.states["busy"], strict=True):
        within = [b for begins, b in held.items() if at <= begins < at + on.step and b.watched]
        if not within:
            assert mean is None
        else:
            assert mean is not None
            expected = sum(b.states[0] for b in within) / sum(b.watched for b in within)
            assert abs(mean - expected) <= 0.0005


def test_a_short_stop_stays_visible_in_three_months() -> None:
    stopped = Bucket(10_000, (40_000, 0, 0, 0, 500, 0), troubled=1)
    calm = Bucket(10_000, (40_000, 0, 0, 0, 0, 0))
    held = {NOW - 10 * n: calm for n in range(1, 60)} | {NOW - 300: stopped}
    said = counts(rolled(held, 600), grid(NOW - 90 * DAY, NOW, 120, NOW))
    assert max(n for n in said.troubled if n is not None) == 1


def test_which_tier_answers() -> None:
    assert grid(NOW - HOUR, NOW, 500, NOW).tier.step == 10
    assert {grid(at - 3 * HOUR, at, 120, at).step for at in range(NOW, NOW + 200)} == {120}
    assert grid(NOW - 2 * DAY, NOW, 1000, NOW).tier.step == 60
    assert grid(NOW - 90 * DAY, NOW, 120, NOW).tier.step == 600
    assert grid(NOW - 4 * DAY, NOW - 4 * DAY + 60, 1000, NOW).step == 600  # nothing finer is left of that day
    assert grid(NOW - 5 * HOUR, NOW, 30, NOW).tier.step == 600  # coarse enough to be read from the coarsest


states = st.sampled_from([*State, None])
strips = st.lists(st.tuples(st.integers(0, 10_000), states), max_size=300, unique_by=lambda pair: pair[0]).map(
    lambda pairs: coalesced((float(at), state) for at, state in sorted(pairs, key=lambda pair: pair[0]))
)


def state_at(pairs: list[Pair], at: float) -> State | None:
    return [state for begins, state in pairs if begins <= at][-1]


@settings(max_examples=50)
@given(strips, st.integers(2, 40))
def test_a_long_strip_is_thinned_where_it_is_oldest(pairs: list[Pair], most: int) -> None:
    thin = thinned(pairs, most)
    assert len(thin) <= most
    assert all(a[0] < b[0] and a[1] is not b[1] for a, b in pairwise(thin))
    if len(pairs) <= most:
        assert thin == pairs
        return
    assert thin[-1] == pairs[-1] or (thin[-1][1] is pairs[-1][1] and thin[-1][0] < pairs[-1][0])
    newest = pairs[-(most // 2) :]
    for at, state in newest:
        assert state_at(thin, at) is state


def test_the_worst_of_a_short_time_is_shown() -> None:
    flapping = [(float(n), State.BUSY if n % 2 else State.IDLE) for n in range(1000)]
    flapping[101] = (101.0, State.STOPPED)
    thin = thinned(flapping, 100)
    assert State.STOPPED in [state for _, state in thin]
    assert thin[0][0] == 0.0


def test_without_repetitions() -> None:
    assert coalesced([(1.0, State.BUSY), (2.0, State.BUSY), (3.0, None), (4.0, None)]) == [
        (1.0, State.BUSY),
        (3.0, None),
    ]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=20))
def test_spans_are_joined(spans: list[tuple[int, int]]) -> None:
    begun = [(at, at + length) for at, length in spans]
    found = joined(begun)
    assert {n for a, b in found for n in range(a, b)} == {n for a, b in begun for n in range(a, b)}
    assert all(one[1] < other[0] for one, other in pairwise(found))
