"""What an agent says of itself: one JSON object becomes one PushEvent. Strict, for what is misspelt must not be lost.

    {"state": "busy", "task": "tests of the parser", "pid": 4711, "ttl": 30}

Every key may be left out: it is as it was before. `reason` alone belongs to its state, and goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from telemetry.clean import NAME_LIMIT, clean_line, clean_name
from telemetry.model import LAST_PID, State

LINE_LIMIT = 500
FOLDER_LIMIT = 1024
_SHOWN_LIMIT = 60
_SHORTEST, _LONGEST = 0.1, 86_400.0
_PANE = re.compile(r"%\d{1,9}")

ENDED = "ended"
STATES: Mapping[str, State] = {
    "busy": State.BUSY,
    "idle": State.IDLE,
    "waiting": State.WAITING,
    "stopped": State.STOPPED,
}
"""What an agent may say it is doing. Besides, it may say that it has ended: then it is no longer expected."""


class EventError(ValueError):
    """It can't be used: one line that names the key, its value and what is allowed."""


class PushEvent(NamedTuple):
    """One event. None: as before.

    Attributes:
        state: What it does now; STOPPED: it doesn't run, and should.
        ended: It has ended in an orderly way, and is no longer expected.
        reason: Why it is in that state, in its own words, or "".
        task: What it is at; "": nothing.
        ttl: Seconds within which it promises to be heard of again.
        pid: Its process, on this machine.
        pid_space: In which of the machine's pid namespaces that number is meant; "": not told.
        role: Free text.
        has_work: Whether work is assigned to it.
        session_id: Claude Code's id of its session.
        pane_id: tmux's %N.
    """

    state: State | None = None
    ended: bool = False
    reason: str = ""
    task: str | None = None
    ttl: float | None = None
    pid: int | None = None
    pid_space: str = ""
    role: str | None = None
    has_work: bool | None = None
    session_id: str | None = None
    pane_id: str | None = None


def parse(body: Mapping[str, Any]) -> PushEvent:
    """An event in our own form.

    Raises:
        EventError: A key is unknown, or what stands there isn't allowed.
    """
    found: dict[str, Any] = {}
    for key, value in body.items():
        known = _KEYS.get(key)
        if known is None:
            raise EventError(f"{_shown(key)} is not known: known are {', '.join(_KEYS)}")
        read, allowed = known
        try:
            found[key] = read(value)
        except ValueError:
            raise EventError(f"{key} is {_shown(value)}: it must be {allowed}") from None
    found.pop("cluster", None)
    if found.get("state") == ENDED:
        found["state"], found["ended"] = None, True
    if found.get("reason") and "state" not in found:
        raise EventError("reason stands without a state: it says why the agent is in it")
    return PushEvent(**found)


def one_line(text: object, limit: int = LINE_LIMIT) -> str:
    """As it goes into tables and messages."""
    return clean_line(text, limit)


def _shown(value: Any) -> str:
    """What somebody sent, short and harmless."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = one_line(value, _SHOWN_LIMIT)
    return f"'{text}'" if isinstance(value, str) else text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - told apart from nothing: any of them becomes one line
    return value


def _line(value: Any) -> str:
    return one_line(_text(value))


def _state(value: Any) -> State | str:
    word = _text(value)
    return ENDED if word == ENDED else STATES[word] if word in STATES else _refuse()


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _SHORTEST <= value <= _LONGEST:
        raise ValueError
    return float(value)


def _pid(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LAST_PID:
        raise ValueError
    return value


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else _refuse()


def _id(value: Any) -> str:
    text = _text(value)
    return clean_name(text) if text.strip() and len(text) <= NAME_LIMIT else _refuse()


def _pane(value: Any) -> str:
    text = _text(value)
    return text if _PANE.fullmatch(text) else _refuse()


def _refuse() -> NoReturn:
    raise ValueError


A_LINE = "a text"
_KEYS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "state": (_state, f"one of {', '.join((*STATES, ENDED))}"),
    "reason": (_line, A_LINE),
    "task": (_line, A_LINE),
    "ttl": (_seconds, f"a number of seconds from {_SHORTEST:g} to {_LONGEST:.0f}"),
    "pid": (_pid, "the number of a process"),
    "pid_space": (_id, "a text such as pid:[4026531836]"),
    "role": (_line, A_LINE),
    "has_work": (_truth, "true or false"),
    "cluster": (_text, A_LINE),
    "session_id": (_id, f"a text of 1 to {NAME_LIMIT} characters"),
    "pane_id": (_pane, "a tmux pane such as %3"),
}
"""Every key of our own form: how it is read, and what is allowed there. `cluster` says who is to take the event."""
