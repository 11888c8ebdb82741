"""One running Claude Code in a pane of a test's own tmux server, which types to it as a person would."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from tests.claude_code.home import Home
from tests.sources.real_tmux import TmuxServer, is_dead
from tests.waiting import NotInTimeError, eventually

WITHIN = 20.0
AGAIN = 0.5
"""Seconds: how long anything may take, and after how long a key that did nothing is pressed again."""
TEAMS = {"CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS": "1"}
SIZE = "200x50"
OF_TMUX = ("TERM", "TMUX", "TMUX_PANE")
BOX, EDGE = "❯", "──"
BOXES = (BOX, "!")
"""How the line begins where one types: in the second, what is typed is for a shell."""


class EndedError(RuntimeError):
    """It ended where it should have run."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """How to start it, and, when it was started, which one it is.

    `session` is tmux's: one that is there gets another window. It has to ask before it does anything (`manual`), so
    that nothing but the stub's script decides. `variables` are added to its environment, which is else `Home`'s.
    """

    binary: Path
    tmux: TmuxServer
    home: Home
    api: str
    session: str = "work"
    arguments: tuple[str, ...] = ("--permission-mode", "manual")
    variables: Mapping[str, str] = field(default_factory=dict)
    pane: str = ""
    pid: int = 0

    def started(self) -> Self:
        """Start it in a pane of its own, and wait until it says that it is idle and shows where to type."""
        environment = {**self.home.variables(self.api), **self.variables}
        given = " ".join(f'{name}="${name}"' for name in OF_TMUX)
        ours = shlex.join(f"{name}={value}" for name, value in environment.items())
        run = f"exec env -i {given} {ours} {shlex.join([str(self.binary), *self.arguments])}"
        command = f"cd {shlex.quote(str(self.home.project))} && {run}"
        tmux = self.tmux
        there = tmux.runs() and self.session in tmux("list-sessions", "-F", "#{session_name}").split("\n")
        pane = tmux.window(self.session, command) if there else tmux.session(self.session, command, size=SIZE)
        self._keep_out(environment)
        program = replace(self, pane=pane, pid=tmux.pid(pane))
        program.wait_for("idle")
        program.wait(lambda: BOX in program.screen(), "a place to type")
        return program

    def _keep_out(self, environment: Mapping[str, str]) -> None:
        """Nor shall what it starts in other panes of the session inherit anything of whoever runs the tests."""
        there = [line.partition("=")[0] for line in self.tmux("show-environment", "-g").split("\n")]
        removed = [("-r", name) for name in there if name.isidentifier() and name not in environment]
        commands = [
            ("set-environment", "-t", f"{self.session}:", *one, ";") for one in (*removed, *environment.items())
        ]
        self.tmux(*(word for command in commands for word in command))

    @property
    def record(self) -> dict[str, Any] | None:
        """What it last wrote of itself; None where there is no file, or half of one at this moment."""
        return self.home.session(self.pid)

    @property
    def file(self) -> Path:
        """Where it writes that."""
        return self.home.sessions / f"{self.pid}.json"

    @property
    def status(self) -> str:
        """`idle`, `busy`, `waiting` or `shell`, as it says itself; nothing where it says nothing."""
        return str((self.record or {}).get("status", ""))

    @property
    def session_id(self) -> str:
        """Its conversation's id, which a resumed one shares."""
        return str(self.wait(lambda: self.record, "its own file")["sessionId"])

    def wait_for(self, status: str) -> None:
        """Wait until it says so of itself."""
        self.wait(lambda: self.status == status or self._ended(), f"{self.pid} {status}")

    def _ended(self) -> bool:
        if is_dead(self.pid):
            raise EndedError(f"{shlex.join(self.arguments)}: process {self.pid} ended by itself")
        return False

    def wait(self, ask: Callable[[], Any], what: str) -> Any:
        """Wait for anything else, and get it; raises `NotInTimeError`, with what stands in its pane then."""
        try:
            return eventually(ask, WITHIN, every=0.01, what=what)
        except NotInTimeError as failure:
            shows = self.screen() if self.tmux.runs() and self.pane in self.tmux.panes() else "is gone"
            raise NotInTimeError(f"{failure}\nits pane {shows}") from None

    def screen(self) -> str:
        """What a person sees in its pane."""
        return self.tmux.screen(self.pane)

    def say(self, line: str) -> None:
        """Type a prompt (a direction of `script`, a slash command, `!` and a shell command) and have it taken.

        To one that was idle: afterwards it has said that it began, so that `wait_for("idle")` waits for the turn's end.
        """
        before = self._since if self.status == "idle" else None
        self._type(line)
        self._press("Enter", lambda: self._typed() != _squeezed(line))
        if before is not None:
            self.wait(lambda: self._since not in (None, before), f"{self.pid} begins")

    @property
    def _since(self) -> object:
        """When it last changed its status, in its own clock's milliseconds."""
        return (self.record or {}).get("statusUpdatedAt")

    def leave(self) -> None:
        """Have it end as a person would, and confirm that its teammates shall end with it."""
        self._type("/exit")
        self._press("Enter", lambda: is_dead(self.pid))
        self.wait(self._closed, f"{self.pane} closed")

    def _closed(self) -> bool:
        """Whether tmux has noticed: its pane is gone, and the server too where that was the last one."""
        if not self.tmux.runs():
            return True
        others = set(self.tmux.panes()) - {"", self.pane}
        return bool(others) and self.pane not in self.tmux.panes()

    def _type(self, line: str) -> None:
        self.tmux("send-keys", "-t", self.pane, "-l", line)
        self.wait(lambda: self._typed() == _squeezed(line), f"{line!r} in its box")

    def _typed(self) -> str:
        """What stands in the box where one types, without its spaces: a narrow pane breaks lines anywhere."""
        lines = self.screen().split("\n")
        tops = [at for at, line in enumerate(lines[:-1]) if line.startswith(EDGE) and lines[at + 1].startswith(BOXES)]
        if not tops:
            return ""
        box = takewhile(lambda line: not line.startswith(EDGE), lines[tops[-1] + 1 :])
        return _squeezed("".join(box)).removeprefix(BOX)

    def _press(self, key: str, done: Callable[[], bool]) -> None:
        """Press a key until it has done something: one that comes with pasted text is not taken as a command."""

        def once_more() -> bool:
            if done():
                return True
            self.tmux("send-keys", "-t", self.pane, key)
            try:
                return eventually(done, AGAIN, every=0.02)
            except AssertionError:
                return False

        self.wait(once_more, f"{key} taken")

    def allow(self) -> None:
        """Answer the question on its screen with yes."""
        self._answer("Enter")

    def deny(self) -> None:
        """Turn the question on its screen down, which ends the turn."""
        self._answer("Escape")

    def _answer(self, key: str) -> None:
        self.wait_for("waiting")
        self.wait(lambda: "Esc to cancel" in self.screen(), "a question on its screen")
        self._press(key, lambda: self.status != "waiting")

    def end(self, how: int = signal.SIGKILL) -> None:
        """End it by a signal, and wait until it is dead."""
        os.kill(self.pid, how)
        self.wait(lambda: is_dead(self.pid), f"{self.pid} dies")
        self.wait(self._closed, f"{self.pane} closed")

    def resumed(self, *more: str) -> Self:
        """Start another that goes on with this one's conversation, of which one turn must be over."""
        return replace(self, arguments=(*self.arguments, "--resume", self.session_id, *more)).started()

    def member(self, name: str) -> dict[str, Any]:
        """The team's entry of a teammate, as soon as there is one with a place of its own."""

        def placed() -> dict[str, Any] | None:
            member = self.home.member(self.session_id, name)
            return member if member and member["tmuxPaneId"] else None

        found: dict[str, Any] = self.wait(placed, f"{name} in the team")
        return found

    def wait_for_member(self, name: str, active: bool) -> int:
        """Wait until a teammate in a pane is at work, or no longer; its process.

        (Not before it has been at work: at first the pane is held by another process.)
        """
        self.wait(lambda: self.member(name).get("isActive") is active, f"{name} {'active' if active else 'idle'}")
        return self.tmux.pid(self.member(name)["tmuxPaneId"])


def _squeezed(text: str) -> str:
    """Without any white space."""
    return "".join(text.split())
