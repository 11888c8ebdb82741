"""Which agents are expected, and how often each restarted. Every failure is a `StoreError`: watching goes on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from telemetry.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


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


class Store(Database):
    """What sources remember."""

    def agents(self, cluster: str) -> tuple[RememberedAgent, ...]:
        """Every agent remembered for `cluster`, in the order in which they became known."""
        with self.transaction() as connection:
            rows = connection.execute(_SELECT_AGENTS, (cluster,)).fetchall()
        return tuple(RememberedAgent(*row) for row in rows)

    def remember_agents(self, cluster: str, agents: Iterable[RememberedAgent]) -> None:
        """Adds or replaces them, all or none."""
        rows = [(cluster, *(getattr(agent, column) for column in _AGENT_COLUMNS)) for agent in agents]
        with self.transaction() as connection:
            connection.executemany(_UPSERT_AGENT, rows)

    def forget_agents(self, cluster: str, names: Collection[str]) -> None:
        """They are no longer expected; how often they restarted stays known, for the day they come back."""
        with self.transaction() as connection:
            connection.executemany(
                "DELETE FROM agents WHERE cluster = ? AND name = ?", [(cluster, name) for name in names]
            )

    def restarts(self, cluster: str) -> dict[str, RestartRecord]:
        """Every agent's restarts, by name."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT name, identity, count FROM restarts WHERE cluster = ?", (cluster,)
            ).fetchall()
        return {name: RestartRecord(identity, count) for name, identity, count in rows}

    def remember_restarts(self, cluster: str, records: Mapping[str, RestartRecord]) -> None:
        """Adds or replaces them, all or none."""
        rows = [(cluster, name, record.identity, record.count) for name, record in records.items()]
        with self.transaction() as connection:
            connection.executemany(_UPSERT_RESTARTS, rows)

    def forget_restarts(self, cluster: str, names: Collection[str]) -> None:
        """They count from 0 again."""
        with self.transaction() as connection:
            connection.executemany(
                "DELETE FROM restarts WHERE cluster = ? AND name = ?", [(cluster, name) for name in names]
            )
