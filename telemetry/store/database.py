"""One SQLite file, opened when it is needed. Every failure is a `StoreError`; a damaged file is kept, not mended."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.store import copies
from telemetry.store.schema import STEPS, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = ":memory:"
"""Instead of a path: a store that lives as long as the object."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""SQLite's extended codes hold the primary one in their lowest byte."""
_NO_TEXT = "Could not decode to UTF-8"
"""How Python begins to say that a text in the file is none; there is no code for it."""
SIDE_FILES = ("-wal", "-shm")
"""What SQLite adds to a database's name for the files beside it."""
_KEPT_AS = ".damaged-"


class StoreError(Exception):
    """The store can't be read or written: its message is one line that names the file."""


class BegunAnewError(StoreError):
    """A damaged file was set aside. The next call finds a new one, which is to be given what is known."""


class Database:
    """The file is opened by the first call that needs it, and again after a failure. Any thread may call.

    Args:
        path: The file, made with mode 0600 in a directory made with 0700 where they don't exist; or `MEMORY`.
        lock_timeout: Seconds to wait while another process writes.
        owner: It is ours alone: where it turns out to be damaged, it is set aside under another name, which the error
            tells, and the next call begins a new one.
    """

    def __init__(self, path: Path | str, *, lock_timeout: float = 1.0, owner: bool = False) -> None:
        self._path = str(path)
        self._lock_timeout = lock_timeout
        self._owner = owner
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._set_aside = 0
        self._told = ""

    @property
    def damage(self) -> str:
        """What was wrong with the file that was set aside last, in one line; "" where none was."""
        return self._told

    @property
    def set_aside(self) -> int:
        """How many damaged files were set aside: with each, what was written before is to be written again."""
        return self._set_aside

    @property
    def path(self) -> str:
        """Where the file is."""
        return self._path

    def close(self) -> None:
        """Closes the file; a later call would open it again. Never raises."""
        with self._lock:
            connection, self._open = self._open, None
            if connection is not None:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done within, or nothing.

        Raises:
            StoreError: It can't be used.
        """
        with self._lock:
            try:
                connection = self._connection()
                with connection:
                    yield connection
            except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
                # A damaged file may have been put right by the next call; memory that is gone can't be opened again.
                if self._path != MEMORY:
                    self.close()
                if damage := _damage(error):
                    raise self.damaged(damage) from error
                raise StoreError(f"the store {self._path} can't be used: {error}") from error

    def damaged(self, why: str) -> StoreError:
        """Sets the file aside, where it is ours alone; the error that tells so."""
        with self._lock:
            if not self._owner or self._path == MEMORY:
                return StoreError(f"the store {self._path} can't be used: {why}")
            self.close()
            try:
                kept = _rename(Path(self._path))
            except OSError as failure:
                return StoreError(f"the store {self._path} is damaged ({why}), and stays there: {failure.strerror}")
            self._set_aside += 1
            self._told = f"the store {self._path} is damaged ({why}): kept as {kept}, a new one is begun"
            return BegunAnewError(self._told)

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            if self._path != MEMORY:
                _make_private(Path(self._path))
            connection = sqlite3.connect(
                self._path, timeout=self._lock_timeout, check_same_thread=False, isolation_level="IMMEDIATE"
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._open = connection
        return self._open

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # Safe against the end of the process, however it ends. A power cut may undo the last commits, whole ones, and
        # what they told is then found anew: told twice, at worst.
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone() == (VERSION,):
            return
        with connection:
            # Asked again under the lock: another process may be doing the same.
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                if why_not := refusal(connection, version, Path(self._path)):
                    raise StoreError(why_not)
                return
            if version and self._path != MEMORY:
                copies.keep(Path(self._path), version)
            for step in STEPS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def refusal(connection: sqlite3.Connection, version: int, path: Path) -> str:
    """Why a store of a later version can't be used, in one line; "" where its steps left it usable for this program."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'readers'").fetchone():
        (oldest,) = connection.execute("SELECT oldest FROM readers").fetchone()
        if oldest <= VERSION:
            return ""
    if (kept := copies.kept_before(path, VERSION)).exists():
        return (
            f"the store {path} was written by a newer version of this program (its schema is {version}, this one "
            f"knows {VERSION}): use that, or put back what it was before, {kept} (`store restore`)"
        )
    return (
        f"the store {path} was written by a newer version of this program (its schema is {version}, this one "
        f"knows {VERSION}): use that, or put back a backup (`store restore`)"
    )


def _damage(error: Exception) -> str:
    """What of the file is damaged; "" where the error doesn't say that it is."""
    if str(error).startswith(_NO_TEXT):
        return "a text in it is no text"  # Python's own words quote it
    code = getattr(error, "sqlite_errorcode", None)
    return str(error) if code is not None and code & _PRIMARY in _DAMAGED else ""


def _rename(path: Path) -> Path:
    """Renames a damaged database, with what belongs to it, to a name that nothing has."""
    number = 1
    while (kept := path.with_name(f"{path.name}{_KEPT_AS}{number}")).exists():
        number += 1
    path.rename(kept)
    for ending in SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    return kept


def set_aside(path: Path) -> list[Path]:
    """The damaged files that are kept beside this store, in no order."""
    found = path.parent.glob(f"{path.name}{_KEPT_AS}*")
    return [kept for kept in found if kept.name.removeprefix(path.name + _KEPT_AS).isdecimal()]


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the database, so it must be right before anything is written.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
