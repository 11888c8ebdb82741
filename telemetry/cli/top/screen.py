"""What the keys of `top` do."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from glob import escape
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.widgets import Input

from telemetry.cli.live.text import one_line
from telemetry.cli.top import details, jumping
from telemetry.cli.top.client import RefusedError
from telemetry.cli.top.dialogs import Ask, Question, Reader
from telemetry.cli.top.live_app import LiveApp
from telemetry.cli.top.logbook import Logbook
from telemetry.cli.top.rows import ORDERS
from telemetry.cli.top.tables import Agents, Alerts
from telemetry.cli.top.words import HELP, is_time, seconds

_LINES = 15


class Top(LiveApp):
    """The agents of a daemon, live, and what a person does about them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "quit", priority=False),
        Binding("a", "acknowledge", "acknowledge"),
        Binding("s", "silence", "silence"),
        Binding("slash", "filter", "filter"),
        Binding("escape", "no_filter", "show all", show=False),
        Binding("o", "order(1)", "order"),
        Binding("r", "reverse", "reverse", show=False),
        Binding("j,enter", "jump", "jump"),
        Binding("d", "details", "details"),
        Binding("l", "logs", "logs"),
        Binding("question_mark", "help", "help"),
    ]

    @work
    async def action_acknowledge(self) -> None:
        alert = self.alert
        if alert is None:
            self.tell("no alert is open here that nobody takes care of", wrong=True)
            return
        title = f"You take care of: {one_line(alert['agent_name'])}: {one_line(alert['message'])}"
        answers = await self.push_screen_wait(Ask(title, [Question("A note for the others (may be empty):")]))
        if answers is not None:
            await self.attempt(self.client.acknowledge(alert["id"], answers[0]), "acknowledged")

    @work
    async def action_silence(self) -> None:
        what, words = self._to_silence()
        if not what:
            self.tell("there is nothing under the cursor", wrong=True)
            return
        questions = [
            Question("For how long (30m, 2h, 1d):", "1h", is_time),
            Question("Why:", wrong=lambda text: "" if text.strip() else "a reason is needed, for those who wonder"),
        ]
        answers = await self.push_screen_wait(Ask(f"Nobody is told of {words}", questions))
        if answers is not None:
            asked = self.client.silence(what, seconds(answers[0]), answers[1])
            await self.attempt(asked, f"silenced for {answers[0]}: {words}")

    def _to_silence(self) -> tuple[dict[str, str], str]:
        """As patterns in which a name means itself, and in words."""
        alert = self.alert if isinstance(self.focused, Alerts) else None
        if alert is not None:
            found = {name: escape(alert[name]) for name in ("cluster", "agent", "rule") if alert[name]}
            return found, f"{one_line(alert['agent_name'])}: {one_line(alert['rule'])}"
        agent = self.agent
        if agent is None:
            return {}, ""
        return {"cluster": escape(agent["cluster"]), "agent": escape(agent["name"])}, one_line(agent["name"])

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def action_no_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        self.query_one(Agents).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "filter":
            self.wanted = replace(self.wanted, text=event.value)
            self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "filter":
            event.input.display = bool(event.value)
            self.query_one(Agents).focus()

    def action_order(self, step: int) -> None:
        self.order = ORDERS[(ORDERS.index(self.order) + step) % len(ORDERS)]
        self.draw()

    def action_reverse(self) -> None:
        self.backwards = not self.backwards
        self.draw()

    @work
    async def action_jump(self) -> None:
        agent = self.agent
        if agent is None:
            return
        place = await asyncio.to_thread(jumping.find, agent, os.environ, self.sockets)
        if place is None:
            self.tell(f"{one_line(agent['name'])} is in no tmux pane that can be found here", wrong=True)
        elif not place.inside:
            self.push_screen(
                Reader(Text(f"This terminal is no client of its tmux server. From a shell:\n\n{place.command}"))
            )
        elif wrong := await asyncio.to_thread(jumping.go, place):
            self.tell(wrong, wrong=True)

    @work
    async def action_details(self) -> None:
        agent = self.agent
        if agent is None:
            return
        reader = Reader(Text("asking the monitor …"))
        self.push_screen(reader)
        try:
            text = details.explained(await self.client.explain(agent["cluster"], agent["name"]))
        except RefusedError as error:
            text = Text(str(error), style="bold red")
        reader.show(text)
        try:
            seen = await self.client.lines(agent["cluster"], agent["name"], _LINES)
        except RefusedError as error:
            text.append(f"\nno last lines: {error}\n", style="dim")
        else:
            text.append_text(details.screen_lines(seen))
        reader.show(text)

    def action_logs(self) -> None:
        agent = self.agent
        if self.log_file is not None and agent is not None:
            self.push_screen(Logbook(self.log_file, agent["cluster"], agent["name"]))

    def action_help(self) -> None:
        self.push_screen(Reader(Text(HELP)))
