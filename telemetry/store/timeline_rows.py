"""The rows of the timeline: how a batch becomes some, and which are an agent's. Within a transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from telemetry.store.batch import Batch, Change
from telemetry.store.counts import LEVELS, STATES, TIERS, rolled

MOST_OF_ONE = 4_000
"""How many changes of state are kept of one agent: the newest."""
_AHEAD = 7 * 86_400 * 1000
GONE = len(STATES)
"""The code of an agent that is there no more; those of the states are their places in `STATES`."""
_STATE_COLUMNS = tuple(state.value for state in STATES)
_LEVEL_COLUMNS = tuple(level.value.lower() for level in LEVELS)
_COLUMNS = ("watched", *_STATE_COLUMNS, "troubled", "restarts", *_LEVEL_COLUMNS, "open")
_PEAKS = ("troubled", "open")
_UPSERT_COUNTS = (
    f"INSERT INTO timeline_counts (cluster, step, at, {', '.join(_COLUMNS)}) VALUES (?{', ?' * (len(_COLUMNS) + 2)}) "  # noqa: S608 - our own column names
    "ON CONFLICT (cluster, step, at) DO UPDATE SET "
    + ", ".join(f"{c} = max({c}, excluded.{c})" if c in _PEAKS else f"{c} = {c} + excluded.{c}" for c in _COLUMNS)
)
_ROLLED = ", ".join(f"{'max' if column in _PEAKS else 'sum'}({column})" for column in _COLUMNS)
_SELECT_COUNTS = (
    f"SELECT at / ?5 * ?5 AS begins, {_ROLLED} FROM timeline_counts "  # noqa: S608 - the same
    "WHERE cluster = ?1 AND step = ?2 AND at >= ?3 AND at < ?4 GROUP BY begins ORDER BY begins"
)


def write_counts(connection: sqlite3.Connection, batch: Batch) -> None:
    """Adds a batch's buckets to every tier; its spans and restarts with them."""
    cluster = cluster_of(connection, batch.cluster, make=True)
    connection.executemany(
        _UPSERT_COUNTS,
        [
            (cluster, tier.step, at, b.watched, *b.states, b.troubled, b.restarts, *b.alerts, b.open)
            for tier in TIERS
            for at, b in rolled(batch.buckets, tier.step).items()
        ],
    )
    connection.executemany(
        "INSERT INTO timeline_watched (cluster, since, until) VALUES (?, ?, ?) "
        "ON CONFLICT (cluster, since) DO UPDATE SET until = max(until, excluded.until)",
        [(cluster, since, until) for since, until in batch.watched.items()],
    )
    connection.executemany(
        "UPDATE timeline_agents SET restarts = ? WHERE cluster = ? AND name = ?",
        [(count, cluster, name) for name, count in batch.restarts.items()],
    )
    _write_last_seen(connection, cluster, batch)


def _write_last_seen(connection: sqlite3.Connection, cluster: int, batch: Batch) -> None:
    connection.executemany(
        "DELETE FROM timeline_last WHERE agent = (SELECT id FROM timeline_agents WHERE cluster = ? AND name = ?)",
        [(cluster, name) for name in batch.gone],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO timeline_last (agent, state, since, quiet_since, pane, exit_status) "
        "SELECT id, ?, ?, ?, ?, ? FROM timeline_agents WHERE cluster = ? AND name = ?",
        [
            (STATES.index(seen.state), seen.since, seen.quiet_since, seen.pane_id, seen.exit_status, cluster, name)
            for name, seen in batch.last_seen.items()
        ],
    )


