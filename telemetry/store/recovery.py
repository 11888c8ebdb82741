"""Backup and restoring of a store: a copy while it is in use, and the way back when nobody uses it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from telemetry.store import copies
from telemetry.store.database import SIDE_FILES, StoreError, refusal
from telemetry.store.schema import VERSION

_WAITING = ("notices", "messages")


class Contents(NamedTuple):
    """What is in a copy, for people to see that it is the right one: open alerts, silences, messages that wait."""

    alerts: int
    silences: int
    messages: int


class Restored(NamedTuple):
    """What is in the store now, and where the one is that was there; None where there was none."""

    contents: Contents
    before: Path | None


def back_up(store: Path, target: Path) -> Contents:
    """Copies a store that may be in use into a new file, and looks through the copy.

    Raises:
        StoreError: It can't be done; no file is left behind.
    """
    return _copied(store, target)


def restore(store: Path, backup: Path) -> Restored:
    """Puts a backup in the place of a store that nobody uses. What was there is kept beside it, the last one only.

    Args:
        store: Where the store is, or is to be; its folder is made where it doesn't exist.
        backup: A store, as `back_up` wrote it or as an upgrade kept it. It stays as it is.

    Raises:
        StoreError: The backup is no store, is damaged, or is of a version that this program can't use: all stays as
            it was. Or a file can't be written.
    """
    begun = store.with_name(f"{store.name}.restoring")
    try:
        store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun.unlink(missing_ok=True)
        contents = _copied(backup, begun)
        before = _set_aside(store)
        begun.replace(store)
    except OSError as error:
        raise StoreError(f"the store {store} can't be restored: {error.strerror}") from error
    finally:
        begun.unlink(missing_ok=True)
    return Restored(contents, before)


def _copied(source: Path, target: Path) -> Contents:
    if not source.is_file():
        raise StoreError(f"there is no file {source}")
    try:
        copies.copy(source, target)
    except FileExistsError as error:
        raise StoreError(f"{target} exists already: choose another name") from error
    except OSError as error:
        raise StoreError(f"{target} can't be written: {error.strerror}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{source} can't be copied to {target}: {error}") from error
    try:
        return _looked_through(source, target)
    except StoreError:
        target.unlink()
        raise


def _looked_through(source: Path, copy: Path) -> Contents:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if found != "ok":
                raise StoreError(f"{source} is damaged: {found.splitlines()[-1]}")
            if not version:
                raise StoreError(f"{source} is no store of this program")
            if version > VERSION and (why_not := refusal(connection, version, source)):
                raise StoreError(why_not)
            return Contents(*(_count(connection, *tables) for tables in (("alerts",), ("silences",), _WAITING)))
    except sqlite3.Error as error:
        raise StoreError(f"{source} is damaged: {error}") from error


def _count(connection: sqlite3.Connection, *tables: str) -> int:
    """Rows of tables, which the first version didn't have."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return sum(
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own table names
        for table in tables
        if table in there
    )


def _set_aside(store: Path) -> Path | None:
    aside = store.with_name(f"{store.name}.before-restore")
    for ending in ("", *SIDE_FILES):
        aside.with_name(aside.name + ending).unlink(missing_ok=True)
    if not store.exists():
        return None
    store.rename(aside)
    for ending in SIDE_FILES:
        if (beside := store.with_name(store.name + ending)).exists():
            beside.rename(aside.with_name(aside.name + ending))
    return aside
