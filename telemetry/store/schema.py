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
)

VERSION = len(STEPS)
"""The version this program reads and writes, kept in SQLite's own `user_version`."""
