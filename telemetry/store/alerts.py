"""Open alerts, their history, silences and the outbox: in the same file as all that outlives the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from telemetry.model import Alert, AlertLevel, AlertPage, Key, Message, Notice, OpenAlert, Silence
from telemetry.store import codec
from telemetry.store.database import BegunAnewError, Database
from telemetry.store.values import Changes, HistoryQuery, Kept, QueuedMessage, QueuedNotice, Told, ToldKey

_TABLES = ("alerts", "memory", "told", "silences", "notices", "messages")
_PRUNED_AT_ONCE = 1_000
_UNREADABLE = "it holds what this program can't read"
_ESCAPE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


class AlertStore:
    """What the pager keeps. Every call is a transaction, blocks, and raises `StoreError` where the file is no use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begun = database.set_aside
        """How many files had been set aside when this one was begun, of which it is known what it holds."""

    @property
    def begun_anew(self) -> str:
        """Why the file is another than the one that was read or written last, in one line; "": it is the same."""
        return self._database.damage if self._begun != self._database.set_aside else ""

    def load(self) -> Kept:
        """Everything but the history. A row that can't be read makes the file a damaged one."""
        codec.prepare(OpenAlert, Notice, Message)  # the first alert is not to wait for it
        try:
            with self._database.transaction() as connection:
                kept = _load(connection)
                self._begun = self._database.set_aside
                return kept
        except ValueError as error:  # what pydantic raises is one
            raise self._database.damaged(_UNREADABLE) from error

    def save(self, changes: Changes) -> None:
        """Makes all the changes, or none. Refused where another user of the file began it anew: it needs `replace`."""
        with self._database.transaction() as connection:
            if self.begun_anew:
                raise BegunAnewError(self.begun_anew)
            _save(connection, changes)

    def replace(self, kept: Kept, history: Iterable[Alert]) -> None:
        """Has the file hold just what is given, and a longer history: after a time in which it could not be written."""
        changes = Changes(
            alerts=[alert for held in kept.alerts.values() for alert in held.values()],
            memory=dict(kept.memory),
            told=dict(kept.told),
            silences=list(kept.silences),
            notices=list(kept.notices),
            messages=list(kept.messages),
            history=list(history),
        )
        with self._database.transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            _save(connection, changes)
            self._begun = self._database.set_aside

    def history(self, query: HistoryQuery) -> AlertPage:
        """Alerts that are over, newest first: by when they were over, or by when they fired."""
        where, values = _where(query)
        with self._database.transaction() as connection:
            (total,) = connection.execute(f"SELECT count(*) FROM history WHERE {where}", values).fetchone()  # noqa: S608 - conditions of ours, values bound
            rows = connection.execute(
                "SELECT cluster, agent, rule, level, message, fired_at, resolved_at, trace_id, id FROM history "  # noqa: S608 - the same
                f"WHERE {where} ORDER BY {_moment(query)} DESC, seq DESC LIMIT ? OFFSET ?",
                [*values, query.limit, query.offset],
            ).fetchall()
        try:
            return AlertPage(tuple(map(_alert, rows)), total)
        except ValueError as error:
            raise self._database.damaged(_UNREADABLE) from error

    def prune(self, before: float, most_bytes: int) -> int:
        """Drops what was over before a time (Unix s), and the oldest while the file's content is larger than it may be.

        Returns:
            How many alerts were dropped.
        """
        with self._database.transaction() as connection:
            pruned = connection.execute("DELETE FROM history WHERE resolved_at < ?", (before,)).rowcount
        while self._bytes_used() > most_bytes:
            with self._database.transaction() as connection:
                oldest = "SELECT seq FROM history ORDER BY resolved_at LIMIT ?"
                gone = connection.execute(f"DELETE FROM history WHERE seq IN ({oldest})", (_PRUNED_AT_ONCE,)).rowcount  # noqa: S608 - a constant
            if not gone:
                break
            pruned += gone
        return pruned

    def _bytes_used(self) -> int:
        """What the file's content takes; pages that are free again are used before the file grows."""
        with self._database.transaction() as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)


