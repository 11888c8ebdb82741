"""What `top` shows, kept up to date: a sentence, the agents, the open alerts, and which of them is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Input, Static

from telemetry.cli.live.board import Item
from telemetry.cli.live.lines import is_taken
from telemetry.cli.live.overview import Overview, Wanted, overview
from telemetry.cli.live.text import cut
from telemetry.cli.top.client import Client, RefusedError
from telemetry.cli.top.rows import Rates, ordered
from telemetry.cli.top.tables import Agents, Alerts
from telemetry.cli.top.words import KEYS, head

GATHERED_FOR = 0.1
"""Seconds in which changes are gathered to one drawing."""

_TOLD_FOR = 5.0


class LiveApp(App[None]):
    """The agents of a daemon, live.

    Args:
        client: The daemon.
        wanted: Which part of it.
        order: How the agents are sorted at first.
        log: The daemon's log file.
        sockets: tmux servers that lie at no usual place.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "screen.tcss"

    def __init__(
        self,
        client: Client,
        wanted: Wanted | None = None,
        *,
        order: str = "trouble",
        log: Path | None = None,
        sockets: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.client, self.wanted = client, wanted or Wanted()
        self.order, self.backwards = order, False
        self.log_file, self.sockets = log, sockets
        self._rates = Rates()
        self._news = asyncio.Event()
        self._telling: Timer | None = None
        self.found: Overview | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="head", markup=False)
        yield Agents(id="agents")
        yield Alerts(id="alerts")
        yield Input(id="filter", placeholder="part of a name, role, state or task", compact=True)
        yield Static(Text(KEYS, style="dim"), id="keys", markup=False)

    def on_mount(self) -> None:
        self.theme = "ansi-dark"
        self.query_one("#filter", Input).display = False
        self.query_one(Agents).focus()
        self.draw()
        self._follow()
        self._redraw()

    def on_resize(self, event: Resize) -> None:
        del event
        self.call_after_refresh(self.draw)

    @work
    async def _follow(self) -> None:
        async for _ in self.client.follow():
            self._news.set()

    @work
    async def _redraw(self) -> None:
        """With every change, and once a second, since durations grow."""
        while True:
            try:
                await asyncio.wait_for(self._news.wait(), 1.0)
                await asyncio.sleep(GATHERED_FOR)
            except TimeoutError:
                pass
            self._news.clear()
            self.draw()

    def draw(self) -> None:
        """Everything, as it is now."""
        board = self.client.board
        self._rates.see(board.items)
        self.found = found = overview(board.items, board.now(), self.wanted)
        screen = self.screen_stack[0]
        columns = self.size.width
        text = head(found, board, self.wanted.text, self.order, columns, backwards=self.backwards)
        screen.query_one("#head", Static).update(text)
        agents = ordered(found, self.order, self._rates, backwards=self.backwards)
        screen.query_one(Agents).show(agents, found, self._rates, columns)
        screen.query_one(Alerts).show(found)

    # --- what is chosen ---------------------------------------------------------------------------------------------

    @property
    def agent(self) -> Item | None:
        """The agent under the cursor, or the one that the alert under it is about."""
        if isinstance(self.focused, Alerts):
            alert = self.focused.chosen
            key = f"agent/{alert['cluster']}/{alert['agent']}" if alert else ""
            return self.client.board.items.get(key)
        return self.query_one(Agents).chosen

    @property
    def alert(self) -> Item | None:
        """The alert under the cursor, or the worst one of the agent under it that nobody takes care of yet."""
        if isinstance(self.focused, Alerts):
            return self.focused.chosen
        agent = self.query_one(Agents).chosen
        if agent is None or self.found is None:
            return None
        about = agent["cluster"], agent["name"]
        mine = [one for one in self.found.alerts if (one["cluster"], one["agent"]) == about]
        return next((one for one in mine if not is_taken(one)), None)

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """A line for the person, for some seconds, where the keys stand: nothing is covered by it."""
        line = self.screen_stack[0].query_one("#keys", Static)
        line.update(Text(cut(words, self.size.width), style="bold red" if wrong else "bold green"))
        if self._telling is not None:
            self._telling.stop()
        self._telling = self.set_timer(_TOLD_FOR, lambda: line.update(Text(KEYS, style="dim")))

    async def attempt(self, asked: Awaitable[None], done: str) -> None:
        """Says what came of it."""
        try:
            await asked
        except RefusedError as error:
            self.tell(str(error), wrong=True)
        else:
            self.tell(done)
