"""Several programs at once, whose turns overlap: some last until it is their turn again, some are short, some ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.claude_code.program import Program
from tests.claude_code.stub import Stub

ROUND = 5
"""Every so many turns of a program one is a question, and one is short."""
SHORT = 0.3
PAUSE = 0.3
"""Seconds: how long a short turn lasts, and how long a program at least rests before its next."""


@dataclass
class Turns:
    """Has the programs take turns, each while the others are at theirs.

    Attributes:
        programs: All idle.
        stub: Which answers them.
        taken: How many turns were begun.
        questions: How many of them were questions.
    """

    programs: Sequence[Program]
    stub: Stub
    taken: int = 0
    questions: int = 0
    _held: dict[int, str] = field(default_factory=dict)

    def take(self, count: int) -> None:
        """So many turns in all, and the last of each to its end."""
        for _ in range(count):
            self.take_one()
        self.finish_all()

    def take_one(self) -> None:
        """One program ends the turn that it is at, and begins another one."""
        program = self.programs[self.taken % len(self.programs)]
        self.finish(program)
        self.stub.rest(PAUSE)
        self._begin(program)

    def finish_all(self) -> None:
        """Let every program come to the end of its turn."""
        for program in self.programs:
            self.finish(program)

    def finish(self, program: Program) -> None:
        """Let a program come to the end of its turn."""
        held = self._held.pop(program.pid, "")
        if held == "?":
            program.allow()
        elif held:
            self.stub.release(held)
        program.wait_for("idle")

    def _begin(self, program: Program) -> None:
        kind = (self.taken // len(self.programs) + self.taken % len(self.programs)) % ROUND
        self.taken += 1
        if kind == 0:
            self.questions += 1
            program.say("ask")
            program.wait_for("waiting")
            self._held[program.pid] = "?"
        elif kind == 1:
            program.say(f"work {SHORT}")
        else:
            self._held[program.pid] = f"turn-{self.taken}"
            program.say(f"hold {self._held[program.pid]}")