def _load(connection: sqlite3.Connection) -> Kept:
    def rows(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    alerts: dict[str, dict[Key, OpenAlert]] = {}
    for (body,) in rows("SELECT body FROM alerts"):
        alert = codec.read(OpenAlert, body)
        alerts.setdefault(alert.cluster, {})[alert.key] = alert
    return Kept(
        alerts=alerts,
        memory={cluster: codec.read_memory(body) for cluster, body in rows("SELECT cluster, body FROM memory")},
        told={
            ToldKey(*key): Told(AlertLevel(level), float(at))
            for *key, level, at in rows("SELECT cluster, agent, rule, channel, level, at FROM told")
        },
        silences=tuple(codec.read(Silence, body) for (body,) in rows("SELECT body FROM silences ORDER BY id")),
        notices=tuple(
            QueuedNotice(seq, channel, codec.read(Notice, body))
            for seq, channel, body in rows("SELECT seq, channel, body FROM notices ORDER BY seq")
        ),
        messages=tuple(
            QueuedMessage(codec.read(Message, body), int(attempts), float(next_at), error, bool(failed))
            for body, attempts, next_at, error, failed in rows(
                "SELECT body, attempts, next_at, error, failed FROM messages"
            )
        ),
    )


def _save(connection: sqlite3.Connection, changes: Changes) -> None:
    many = connection.executemany
    many(
        "INSERT OR REPLACE INTO alerts (cluster, agent, rule, body) VALUES (?, ?, ?, ?)",
        [(alert.cluster, alert.agent, alert.rule, codec.written(alert)) for alert in changes.alerts],
    )
    many("DELETE FROM alerts WHERE cluster = ? AND agent = ? AND rule = ?", [(c, *key) for c, key in changes.gone])
    many(
        "INSERT OR REPLACE INTO memory (cluster, body) VALUES (?, ?)",
        [(cluster, codec.written_memory(memory)) for cluster, memory in changes.memory.items()],
    )
    many(
        "INSERT OR REPLACE INTO told (cluster, agent, rule, channel, level, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(*key, told.level.value, told.at) for key, told in changes.told.items()],
    )
    many("DELETE FROM told WHERE cluster = ? AND agent = ? AND rule = ? AND channel = ?", changes.untold)
    many(
        "INSERT OR REPLACE INTO silences (id, body) VALUES (?, ?)",
        [(held.id, codec.written(held)) for held in changes.silences],
    )
    many("DELETE FROM silences WHERE id = ?", [(name,) for name in changes.silences_gone])
    many(
        "INSERT OR REPLACE INTO notices (seq, channel, body) VALUES (?, ?, ?)",
        [(held.seq, held.channel, codec.written(held.notice)) for held in changes.notices],
    )
    many("DELETE FROM notices WHERE seq = ?", [(seq,) for seq in changes.notices_gone])
    many(
        "INSERT OR REPLACE INTO messages (id, channel, body, attempts, next_at, error, failed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (m.message.id, m.message.channel, codec.written(m.message), m.attempts, m.next_at, m.error, int(m.failed))
            for m in changes.messages
        ],
    )
    many("DELETE FROM messages WHERE id = ?", [(name,) for name in changes.messages_gone])
    many(
        "INSERT INTO history (cluster, agent, rule, level, message, fired_at, resolved_at, trace_id, id) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (a.cluster, a.agent_name, a.rule, a.level.value, a.message, a.timestamp, a.resolved_at, a.trace_id, a.id)
            for a in changes.history
        ],
    )


def _moment(query: HistoryQuery) -> str:
    return "fired_at" if query.by_firing else "resolved_at"


def _where(query: HistoryQuery) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Any]] = [
        (f"{column} = ?", value)
        for column, value in (
            ("level", query.level and query.level.value),
            ("cluster", query.cluster),
            ("agent", query.agent),
            ("rule", query.rule),
        )
        if value is not None
    ]
    if query.since is not None:
        conditions.append((f"{_moment(query)} >= ?", query.since))
    if query.until is not None:
        conditions.append((f"{_moment(query)} < ?", query.until))
    if query.text:
        conditions.append((r"message LIKE ? ESCAPE '\'", f"%{query.text.translate(_ESCAPE)}%"))
    if not query.changes and query.rule is None:
        conditions.append(("rule <> ?", "state_changed"))
    return " AND ".join(text for text, _ in conditions) or "1", [value for _, value in conditions]


def _alert(row: tuple[Any, ...]) -> Alert:
    cluster, agent, rule, level, message, fired_at, resolved_at, trace_id, name = row
    return Alert(
        AlertLevel(level),
        agent,
        message,
        float(fired_at),
        resolved=True,
        cluster=cluster,
        rule=rule,
        resolved_at=float(resolved_at),
        trace_id=trace_id,
        id=name,
    )
