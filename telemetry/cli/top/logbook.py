"""An agent's lines in the monitor's log, in `top`: the last ones, and on as they come."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from telemetry.cli.journal.reading import Follower, Found, Journal
from telemetry.cli.journal.record import Sought, day_of, shown
from telemetry.cli.live.text import one_line
from telemetry.cli.top.dialogs import Reader

_LAST = 200
_MOST = 2000
_LOOK_EVERY = 0.5


class Logbook(Reader):
    """The lines of one agent.

    Args:
        path: The log file.
        cluster: The agent's cluster.
        agent: Its name.
    """

    def __init__(self, path: Path, cluster: str, agent: str) -> None:
        super().__init__(Text(""), f"{one_line(agent)} in the monitor's log · Esc: back", at_end=True)
        self._path, self._sought = path, Sought(agent=agent, cluster=cluster)
        self._follower: Follower | None = None
        self._lines: list[Text] = []
        self._day = ""

    def on_mount(self) -> None:
        try:
            journal = Journal(self._path, self._sought)
            self._add(journal.last(_LAST))
        except OSError as error:
            self.show(Text(f"the log can't be read: {error.strerror}", style="bold red"))
            return
        self._follower = journal.follow()
        if not self._lines:
            self.show(Text("nothing about this agent yet", style="dim"))
        self.set_interval(_LOOK_EVERY, self._look)

    def on_unmount(self) -> None:
        if self._follower is not None:
            self._follower.close()

    def _look(self) -> None:
        if self._follower is not None:
            self._add(self._follower.more())

    def _add(self, found: list[Found]) -> None:
        for line, record in found:
            if (day := day_of(record)) and day != self._day:
                self._day = day
                self._lines.append(Text(f"── {day}", style="dim"))
            for made in shown(record, line):
                self._lines.append(Text.assemble(*made))
        if found:
            self._lines = self._lines[-_MOST:]
            self.show(Text("\n").join(self._lines))
