"""The timeline in a real file: what is read is what was written, for as long as it is to be kept."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.model import LastSeen, State
from telemetry.store import AlertStore, Store, StoreError
from telemetry.store.batch import Batch, Change, Known
from telemetry.store.counts import DAY, HOUR, LEVELS, STATES, TIERS, Bucket, Grid, added, grid, rolled
from telemetry.store.schema import STEPS
from telemetry.store.timeline import CHANGES_KEPT_FOR, TimelineStore
from telemetry.store.timeline_rows import GONE, MOST_OF_ONE

NOW = 1_800_000_000
MANY = 10**12
CALM = Bucket(10_000, (40_000, 10_000, 0, 0, 0, 0), 0, 0, (0, 0, 0, 0), 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def tier_of(store: TimelineStore, step: int, cluster: str = "main") -> dict[int, Bucket]:
    tier = next(tier for tier in TIERS if tier.step == step)
    return store.buckets(cluster, Grid(tier, step, 0, 2 * NOW // step))


buckets = st.builds(
    Bucket,
    st.integers(0, 10_000),
    st.tuples(*[st.integers(0, 10_000_000)] * len(STATES)),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.tuples(*[st.integers(0, 1000)] * len(LEVELS)),
    st.integers(0, 1000),
)
batches = st.lists(st.dictionaries(st.integers(0, 200).map(lambda n: NOW - 10 * n), buckets, max_size=4), max_size=4)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_every_tier_is_what_was_written_rolled_up(path: Path, written: list[dict[int, Bucket]]) -> None:
    path.unlink(missing_ok=True)
    with closing(Store(path)) as file:
        store = TimelineStore(file)
        for held in written:
            store.write(Batch("main", held))
            store.write(Batch("other", held))
        everything = added(*(held.items() for held in written))
        for tier in TIERS:
            assert tier_of(store, tier.step) == rolled(everything, tier.step)


def test_more_rows_than_are_read_at_once(path: Path) -> None:
    store = TimelineStore(Store(path))
    held = {NOW - 10 * n: CALM for n in range(4500)}
    store.write(Batch("main", held))
    assert tier_of(store, 10) == dict(sorted(held.items()))


def test_strips_begin_with_the_state_of_before(path: Path) -> None:
    store = TimelineStore(Store(path))
    changes = (Change("a", 1000, State.BUSY), Change("a", 5000, State.IDLE), Change("a", 9000, None))
    store.write(Batch("main", changes=changes, restarts={"a": 2}, watched={1000: 4000, 6000: 9000}))
    found = store.strips("main", 3, 8)
    assert found.agents == {"a": [(3000, State.BUSY), (5000, State.IDLE)]}
    assert found.watched == [(3000, 4000), (6000, 8000)]
    assert store.strips("main", 9, 12).agents == {}, "it was there no more"
    assert store.strips("elsewhere", 0, 12).agents == {}
    assert store.known() == {"main": {"a": Known(None, 2)}}


def test_each_tier_is_kept_for_its_time(path: Path) -> None:
    store = TimelineStore(Store(path))
    ages = [HOUR, 5 * HOUR, 7 * HOUR, 2 * DAY, 4 * DAY, 29 * DAY, 31 * DAY]
    store.write(Batch("main", {(NOW - age) // 10 * 10: CALM for age in ages}))
    store.prune(NOW, 30 * DAY, MANY)
    assert len(tier_of(store, 10)) == 2
    assert len(tier_of(store, 60)) == 4
    assert len(tier_of(store, 600)) == 6
    store.prune(NOW, DAY, MANY)
    assert [len(tier_of(store, step)) for step in (10, 60, 600)] == [2, 3, 3]
    # and every question is answered by a tier that still has the answer
    for ago in (HOUR, 2 * DAY):
        on = grid(NOW - ago, NOW, 1000, NOW)
        assert store.buckets("main", on)


def test_the_last_state_stays_however_old(path: Path) -> None:
    store = TimelineStore(Store(path))
    old = round((NOW - CHANGES_KEPT_FOR - DAY) * 1000)
    changes = [
        Change("steady", old - 2000, State.IDLE),
        Change("steady", old, State.BUSY),
        Change("gone", old, State.BUSY),
        Change("gone", old + 1000, None),
        Change("young", (NOW - 60) * 1000, State.BUSY),
    ]
    store.write(Batch("main", changes=changes))
    store.prune(NOW, 90 * DAY, MANY)
    assert set(store.known()["main"]) == {"steady", "young"}
    begin = (NOW - HOUR) * 1000
    assert store.strips("main", NOW - HOUR, NOW).agents == {
        "steady": [(begin, State.BUSY)],
        "young": [((NOW - 60) * 1000, State.BUSY)],
    }


def test_an_agent_that_flickers_is_kept_within_bounds(path: Path) -> None:
    file = Store(path)
    store = TimelineStore(file)
    flickers = [Change("a", (NOW - n) * 1000, State.BUSY if n % 2 else State.IDLE) for n in range(MOST_OF_ONE + 500)]
    store.write(Batch("main", changes=flickers))
    store.write(Batch("main", changes=[Change("b", NOW * 1000, State.BUSY)]))
    store.prune(NOW, 90 * DAY, MANY)
    held = store.strips("main", NOW - 2 * MOST_OF_ONE, NOW + 1).agents
    assert len(held["a"]) == MOST_OF_ONE
    assert held["a"][-1] == (NOW * 1000, State.IDLE)
    assert len(held["b"]) == 1


@pytest.mark.slow
def test_a_small_file_leaves_half_of_it_to_alerts(path: Path) -> None:
    file = Store(path)
    store = TimelineStore(file)
    for part in range(40):
        store.write(Batch("main", {NOW - 10 * n: CALM for n in range(500 * part, 500 * (part + 1))}))
    changes = [Change(f"agent-{n % 50}", (NOW - n) * 1000, State(list(State)[n % 5])) for n in range(60_000)]
    store.write(Batch("main", changes=changes))
    store.prune(NOW, 3650 * DAY, 1024 * 1024)
    with file.transaction() as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    assert (pages - free) * size < 0.7 * 1024 * 1024
    assert max(tier_of(store, 10)) == NOW, "the newest stay"


def test_what_is_to_come_was_written_by_a_clock_that_was_ahead(path: Path) -> None:
    store = TimelineStore(Store(path))
    ahead = [Change("a", (NOW + n) * 1000, state) for n, state in ((0, State.BUSY), (500, State.STOPPED))]
    watched = {NOW * 1000: (NOW + 600) * 1000}
    store.write(Batch("main", {NOW: CALM, NOW + 500: CALM}, ahead, {"a": 0}, watched))
    store.write(Batch("other", {NOW + 500: CALM}, ahead, {"a": 0}, watched))
    store.write(
        Batch("main", {NOW + 100: CALM}, (Change("a", (NOW + 100) * 1000, State.IDLE),), began=(NOW + 100) * 1000)
    )
    assert set(tier_of(store, 10)) == {NOW, NOW + 100}
    found = store.strips("main", NOW - 1, NOW + 1000)
    assert found.agents == {"a": [(NOW * 1000, State.BUSY), ((NOW + 100) * 1000, State.IDLE)]}
    assert found.watched == [(NOW * 1000, (NOW + 100) * 1000)]
    assert set(tier_of(store, 10, "other")) == {NOW + 500}


def test_a_clock_that_is_years_behind_costs_no_history(path: Path) -> None:
    store = TimelineStore(Store(path))
    store.write(Batch("main", {NOW: CALM}, (Change("a", NOW * 1000, State.BUSY),)))
    store.write(Batch("main", {0: CALM}, (Change("a", 5000, State.IDLE),), began=5000))
    store.prune(10.0, 7 * DAY, MANY)
    assert set(tier_of(store, 10)) == {0, NOW}
    assert store.known()["main"]["a"].state is State.BUSY


def test_from_the_version_before_with_all_that_it_held(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        for step in STEPS[:2]:
            for statement in step:
                old.execute(statement)
        old.execute("INSERT INTO restarts VALUES ('main', 'a', '17@5', 4)")
        old.execute(
            "INSERT INTO history VALUES (1, 'main', 'a', 'agent_stopped', 'error', 'stopped', 1.0, 2.0, '', 'abc')"
        )
        old.execute("PRAGMA user_version = 2")
        old.commit()
    file = Store(path)
    store = TimelineStore(file)
    store.write(Batch("main", {NOW: CALM}))
    assert tier_of(store, 600) == {NOW: CALM}
    assert file.restarts("main")["a"].count == 4
    with file.transaction() as connection:
        assert connection.execute("SELECT message FROM history").fetchall() == [("stopped",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)


def test_how_each_agent_was_last_is_there_until_it_is_gone(path: Path) -> None:
    store = TimelineStore(Store(path))
    dead = LastSeen(State.STOPPED, NOW + 0.123456, NOW - 60.5, 4, "%5", -9)
    entered = (Change("a", NOW * 1000, State.STOPPED), Change("b", NOW * 1000, State.BUSY))
    seen = {"a": dead, "b": LastSeen(State.BUSY, NOW - 7.0, NOW - 7.0)}
    store.write(Batch("main", {NOW: CALM}, entered, {"a": 4}, {NOW * 1000: NOW * 1000 + 5000}, last_seen=seen))
    assert TimelineStore(Store(path)).last_seen() == {
        "main": {name: held._replace(seen_at=NOW + 5.0) for name, held in seen.items()}
    }
    store.write(Batch("main", changes=(Change("a", NOW * 1000 + 6000, None),)))
    assert set(store.last_seen()["main"]) == {"b"}


def test_who_went_and_came_back_before_it_was_written_is_there() -> None:
    seen = {"a": LastSeen(State.BUSY, NOW, NOW)}
    gone = Batch("main", changes=(Change("a", NOW * 1000, None),))
    assert Batch("main", last_seen=seen).followed_by(gone).last_seen == {}
    assert gone.followed_by(Batch("main", last_seen=seen)).last_seen == seen


def test_the_version_before_knew_since_when_each_agent_was_in_its_state(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        for step in STEPS[:3]:
            for statement in step:
                old.execute(statement)
        old.execute("INSERT INTO timeline_clusters VALUES (1, 'main')")
        old.executemany(
            "INSERT INTO timeline_agents VALUES (?, 1, ?, ?)", [(1, "a", 2), (2, "b", 0), (3, "c", 0), (4, "d", 0)]
        )
        stopped, busy, gone = STATES.index(State.STOPPED), STATES.index(State.BUSY), GONE
        old.executemany(
            "INSERT INTO timeline_states VALUES (?, ?, ?)",
            [
                *((1, 1000, busy), (1, 2000, stopped), (1, 3500, stopped)),
                *((2, 1500, busy), (3, 1000, busy), (3, 2000, gone), (4, 1000, STATES.index(State.UNKNOWN))),
            ],
        )
        old.execute("PRAGMA user_version = 3")
        old.commit()
    assert TimelineStore(Store(path)).last_seen() == {
        "main": {"a": LastSeen(State.STOPPED, 2.0, 2.0, 2), "b": LastSeen(State.BUSY, 1.5, 1.5)}
    }


@pytest.mark.parametrize(
    "spoil",
    ["SET state = 6", "SET state = 'busy'", "SET since = 'today'", "SET pane = x'00'", "SET exit_status = 'badly'"],
)
def test_a_last_state_that_cannot_be_read_is_kept_aside(path: Path, spoil: str) -> None:
    file = Store(path, owner=True)
    store = TimelineStore(file)
    entered = (Change("a", NOW * 1000, State.BUSY),)
    store.write(Batch("main", {NOW: CALM}, entered, last_seen={"a": LastSeen(State.BUSY, NOW, NOW)}))
    with file.transaction() as connection:
        connection.execute(f"UPDATE timeline_last {spoil}")
    with pytest.raises(StoreError, match="is damaged"):
        store.last_seen()
    assert store.last_seen() == {}


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE timeline_states SET state = 99",
        "UPDATE timeline_states SET state = 'busy'",
        "UPDATE timeline_counts SET busy = 'many'",
        "UPDATE timeline_counts SET watched = -1",
    ],
)
def test_what_cannot_be_read_is_kept_aside_and_a_new_file_begun(path: Path, spoil: str) -> None:
    file = Store(path, owner=True)
    store = TimelineStore(file)
    batch = Batch("main", {NOW: CALM}, (Change("a", NOW * 1000, State.BUSY),))
    store.write(batch)
    with file.transaction() as connection:
        connection.execute(spoil)
    with pytest.raises(StoreError, match=r"is damaged .*kept as .*damaged-1, a new one is begun"):
        (store.strips("main", NOW - 1, NOW + 1), tier_of(store, 10))
    assert store.begun_anew == 1
    store.write(batch)
    assert tier_of(store, 10) == {NOW: CALM}


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)
    store = TimelineStore(Store(path, owner=True))
    with pytest.raises(StoreError, match="is damaged"):
        store.known()
    assert store.known() == {}


def test_it_takes_as_few_bytes_as_is_said(path: Path) -> None:
    """70 a bucket and 20 a change at most: 90 days of 50 agents are some megabytes."""
    file = Store(path)
    store = TimelineStore(file)

    def used() -> int:
        with file.transaction() as connection:
            return int(connection.execute("PRAGMA page_count").fetchone()[0]) * 4096

    empty = used()
    busy = Bucket(10_000, (300_000, 100_000, 50_000, 10_000, 30_000, 10_000), 7, 3, (12, 4, 2, 1), 9)
    store.write(Batch("main", {NOW - 600 * n: busy for n in range(5000)}))  # one bucket in each of the three tiers
    counted = used()
    assert (counted - empty) / 15_000 < 70
    for agent in range(50):
        changes = [Change(f"agent-{agent}", (NOW - 37 * n) * 1000 + n, list(State)[n % 5]) for n in range(600)]
        store.write(Batch("main", changes=changes))
    assert (used() - counted) / 30_000 < 20


def test_alerts_are_not_held_up_by_what_is_read(path: Path) -> None:
    """Between any two of the rows that are read at once, an alert gets its turn: nothing is held meanwhile."""
    file = Store(path)
    store = TimelineStore(file)
    store.write(Batch("main", {NOW - 10 * n: CALM for n in range(4500)}))
    transactions: list[int] = []
    whole = file.transaction

    def counted() -> AbstractContextManager[sqlite3.Connection]:
        transactions.append(1)
        return whole()

    file.transaction = counted  # type: ignore[method-assign, assignment]
    tier_of(store, 10)
    assert len(transactions) >= 3
    assert AlertStore(file).load().alerts == {}
