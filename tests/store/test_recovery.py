"""A backup of a store in use is whole, and comes back; what isn't a store, or is damaged, replaces nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.store import AlertStore, Changes, Database, RestartRecord, Store, StoreError
from telemetry.store.recovery import back_up, restore
from tests.store.test_alerts import ALL


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.sqlite3"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup.sqlite3"


def test_a_backup_is_one_private_file_with_all_that_was_written(path: Path, backup: Path) -> None:
    with closing(Database(path, owner=True)) as database:
        AlertStore(database).save(ALL)
        assert back_up(path, backup) == (1, 1, 3)
        AlertStore(database).save(Changes(silences_gone=["s1"]))
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in backup.parent.iterdir() if file.is_file()] == [backup.name]
    restored = restore(path, backup)
    assert restored.contents == (1, 1, 3)
    with closing(Database(path)) as database:
        assert [silence.id for silence in AlertStore(database).load().silences] == ["s1"]
    assert restored.before is not None
    with closing(Database(restored.before)) as database:
        assert AlertStore(database).load().silences == ()


def test_a_backup_while_somebody_writes_is_of_one_moment(path: Path, tmp_path: Path) -> None:
    store = Store(path)
    store.remember_restarts("c", {"a": RestartRecord("0", 0), "b": RestartRecord("0", 0)})
    ended = threading.Event()

    def write() -> None:
        count = 0
        while not ended.is_set():
            count += 1
            store.remember_restarts("c", {"a": RestartRecord("0", count), "b": RestartRecord("0", count)})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            back_up(path, tmp_path / f"{number}")
    finally:
        ended.set()
        writer.join()
    found = [Store(tmp_path / f"{number}").restarts("c") for number in range(5)]
    assert all(held["a"] == held["b"] for held in found)


def test_after_the_loss_of_everything_it_is_there_as_it_was(path: Path, backup: Path) -> None:
    with closing(Database(path)) as database:
        AlertStore(database).save(ALL)
        before = AlertStore(database).load()
    back_up(path, backup)
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    assert restore(path, backup).before is None
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with closing(Database(path)) as database:
        assert AlertStore(database).load() == before


def test_the_log_beside_a_store_that_was_killed_goes_with_it(path: Path, backup: Path) -> None:
    with closing(Database(path)) as database:
        AlertStore(database).save(ALL)
        back_up(path, backup)
        killed = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert f"{path.name}-wal" in killed
    for name, content in killed.items():
        (path.parent / name).write_bytes(content)
    restored = restore(path, backup)
    assert not path.with_name(f"{path.name}-wal").exists()
    assert restored.before is not None
    with closing(Database(restored.before)) as database:
        assert AlertStore(database).load().alerts


def _other_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE x (y)")


def _cut(file: Path) -> None:
    with closing(Database(file)) as database:
        AlertStore(database).save(ALL)
    file.write_bytes(file.read_bytes()[: 5 * 4096])


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda file: None, "^there is no file "),
    "a folder": (Path.mkdir, "^there is no file "),
    "empty": (Path.touch, "is no store of this program"),
    "text": (lambda file: file.write_text("hello\n" * 100), "file is not a database"),
    "another program's": (_other_program, "is no store of this program"),
    "cut": (_cut, "malformed|damaged"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_used_replaces_nothing(path: Path, backup: Path, kind: str) -> None:
    with closing(Database(path)) as database:
        AlertStore(database).save(ALL)
        before = AlertStore(database).load()
    make, why = WRONG[kind]
    make(backup)
    with pytest.raises(StoreError, match=why) as told:
        restore(path, backup)
    assert "\n" not in str(told.value)
    assert str(backup) in str(told.value)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with closing(Database(path)) as database:
        assert AlertStore(database).load() == before


def test_a_backup_never_replaces_a_file(path: Path, backup: Path) -> None:
    Store(path).agents("c")
    backup.write_text("precious")
    with pytest.raises(StoreError, match=f"^{backup} exists already"):
        back_up(path, backup)
    assert backup.read_text() == "precious"


def test_a_place_that_cannot_be_written_is_one_line(path: Path, tmp_path: Path) -> None:
    Store(path).agents("c")
    with pytest.raises(StoreError, match=f"^{tmp_path}/no/folder can't be written: No such file or directory$"):
        back_up(path, tmp_path / "no" / "folder")
