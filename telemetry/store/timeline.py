"""What became of agents over time: changes of state, counts in three tiers, and when anybody watched.

All as whole numbers: a bucket takes some 60 bytes and a change of state some 15. A cluster's counts of 90 days are
19,000 buckets, 1.3 MB; its changes of state are bounded by `MOST_CHANGES` in all. Every call is made of short
transactions, between which alerts come to their turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry.model import LastSeen, State
from telemetry.store.batch import Batch, Known
from telemetry.store.counts import LEVELS, STATES, TIERS, Bucket, Grid, Tier
from telemetry.store.database import Database
from telemetry.store.timeline_rows import (
    GONE,
    MOST_OF_ONE,
    cluster_of,
    counts_of,
    drop_what_is_to_come,
    last_seen_of,
    prune_states,
    states_of,
    write_changes,
    write_counts,
)

CHANGES_KEPT_FOR = 7 * 86_400.0
"""Seconds for which changes of state are kept, where history is kept that long; each agent's last one stays."""
MOST_CHANGES = 400_000
"""How many changes of state are kept in all: of many agents, fewer of each."""

_BYTES_OF_A_BUCKET = 70
_BYTES_OF_A_CHANGE = 20
"""At most, as measured."""
_CHANGES_AT_ONCE = 500
_AT_ONCE = 5
_ROWS_AT_ONCE = 2_000
_UNREADABLE = "it holds what this program can't read"


@dataclass(frozen=True, slots=True)
class Strips:
    """The states of one cluster's agents over a time.

    Attributes:
        watched: When somebody watched: (from, to) in Unix ms.
        agents: Of each agent its state at the beginning, if it was known, and all changes: (Unix ms, state).
    """

    watched: Sequence[tuple[int, int]]
    agents: Mapping[str, Sequence[tuple[int, State | None]]]


