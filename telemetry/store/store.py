"""One SQLite file behind one small class. Every failure is a `StoreError`: watching goes on without a store."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.store.schema import STEPS, VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

MEMORY = ":memory:"
"""Instead of a path: a store that lives as long as the object."""


class StoreError(Exception):
    """The store can't be read or written: its message is one line that names the file."""


@dataclass(frozen=True, slots=True)
class RememberedAgent:
    """An agent that is expected, and where it was seen last.

    Attributes:
        name: Unique in its cluster.
        called: What its pane or program is called; `name` adds «#2» where two are called the same.
        origin: Why it is expected: "file" (configured), "option" (the pane carries `@agent_name`) or "program" (the
            pane runs a known agent program).
        role: Free text, or "".
        pane_id: tmux's %N, never reused while that server lives; "" while it wasn't found.
        server_pid: The tmux server's process; 0 while it wasn't found. With the three below: which session it was.
        session_id: tmux's $N.
        session_name: As tmux shows it.
        session_created: Unix s.
        program: The known agent program it runs, or "".
        wrapper: Identity of the shell script that `program` was seen under, or "".
        last_activity: Unix s, 0.0 = never seen active.
    """

    name: str
    called: str
    origin: str
    role: str = ""
    pane_id: str = ""
    server_pid: int = 0
    session_id: str = ""
    session_name: str = ""
    session_created: int = 0
    program: str = ""
    wrapper: str = ""
    last_activity: float = 0.0


@dataclass(frozen=True, slots=True)
class RestartRecord:
    """Which process an agent was last (any text that tells two apart) and how often that changed."""

    identity: str
    count: int


_AGENT_COLUMNS = tuple(field.name for field in fields(RememberedAgent))
_SELECT_AGENTS = f"SELECT {', '.join(_AGENT_COLUMNS)} FROM agents WHERE cluster = ? ORDER BY rowid"  # noqa: S608 - our own column names
_UPSERT_AGENT = (
    f"INSERT INTO agents (cluster, {', '.join(_AGENT_COLUMNS)}) VALUES (?{', ?' * len(_AGENT_COLUMNS)}) "  # noqa: S608 - our own column names
    "ON CONFLICT (cluster, name) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _AGENT_COLUMNS if column != "name")
)
_UPSERT_RESTARTS = (
    "INSERT INTO restarts (cluster, name, identity, count) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (cluster, name) DO UPDATE SET identity = excluded.identity, count = excluded.count"
)


class Store:
    """The file is opened by the first call that needs it, and again after a failure. Any thread may call.

    Args:
        path: The file, made with mode 0600 in a directory made with 0700 where they don't exist; or `MEMORY`.
        lock_timeout: Seconds to wait while another process writes.
    """

    def __init__(self, path: Path | str, *, lock_timeout: float = 1.0) -> None:
        self._path = str(path)
        self._lock_timeout = lock_timeout
        self._lock = threading.RLock()
        self._open: sqlite3.Connection | None = None

    @property
    def path(self) -> str:
        return self._path

    def agents(self, cluster: str) -> tuple[RememberedAgent, ...]:
        """Every agent remembered for `cluster`, in the order in which they became known."""
        with self._transaction() as connection:
            rows = connection.execute(_SELECT_AGENTS, (cluster,)).fetchall()
        return tuple(RememberedAgent(*row) for row in rows)

    def remember_agents(self, cluster: str, agents: Iterable[RememberedAgent]) -> None:
        """Adds or replaces them, all or none."""
        rows = [(cluster, *(getattr(agent, column) for column in _AGENT_COLUMNS)) for agent in agents]
        with self._transaction() as connection:
            connection.executemany(_UPSERT_AGENT, rows)

    def forget_agents(self, cluster: str, names: Collection[str]) -> None:
        """They are no longer expected; how often they restarted stays known, for the day they come back."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM agents WHERE cluster = ? AND name = ?", [(cluster, name) for name in names]
            )

    def restarts(self, cluster: str) -> dict[str, RestartRecord]:
        """Every agent's restarts, by name."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT name, identity, count FROM restarts WHERE cluster = ?", (cluster,)
            ).fetchall()
        return {name: RestartRecord(identity, count) for name, identity, count in rows}

    def remember_restarts(self, cluster: str, records: Mapping[str, RestartRecord]) -> None:
        """Adds or replaces them, all or none."""
        rows = [(cluster, name, record.identity, record.count) for name, record in records.items()]
        with self._transaction() as connection:
            connection.executemany(_UPSERT_RESTARTS, rows)

    def forget_restarts(self, cluster: str, names: Collection[str]) -> None:
        """They count from 0 again."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM restarts WHERE cluster = ? AND name = ?", [(cluster, name) for name in names]
            )

    def close(self) -> None:
        """Closes the file; a later call would open it again. Never raises."""
        with self._lock:
            connection, self._open = self._open, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connection()
                with connection:
                    yield connection
            except (sqlite3.Error, OSError) as error:
                # A damaged file may have been put right by the next call; memory that is gone can't be opened again.
                if self._path != MEMORY:
                    self.close()
                raise StoreError(f"the store {self._path} can't be used: {error}") from error

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
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA user_version").fetchone() == (VERSION,):
            return
        with connection:
            # Asked again under the lock: another process may be doing the same.
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StoreError(
                    f"the store {self._path} was written by a newer version of this program "
                    f"(its schema is {version}, this one knows {VERSION}): use that, or another file"
                )
            for step in STEPS[version:]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the database, so it must be right before anything is written.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