def last_seen_of(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Of every agent of every cluster: both names, and the fields of a `LastSeen` in their order."""
    return connection.execute(
        "SELECT c.name, a.name, l.state, l.since, l.quiet_since, a.restarts, l.pane, l.exit_status, "
        "coalesce((SELECT max(until) FROM timeline_watched WHERE cluster = c.id), 0) / 1000.0 "
        "FROM timeline_last l JOIN timeline_agents a ON a.id = l.agent JOIN timeline_clusters c ON c.id = a.cluster"
    ).fetchall()


def counts_of(
    connection: sqlite3.Connection, cluster: int, within: tuple[int, int], *, tier: int, step: int, most: int
) -> tuple[int, list[tuple[int, ...]]]:
    """The first rows of a tier within some time (Unix s), rolled up to `step`; and where to go on.

    Args:
        within: From when to when.
        tier: The tier's step in seconds.
        step: A multiple of it.
        most: How many rows of the tier are read at most, but for those of one step.
    """
    (first,) = connection.execute(
        "SELECT min(at) FROM timeline_counts WHERE cluster = ? AND step = ? AND at >= ? AND at < ?",
        (cluster, tier, *within),
    ).fetchone()
    if first is None:
        return within[1], []
    end = min(first - first % step + max(1, most * tier // step) * step, within[1])
    return end, connection.execute(_SELECT_COUNTS, (cluster, tier, first, end, step)).fetchall()


def write_changes(connection: sqlite3.Connection, batch: Batch, changes: Sequence[Change]) -> None:
    """Writes some of a batch's changes; written twice, they are there once."""
    cluster = cluster_of(connection, batch.cluster, make=True)
    connection.executemany(
        "INSERT OR IGNORE INTO timeline_agents (cluster, name, restarts) VALUES (?, ?, ?)",
        {(cluster, change.agent, batch.restarts.get(change.agent, 0)) for change in changes},
    )
    connection.executemany(
        "INSERT OR REPLACE INTO timeline_states (agent, at, state) "
        "VALUES ((SELECT id FROM timeline_agents WHERE cluster = ? AND name = ?), ?, ?)",
        [
            (cluster, change.agent, change.at, GONE if change.state is None else STATES.index(change.state))
            for change in changes
        ],
    )


def drop_what_is_to_come(connection: sqlite3.Connection, name: str, now: int) -> None:
    """What was written while the clock was ahead."""
    cluster, end = cluster_of(connection, name), now + _AHEAD
    connection.execute(
        "DELETE FROM timeline_states WHERE agent IN (SELECT id FROM timeline_agents WHERE cluster = ?) "
        "AND at > ? AND at <= ?",
        (cluster, now, end),
    )
    connection.execute(
        "DELETE FROM timeline_counts WHERE cluster = ? AND at > ? AND at <= ?", (cluster, now // 1000, end // 1000)
    )
    connection.execute(
        "DELETE FROM timeline_watched WHERE cluster = ? AND since > ? AND since <= ?", (cluster, now, end)
    )
    connection.execute(
        "UPDATE timeline_watched SET until = ?2 WHERE cluster = ?1 AND until > ?2 AND until <= ?3", (cluster, now, end)
    )


def cluster_of(connection: sqlite3.Connection, name: str, *, make: bool = False) -> int:
    """The number of a cluster; 0 where it has none."""
    if make:
        connection.execute("INSERT OR IGNORE INTO timeline_clusters (name) VALUES (?)", (name,))
    row = connection.execute("SELECT id FROM timeline_clusters WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row is not None else 0


def states_of(connection: sqlite3.Connection, agent: int, begin: int, end: int) -> list[tuple[int, int]]:
    """What one agent was at the beginning, and the newest changes up to the end."""
    before = connection.execute(
        "SELECT ?, state FROM timeline_states WHERE agent = ? AND at <= ? ORDER BY at DESC LIMIT 1",
        (begin, agent, begin),
    ).fetchall()
    after = connection.execute(
        "SELECT at, state FROM timeline_states WHERE agent = ? AND at > ? AND at <= ? ORDER BY at DESC LIMIT ?",
        (agent, begin, end, MOST_OF_ONE),
    ).fetchall()
    found = before + after[::-1]
    return found if any(code != GONE for _, code in found) else []


def prune_states(connection: sqlite3.Connection, agent: int, oldest: int, most: int) -> None:
    """Drops the changes of an agent before a time, but for the last one: in that state it has been since."""
    connection.execute(
        "DELETE FROM timeline_states WHERE agent = ?1 AND at < "
        "(SELECT max(at) FROM timeline_states WHERE agent = ?1 AND at <= ?2)",
        (agent, oldest),
    )
    connection.execute(
        "DELETE FROM timeline_states WHERE agent = ?1 AND at <= "
        "(SELECT at FROM timeline_states WHERE agent = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)",
        (agent, most),
    )
    connection.execute(
        "DELETE FROM timeline_states WHERE agent = ?1 AND at <= ?2 AND state = ?3", (agent, oldest, GONE)
    )
