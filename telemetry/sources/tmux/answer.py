"""What a tmux server says about its panes: the format it is asked in, and the values made of the answer."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.clean import clean_name, clean_text
from telemetry.sources.base import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PANE_ID = re.compile(r"%\d{1,18}\Z")

NUMBERS = (
    "#{pane_id} #{pane_index} #{window_index} #{pane_pid} #{pane_dead} #{pane_dead_status} #{pane_dead_signal} "
    "#{pid} #{session_id} #{session_created} #{window_activity} #{pane_width}x#{pane_height} "
    "#{history_size},#{cursor_x},#{cursor_y} #{?pane_start_command,1,0} #{window_id} #{remain-on-exit}"
)
_GOES = ("off", "0", "")
"""remain-on-exit of a pane that goes with its program, as one version of tmux or another writes it."""
TEXTS = ("#{=64:pane_current_command}", "#{=512:@agent_name}", "#{=512:@agent_role}", "#{session_name}")


@dataclass(frozen=True, slots=True)
class Pane:
    """A pane as tmux lists it. Texts are cleaned; `label` and `role` are "" where the pane doesn't carry them.

    Attributes:
        pane_id: %N, never used twice while the server lives.
        pid: The process that was started in it; a shell, mostly.
        dead: That process is gone and tmux keeps the pane (remain-on-exit).
        dead_status: Its exit status, or None.
        dead_signal: The signal that killed it, or None.
        window_activity: When tmux last saw output in the window (Unix s).
        size: Width and height, as a text to compare.
        command: The program in the foreground, as tmux sees it.
        has_command: Whether the pane was started with a command, not as a plain shell.
        window_id: @N, never used twice while the server lives.
        position: Where cursor and history stand, as a text to compare.
        stays: It is kept when its program ends (remain-on-exit), and may be given another one.
    """

    pane_id: str
    index: int
    window_index: int
    pid: int
    dead: bool
    dead_status: int | None
    dead_signal: int | None
    server_pid: int
    session_id: str
    session_created: int
    session_name: str
    window_activity: int
    size: str
    position: str
    command: str
    has_command: bool
    label: str
    role: str
    window_id: str = ""
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said.

    Attributes:
        panes: All panes asked for; empty when the session is gone.
        screens: A hash of what the pane shows, by pane id, for those of the asked panes that are there.
        absent: Why there are no panes, in words: no server, or no such session; "" otherwise.
    """

    panes: tuple[Pane, ...]
    screens: Mapping[str, bytes]
    absent: str = ""


def parse(parts: list[bytes], wanted: Sequence[str]) -> tuple[list[Pane], dict[str, bytes]]:
    """Panes, and hashes of screens by pane id, from an answer cut at its marks.

    Raises:
        SourceError: It isn't what was asked for.
    """
    panes: list[Pane] = []
    seen: set[str] = set()
    screens: dict[str, bytes] = {}
    numbers: list[str] = []
    texts: list[str] = []
    for part in parts[1:]:
        kind = part[:1]
        if kind == b"P":
            numbers, texts = part[1:].decode("ascii", "replace").split(" "), []
        elif kind == b"T":
            texts.append(part[1:].decode("utf-8", "replace"))
        elif kind == b".":
            pane = _pane(numbers, texts)
            # A window that is linked into two sessions is listed twice.
            if pane.pane_id not in seen:
                seen.add(pane.pane_id)
                panes.append(pane)
        elif kind == b"S":
            number, _, screen = part[1:].partition(b"\n")
            if screen:
                screens[wanted[int(number)]] = hashlib.blake2b(screen, digest_size=16).digest()
    return panes, screens


def _pane(numbers: list[str], texts: list[str]) -> Pane:
    try:
        pane_id, index, window, pid, dead, status, dead_signal, server, session, created, activity, *rest = numbers
        size, place, cmd, window_id, stays = rest
        command, label, role, session_name = texts
        return Pane(
            pane_id=pane_id,
            index=int(index),
            window_index=int(window),
            pid=int(pid),
            dead=dead == "1",
            dead_status=int(status) if status else None,
            dead_signal=int(dead_signal) if dead_signal.isdigit() else None,
            server_pid=int(server),
            session_id=session,
            session_created=int(created or 0),
            session_name=clean_name(session_name),
            window_activity=int(activity or 0),
            size=size,
            position=place,
            command=clean_name(command) if command.strip() else "",
            has_command=cmd == "1",
            label=clean_name(label) if label.strip() else "",
            role=clean_name(role) if role.strip() else "",
            window_id=window_id,
            stays=stays not in _GOES,
        )
    except ValueError as error:
        raise SourceError(
            f"tmux lists a pane in a way this program doesn't know: {clean_text(str(error), 200)}"
        ) from error
