"""A store that an upgrade found, and that the program from before it finds again: alerts and silences stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.model import LastSeen, Silence, State
from telemetry.store import AlertStore, Changes, Database, HistoryQuery, Kept, RememberedAgent, Store, StoreError
from telemetry.store.batch import Batch, Change
from telemetry.store.counts import Bucket
from telemetry.store.recovery import restore
from telemetry.store.timeline import TimelineStore
from tests.store import versions
from tests.store.test_alerts import ALL, OPEN, over

VERSION = len(versions.STEPS)
NOW = 1_800_000_000
OTHER = replace(OPEN, agent="b", acknowledged=None)
SILENCE = Silence("s2", "bob", "later", 1.0, 9e9, agent="b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture(autouse=True)
def _present_again() -> Iterator[None]:
    yield
    versions.use(versions.STEPS)


def save(path: Path, changes: Changes) -> None:
    with closing(Database(path, owner=True)) as database:
        AlertStore(database).save(changes)


def load(path: Path) -> Kept:
    with closing(Database(path, owner=True)) as database:
        return AlertStore(database).load()


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("version", range(2, VERSION))
def test_from_every_version_that_had_alerts_to_this_one_and_back(path: Path, version: int) -> None:
    versions.use(versions.STEPS[:version])
    save(path, ALL)
    before = load(path)
    versions.use(versions.STEPS)
    assert load(path) == before
    kept = path.with_name(f"{path.name}.v{version}")
    assert (version_of(path), version_of(kept)) == (VERSION, version)
    assert kept.stat().st_mode & 0o777 == 0o600
    save(path, Changes(gone=[("demo", OPEN.key)]))

    versions.use(versions.STEPS[:version])
    with pytest.raises(StoreError, match=f"its schema is {VERSION}, this one knows {version}") as told:
        load(path)
    assert f"put back what it was before, {kept} (`store restore`)" in str(told.value)
    assert "\n" not in str(told.value)
    assert restore(path, kept).contents == (1, 1, 3)
    assert load(path) == before
    versions.use(versions.STEPS)
    assert load(path) == before, "and up again"


def test_the_program_from_before_a_step_that_adds_goes_on_with_what_the_next_one_wrote(path: Path) -> None:
    save(path, ALL)
    versions.use(versions.SCHEMAS["adding"])
    save(path, Changes(alerts=[OTHER], silences=[SILENCE], history=[over("c", 5.0)]))
    newer = load(path)

    versions.use(versions.STEPS)
    assert load(path) == newer
    save(path, replace(ALL, notices=[], messages=[], history=[over("d", 6.0)], silences_gone=["s2"]))
    with closing(Store(path)) as store:
        store.remember_agents("demo", [RememberedAgent("a", "a", "file")])
        timeline = TimelineStore(store)
        busy = {"a": LastSeen(State.BUSY, NOW, NOW)}
        entered = (Change("a", NOW * 1000, State.BUSY),)
        counts = {NOW: Bucket(1, (1, 0, 0, 0, 0, 0))}
        timeline.write(Batch("demo", counts, entered, {"a": 1}, {NOW * 1000: NOW * 1000 + 5}, last_seen=busy))
        assert set(timeline.last_seen()) == {"demo"}
    older = load(path)
    assert {alert.agent for alert in older.alerts["demo"].values()} == {"a", "b"}

    versions.use(versions.SCHEMAS["adding"])
    assert load(path) == older
    assert version_of(path) == VERSION + 1
    with closing(Database(path)) as database:
        assert {over.agent_name for over in AlertStore(database).history(HistoryQuery()).alerts} == {"c", "d"}


def test_a_step_that_breaks_keeps_the_program_from_before_it_out_until_its_copy_is_put_back(path: Path) -> None:
    save(path, ALL)
    before = load(path)
    versions.use(versions.SCHEMAS["breaking"])
    with closing(Database(path)) as database, database.transaction():
        pass
    versions.use(versions.STEPS)
    with pytest.raises(StoreError, match="was written by a newer version of this program"):
        load(path)
    restored = restore(path, path.with_name(f"{path.name}.v{VERSION}"))
    assert load(path) == before
    assert restored.before is not None
    assert version_of(restored.before) == VERSION + 1


def test_one_copy_is_kept_that_of_the_last_upgrade(path: Path) -> None:
    for count in (2, 3, VERSION):
        versions.use(versions.STEPS[:count])
        save(path, Changes(silences=[SILENCE]))
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.v3"]


def test_a_new_store_leaves_no_copy(path: Path) -> None:
    save(path, ALL)
    assert list(path.parent.iterdir()) == [path]


def test_without_room_for_the_copy_nothing_is_upgraded(path: Path) -> None:
    versions.use(versions.STEPS[:-1])
    save(path, ALL)
    before = load(path)
    versions.use(versions.STEPS)
    in_the_way = path.with_name(f"{path.name}.v{VERSION - 1}.part")
    in_the_way.mkdir()
    with pytest.raises(StoreError, match=f"^the store {path} can't be used: "):
        load(path)
    assert version_of(path) == VERSION - 1
    in_the_way.rmdir()
    assert load(path) == before
