"""A tmux source in a test: its time is given, and every question is one line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from telemetry.sources.tmux.source import TmuxOptions, TmuxSource

if TYPE_CHECKING:
    from telemetry.model import AgentSample, Reading
    from telemetry.sources.processes import ProcessTable
    from telemetry.store import Store
    from tests.sources.real_tmux import TmuxServer

START = 2_000_000_000.0
"""Later than any time tmux itself writes down, so that the times in a test are the test's own."""


class Watcher:
    """Reads a source at given times; seconds count from `START`."""

    def __init__(
        self,
        server: TmuxServer,
        store: Store | None = None,
        *,
        processes: ProcessTable | None = None,
        session: str | None = "work",
        **options: Any,
    ) -> None:
        self._store = store
        self.problems: list[str] = []
        self.source = TmuxSource(
            TmuxOptions(socket_name=server.socket_name, session=session, **options),
            store,
            on_problem=self.problems.append,
            processes=processes,
        )
        self.reading: Reading
        self._closed = False
        server.afterwards.append(self.close)

    def read(self, at: float = 0.0) -> dict[str, AgentSample]:
        """One check, `at` seconds after the start: all agents by name."""
        self.reading = asyncio.run(self.source.read(START + at))
        agents = {agent.name: agent for agent in self.reading.agents}
        assert len(agents) == len(self.reading.agents), "names are unique"
        return agents

    def close(self) -> None:
        """As at the end of the monitor."""
        if not self._closed:
            self._closed = True
            asyncio.run(self.source.close())
            if self._store is not None:
                self._store.close()


def running(agents: dict[str, AgentSample]) -> set[str]:
    return {name for name, agent in agents.items() if agent.running}