class TimelineStore:
    """What the recorder keeps. Blocks, and raises `StoreError` where the file is no use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def begun_anew(self) -> int:
        """How often a damaged file was set aside: with each, all that was written before is gone."""
        return self._database.set_aside

    def known(self) -> dict[str, dict[str, Known]]:
        """What was known last of every agent of each cluster."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT c.name, a.name, a.restarts, "
                "(SELECT state FROM timeline_states WHERE agent = a.id ORDER BY at DESC LIMIT 1) "
                "FROM timeline_agents a JOIN timeline_clusters c ON c.id = a.cluster"
            ).fetchall()
        found: dict[str, dict[str, Known]] = {}
        for cluster, name, restarts, code in rows:
            state = None if code is None else self._state(code)
            found.setdefault(cluster, {})[name] = Known(state, int(restarts))
        return found

    def last_seen(self) -> dict[str, dict[str, LastSeen]]:
        """How every agent of each cluster was seen last, but for those that are gone."""
        with self._database.transaction() as connection:
            rows = last_seen_of(connection)
        found: dict[str, dict[str, LastSeen]] = {}
        for cluster, name, code, *values in rows:
            found.setdefault(cluster, {})[name] = self._last_seen(code, *values)
        return found

    def write(self, batch: Batch) -> None:
        """Writes a batch. Where that fails it may be written once more: nothing is counted twice."""
        if not batch:
            return
        if batch.began is not None:
            with self._database.transaction() as connection:
                drop_what_is_to_come(connection, batch.cluster, batch.began)
        for begin in range(0, len(batch.changes), _CHANGES_AT_ONCE):
            with self._database.transaction() as connection:
                write_changes(connection, batch, batch.changes[begin : begin + _CHANGES_AT_ONCE])
        with self._database.transaction() as connection:
            write_counts(connection, batch)

    def buckets(self, cluster: str, on: Grid) -> dict[int, Bucket]:
        """What a grid is made of, in buckets of its step."""
        found: dict[int, Bucket] = {}
        begin = on.first
        while begin < on.end:
            with self._database.transaction() as connection:
                number = cluster_of(connection, cluster)
                begin, rows = counts_of(
                    connection, number, (begin, on.end), tier=on.tier.step, step=on.step, most=_ROWS_AT_ONCE
                )
            found.update((at, self._bucket(numbers)) for at, *numbers in rows)
        return found

    def strips(self, cluster: str, since: float, until: float) -> Strips:
        """The states of a cluster's agents from one time to another (Unix s)."""
        begin, end = round(since * 1000), round(until * 1000)
        with self._database.transaction() as connection:
            number = cluster_of(connection, cluster)
            watched = connection.execute(
                "SELECT max(since, ?), min(until, ?) FROM timeline_watched "
                "WHERE cluster = ? AND until > ? AND since < ? ORDER BY since",
                (begin, end, number, begin, end),
            ).fetchall()
            agents = connection.execute("SELECT id, name FROM timeline_agents WHERE cluster = ?", (number,)).fetchall()
        found: dict[str, list[tuple[int, State | None]]] = {}
        for some in _parts(agents):
            with self._database.transaction() as connection:
                rows = {name: states_of(connection, agent, begin, end) for agent, name in some}
            found.update({name: [(at, self._state(code)) for at, code in held] for name, held in rows.items() if held})
        return Strips([(a, b) for a, b in watched], found)

    def prune(self, now: float, retention: float, most_bytes: int) -> None:
        """Drops what is older than it may be, and the oldest of what is more than it may be.

        Args:
            now: Unix time.
            retention: Seconds for which history is kept.
            most_bytes: How large the file may be: half of that is for this, so that alerts have the other half.
        """
        for tier in TIERS:
            self._prune_counts(tier, now - tier.kept(retention))
        self._prune_number(most_bytes // 4 // _BYTES_OF_A_BUCKET)
        most_changes = min(MOST_CHANGES, most_bytes // 4 // _BYTES_OF_A_CHANGE)
        oldest = round((now - min(CHANGES_KEPT_FOR, retention)) * 1000)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM timeline_watched WHERE until < ?", (round((now - retention) * 1000),))
            agents = connection.execute("SELECT id FROM timeline_agents ORDER BY id").fetchall()
        most = max(1, min(MOST_OF_ONE, most_changes // max(1, len(agents))))
        for some in _parts(agents):
            with self._database.transaction() as connection:
                for (agent,) in some:
                    prune_states(connection, agent, oldest, most)
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM timeline_agents WHERE NOT EXISTS (SELECT 1 FROM timeline_states WHERE agent = id)"
            )
            connection.execute("DELETE FROM timeline_last WHERE agent NOT IN (SELECT id FROM timeline_agents)")

    def _prune_counts(self, tier: Tier, before: float) -> None:
        gone = _ROWS_AT_ONCE
        while gone == _ROWS_AT_ONCE:
            with self._database.transaction() as connection:
                gone = connection.execute(
                    "DELETE FROM timeline_counts WHERE (cluster, step, at) IN "
                    "(SELECT cluster, step, at FROM timeline_counts WHERE step = ? AND at < ? LIMIT ?)",
                    (tier.step, before - tier.step, _ROWS_AT_ONCE),
                ).rowcount

    def _prune_number(self, most: int) -> None:
        while True:
            with self._database.transaction() as connection:
                (held,) = connection.execute("SELECT count(*) FROM timeline_counts").fetchone()
                if held <= most:
                    return
                connection.execute(
                    "DELETE FROM timeline_counts WHERE (cluster, step, at) IN "
                    "(SELECT cluster, step, at FROM timeline_counts ORDER BY at LIMIT ?)",
                    (min(held - most, _ROWS_AT_ONCE),),
                )

    def _bucket(self, numbers: Sequence[int]) -> Bucket:
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise self._database.damaged(_UNREADABLE)
        states, levels = 1 + len(STATES), 3 + len(STATES) + len(LEVELS)
        return Bucket(
            numbers[0],
            tuple(numbers[1:states]),
            numbers[states],
            numbers[states + 1],
            tuple(numbers[states + 2 : levels]),
            numbers[levels],
        )

    def _last_seen(  # noqa: PLR0917 - a row
        self, code: int, since: float, quiet_since: float, restarts: int, pane: str, exit_status: int | None, at: float
    ) -> LastSeen:
        state = self._state(code)
        times = (since, quiet_since, at)
        is_readable = isinstance(pane, str) and isinstance(exit_status, int | None)
        if state is None or not is_readable or not all(isinstance(one, float) for one in times):
            raise self._database.damaged(_UNREADABLE)
        return LastSeen(state, since, quiet_since, int(restarts), pane, exit_status, at)

    def _state(self, code: int) -> State | None:
        if not isinstance(code, int) or not 0 <= code <= GONE:
            raise self._database.damaged(_UNREADABLE)
        return None if code == GONE else STATES[code]


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterable[Sequence[tuple[Any, ...]]]:
    return (rows[begin : begin + _AT_ONCE] for begin in range(0, len(rows), _AT_ONCE))
