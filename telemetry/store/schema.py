"""The tables, as steps: step N turns version N of a database into version N + 1. Steps are only ever appended.

A step adds: tables, indexes, columns with a default (so whoever inserts names columns). Then the program from before it
goes on with the file as if nothing had happened, and an upgrade can be undone. One that takes away or changes what such
a program reads or writes (a column, what a number means, a new word of an enumeration in a body) says who is left: it
sets `readers.oldest` to the version that it makes.
"""

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
    (
        # Whole numbers throughout, which SQLite keeps in as few bytes as they need: see `timeline` for what they mean.
        "CREATE TABLE timeline_clusters (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        """
        CREATE TABLE timeline_agents (
            id       INTEGER PRIMARY KEY,
            cluster  INTEGER NOT NULL,
            name     TEXT NOT NULL,
            restarts INTEGER NOT NULL,
            UNIQUE (cluster, name)
        )
        """,
        """
        CREATE TABLE timeline_states (
            agent INTEGER NOT NULL,
            at    INTEGER NOT NULL,
            state INTEGER NOT NULL,
            PRIMARY KEY (agent, at)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE timeline_counts (
            cluster      INTEGER NOT NULL,
            step         INTEGER NOT NULL,
            at           INTEGER NOT NULL,
            watched      INTEGER NOT NULL,
            busy         INTEGER NOT NULL,
            idle         INTEGER NOT NULL,
            waiting      INTEGER NOT NULL,
            unresponsive INTEGER NOT NULL,
            stopped      INTEGER NOT NULL,
            unknown      INTEGER NOT NULL,
            troubled     INTEGER NOT NULL,
            restarts     INTEGER NOT NULL,
            info         INTEGER NOT NULL,
            warning      INTEGER NOT NULL,
            error        INTEGER NOT NULL,
            critical     INTEGER NOT NULL,
            open         INTEGER NOT NULL,
            PRIMARY KEY (cluster, step, at)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE timeline_watched (
            cluster INTEGER NOT NULL,
            since   INTEGER NOT NULL,
            until   INTEGER NOT NULL,
            PRIMARY KEY (cluster, since)
        ) WITHOUT ROWID
        """,
    ),
    (
        # How each agent was last: what goes on after a restart of ours. 5 is nobody can tell, 6 is gone.
        """
        CREATE TABLE timeline_last (
            agent       INTEGER PRIMARY KEY,
            state       INTEGER NOT NULL,
            since       REAL NOT NULL,
            quiet_since REAL NOT NULL,
            pane        TEXT NOT NULL,
            exit_status INTEGER
        )
        """,
        """
        INSERT INTO timeline_last
        SELECT agent, state, since / 1000.0, since / 1000.0, '', NULL FROM (
            SELECT last.agent, last.state, (
                SELECT min(at) FROM timeline_states WHERE agent = last.agent AND at > coalesce(
                    (SELECT max(at) FROM timeline_states WHERE agent = last.agent AND state <> last.state), -1
                )
            ) AS since
            FROM timeline_states AS last
            WHERE last.at = (SELECT max(at) FROM timeline_states WHERE agent = last.agent) AND last.state < 5
        )
        """,
    ),
    (
        # Programs of this version and later ones may use the file, whatever its own version is.
        "CREATE TABLE readers (oldest INTEGER NOT NULL)",
        "INSERT INTO readers VALUES (5)",
    ),
)

VERSION = len(STEPS)
"""The version this program reads and writes, kept in SQLite's own `user_version`."""
