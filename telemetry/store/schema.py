"""The tables, as steps: step N turns version N of a database into version N + 1. Steps are only ever appended."""

from __future__ import annotations

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE agents (
            cluster         TEXT NOT NULL,
            name            TEXT NOT NULL,
            called          TEXT NOT NULL,
            origin          TEXT NOT NULL,
            role            TEXT NOT NULL,
            pane_id         TEXT NOT NULL,
            server_pid      INTEGER NOT NULL,
            session_id      TEXT NOT NULL,
            session_name    TEXT NOT NULL,
            session_created INTEGER NOT NULL,
            program         TEXT NOT NULL,
            wrapper         TEXT NOT NULL,
            last_activity   REAL NOT NULL,
            PRIMARY KEY (cluster, name)
        )
        """,
        """
        CREATE TABLE restarts (
            cluster  TEXT NOT NULL,
            name     TEXT NOT NULL,
            identity TEXT NOT NULL,
            count    INTEGER NOT NULL,
            PRIMARY KEY (cluster, name)
        ) WITHOUT ROWID
        """,
    ),
    (
        # What is only read whole stands in `body` as JSON; what is looked for has a column.
        """
        CREATE TABLE alerts (
            cluster TEXT NOT NULL,
            agent   TEXT NOT NULL,
            rule    TEXT NOT NULL,
            body    TEXT NOT NULL,
            PRIMARY KEY (cluster, agent, rule)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE memory (cluster TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE told (
            cluster TEXT NOT NULL,
            agent   TEXT NOT NULL,
            rule    TEXT NOT NULL,
            channel TEXT NOT NULL,
            level   TEXT NOT NULL,
            at      REAL NOT NULL,
            PRIMARY KEY (cluster, agent, rule, channel)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE silences (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE notices (seq INTEGER PRIMARY KEY, channel TEXT NOT NULL, body TEXT NOT NULL)",
        """
        CREATE TABLE messages (
            id       TEXT PRIMARY KEY,
            channel  TEXT NOT NULL,
            body     TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            next_at  REAL NOT NULL,
            error    TEXT NOT NULL,
            failed   INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE history (
            seq         INTEGER PRIMARY KEY,
            cluster     TEXT NOT NULL,
            agent       TEXT NOT NULL,
            rule        TEXT NOT NULL,
            level       TEXT NOT NULL,
            message     TEXT NOT NULL,
            fired_at    REAL NOT NULL,
            resolved_at REAL NOT NULL,
            trace_id    TEXT NOT NULL,
            id          TEXT NOT NULL
        )
        """,
        "CREATE INDEX history_by_time ON history (resolved_at)",
    ),
)

VERSION = len(STEPS)
"""The version this program reads and writes, kept in SQLite's own `user_version`."""
