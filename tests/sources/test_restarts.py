"""Restarts are counted once each, whatever happens to the monitor and its store."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.sources.restarts import RestartCounter
from telemetry.store import RestartRecord, Store, StoreError

if TYPE_CHECKING:
    from pathlib import Path


def test_first_process_is_no_restart() -> None:
    counter = RestartCounter(None, "c")
    assert counter.count("a") == 0
    assert counter.seen("a", "1@1") == 0
    assert counter.identity("a") == "1@1"
    assert counter.identity("b") == ""


@given(st.lists(st.sampled_from("xyz"), min_size=1))
def test_count_is_the_number_of_changes(identities: list[str]) -> None:
    counter = RestartCounter(None, "c")
    for identity in identities:
        counter.seen("a", identity)
    assert counter.count("a") == sum(a != b for a, b in pairwise(identities))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_restarts_of_the_monitor_change_nothing(steps: list[tuple[str, str, bool]]) -> None:
    store = Store(":memory:")
    steady, restarted = RestartCounter(None, "c"), RestartCounter(store, "c")
    restarted.load()
    for name, identity, restart in steps:
        if restart:
            restarted.save()
            restarted = RestartCounter(store, "c")
            restarted.load()
        assert restarted.seen(name, identity) == steady.seen(name, identity)
    store.close()


def test_another_name_for_the_same_run_is_no_restart() -> None:
    counter = RestartCounter(None, "c")
    counter.moved("a", "1@1")
    counter.seen("a", "1@1")
    counter.moved("a", "2@2")
    assert counter.seen("a", "2@2") == 0


def test_forgotten_counts_from_0(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    counter = RestartCounter(store, "c")
    counter.load()
    counter.seen("a", "1")
    counter.seen("a", "2")
    counter.save()
    counter.forget("a")
    assert counter.count("a") == 0
    counter.save()
    assert store.restarts("c") == {}


class Broken:
    """A store that can't be used until it is mended."""

    def __init__(self, records: dict[str, RestartRecord]) -> None:
        self.records = records
        self.mended = False

    def restarts(self, cluster: str) -> dict[str, RestartRecord]:
        assert cluster == "c"
        if not self.mended:
            raise StoreError("broken")
        return self.records

    def remember_restarts(self, cluster: str, records: object) -> None:
        raise AssertionError((cluster, records))

    def forget_restarts(self, cluster: str, names: object) -> None:
        raise AssertionError((cluster, names))


@pytest.mark.parametrize(("seen", "expected"), [(["7"], 5), (["8"], 6), (["8", "9"], 7), (["7", "9"], 6), ([], 5)])
def test_store_that_can_be_read_only_later(seen: list[str], expected: int) -> None:
    store = Broken({"a": RestartRecord("7", 5)})
    counter = RestartCounter(store, "c")
    with pytest.raises(StoreError):
        counter.load()
    for identity in seen:
        counter.seen("a", identity)
        counter.save()  # must not write over what couldn't be read
    store.mended = True
    counter.load()
    assert counter.count("a") == expected
    counter.load()
    assert counter.count("a") == expected
