"""What `sessions/<pid>.json` says of one session of Claude Code."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from telemetry.model import State
from telemetry.sources.claude.fields import Fields, in_words
from telemetry.sources.claude.files import UnusableError

_STATES = {"busy": State.BUSY, "idle": State.IDLE, "waiting": State.WAITING, "shell": State.BUSY}
_PANE = re.compile(r"\.(%\d{1,9})\Z")
_GIVEN = "user"
"""`nameSource` of a name that a person gave; the program makes up its own from the folder."""


class Session(NamedTuple):
    """One session file.

    Attributes:
        pid: Its process.
        proc_start: When that was started, in the unit of the system's process table, or "".
        session_id: Stays the same when the session is resumed in another process; "" where unknown.
        name: What it is called, or "".
        named: Whether a person gave that name.
        folder: Where it works, or "".
        state: What it says it does, or None where it doesn't say, or in a word that isn't known.
        status: The word itself, cleaned.
        waiting_for: What it waits for, or "".
        status_at: Since when (Unix s), 0.0 where unknown.
        updated_at: When it last wrote anything.
        started_at: When it was started.
        pane_id: tmux's %N, or "".
        domain: Which machine and which pid namespace its `pid` means something in, or "".
    """

    pid: int
    proc_start: str = ""
    session_id: str = ""
    name: str = ""
    named: bool = False
    folder: str = ""
    state: State | None = None
    status: str = ""
    waiting_for: str = ""
    status_at: float = 0.0
    updated_at: float = 0.0
    started_at: float = 0.0
    pane_id: str = ""
    domain: str = ""

    @property
    def process(self) -> str:
        """Tells its process from every other one."""
        return f"{self.pid}@{self.proc_start or self.started_at}"

    @property
    def last_sign(self) -> float:
        """When it was last heard of."""
        return self.status_at or self.updated_at or self.started_at


def session_of(content: Any, pid: int) -> tuple[Session, str]:
    """One session file, and what of it could not be used ("" for nothing).

    Args:
        content: What its JSON says.
        pid: The number in its name.

    Raises:
        UnusableError: It is no session file.
    """
    if not isinstance(content, dict):
        raise UnusableError("must hold an object")
    fields = Fields(content)
    said = fields.whole("pid")
    if said is not None and said != pid:
        raise UnusableError(f"speaks of process {said}: its name must be that number")
    status = fields.name("status")
    pane = _PANE.search(fields.raw("tmux"))
    given = fields.raw("nameSource")
    session = Session(
        pid=pid,
        proc_start=fields.word("procStart")[:40],
        session_id=fields.name("sessionId"),
        name=fields.name("name"),
        named=given == _GIVEN,
        folder=fields.text("cwd"),
        state=_STATES.get(status),
        status=status,
        waiting_for=fields.text("waitingFor"),
        status_at=fields.moment("statusUpdatedAt"),
        updated_at=fields.moment("updatedAt"),
        started_at=fields.moment("startedAt"),
        pane_id=pane[1] if pane else "",
        domain=fields.raw("pidDomain")[:200],
    )
    if not (session.session_id or session.proc_start or session.started_at):
        raise UnusableError("says neither which session nor which process it is of")
    return session, in_words(fields.wrong)
