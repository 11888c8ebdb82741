"""What Claude Code's hooks say of a session: the body of one hook becomes one Hook.

Bodies are accepted as they are sent: fields that aren't known are not looked at, and an event that isn't known is a
sign of life. Nothing of prompts, tool inputs, tool results, messages or transcripts is kept.

A hook tells that something happened, not that it goes on. A turn that its user interrupts sends nothing at all, so
«busy» can't be believed for ever: see `THINKS_FOR` and `TOOL_TAKES`. Nor does a question that is turned down, which
can't be told from one that nobody has answered yet: «waiting» is believed until the next hook. Where the session's own
file is seen, too, that is nearer to the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from telemetry.clean import NAME_LIMIT, clean_name
from telemetry.model import State
from telemetry.sources.push.events import FOLDER_LIMIT, EventError, one_line

EVENT_NAME = "hook_event_name"
"""The key by which a body of theirs is known."""

THINKS_FOR = 300.0
"""Seconds that a turn may go on without any hook before it counts as interrupted."""
TOOL_TAKES = 1800.0
"""Seconds that one tool may take before its session counts as unresponsive."""

_WORD_LIMIT = 80
_NAMELESS = "claude"
_ASKING_TOOLS = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""Tools that are a question to the person."""
_GOES_ON = frozenset({"clear", "resume"})
"""Why a session ends whose process goes on with another."""


class Silence(NamedTuple):
    """What is to be thought of a session of which nothing more is heard.

    Attributes:
        after: Seconds.
        state: Its state then, and `reason` why.
    """

    after: float
    state: State
    reason: str


class Hook(NamedTuple):
    """What one hook says.

    Attributes:
        session_id: Of the session that sent it.
        called: What its agent is called: the name that somebody gave it, or its folder's.
        named: Whether somebody gave it that name.
        team: Which team it is in, where the hook says so.
        folder: Where it works, or "".
        role: The kind of agent it was started as, or "".
        subagent: The id of the subagent, or of the teammate in the same process, that did it; "": the session itself.
        begins: The subagent begins now.
        ends: The subagent has ended.
        teammate: What the subagent is called, which is a teammate; "" where it isn't known to be one.
        state: What the session or its subagent does now; None: only a sign of life.
        reason: Why, in words.
        silence: What it means if nothing more is heard.
        overheard: It doesn't say who of the session's asks a person, only that somebody does.
        ended: The session is over, and no longer expected.
        moves: The session is over, and the same agent goes on as another one.
        anew: Nothing of what was known of its work holds.
    """

    session_id: str
    called: str
    named: bool = False
    team: str = ""
    folder: str = ""
    role: str = ""
    subagent: str = ""
    begins: bool = False
    ends: bool = False
    teammate: str = ""
    state: State | None = None
    reason: str = ""
    silence: Silence | None = None
    overheard: bool = False
    ended: bool = False
    moves: bool = False
    anew: bool = False


def is_hook(body: Mapping[str, Any]) -> bool:
    """Whether Claude Code sent it."""
    return EVENT_NAME in body


def parse_hook(body: Mapping[str, Any]) -> Hook:
    """The body of a hook.

    Raises:
        EventError: It doesn't say which event it is, or of which session.
    """
    event = body.get(EVENT_NAME)
    if not isinstance(event, str):
        raise EventError(f"{EVENT_NAME} must be a text: the name of one of Claude Code's hook events")
    session_id = body.get("session_id")
    if not isinstance(session_id, str) or not 0 < len(session_id.strip()) <= NAME_LIMIT:
        raise EventError(f"session_id must be a text of 1 to {NAME_LIMIT} characters: the id of Claude Code's session")
    hook = _who(body, clean_name(session_id))
    read = _EVENTS.get(event)
    return hook if read is None else hook._replace(**read(body))


def _who(body: Mapping[str, Any], session_id: str) -> Hook:
    """The session that sent it, without what it says."""
    folder = one_line(_text(body, "cwd"), FOLDER_LIMIT)
    given = _text(body, "agent_name").strip()
    subagent = _text(body, "agent_id").strip()
    return Hook(
        session_id=session_id,
        called=clean_name(given or folder.rstrip("/").rpartition("/")[2] or _NAMELESS),
        named=bool(given),
        folder=folder,
        role="" if subagent else _word(body, "agent_type"),
        subagent=clean_name(subagent) if subagent else "",
    )


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _word(body: Mapping[str, Any], key: str) -> str:
    """A short text that names something: a tool, a kind of error."""
    return one_line(_text(body, key), _WORD_LIMIT)


# --- the events -----------------------------------------------------------------------------------------------------

Told = dict[str, Any]
"""Fields of a Hook."""

_INTERRUPTED = Silence(
    THINKS_FOR, State.IDLE, f"nothing was heard of its turn for more than {THINKS_FOR:g} s: it was interrupted"
)
_HANGS = Silence(
    TOOL_TAKES, State.UNRESPONSIVE, f"its tool has been under way for more than {TOOL_TAKES:g} s without a sign of life"
)


def _busy(reason: str, silence: Silence = _INTERRUPTED) -> Told:
    return {"state": State.BUSY, "reason": reason, "silence": silence}


def _idle(reason: str) -> Told:
    return {"state": State.IDLE, "reason": reason}


def _waiting(reason: str, *, overheard: bool = False) -> Told:
    return {"state": State.WAITING, "reason": reason, "overheard": overheard}


def _session_start(body: Mapping[str, Any]) -> Told:
    how = _word(body, "source")
    if how == "compact":
        return {}  # in the middle of its work
    return {**_idle(f"its session began ({how})" if how else "its session began"), "anew": True}


def _pre_tool_use(body: Mapping[str, Any]) -> Told:
    tool = _word(body, "tool_name")
    if tool in _ASKING_TOOLS:
        return _waiting(f"asks a person ({tool})")
    return _busy(f"uses {tool}" if tool else "uses a tool", _HANGS)


def _post_tool_use(_: Mapping[str, Any]) -> Told:
    return _busy("is at its turn")


def _tool_failed(body: Mapping[str, Any]) -> Told:
    return _idle("was interrupted") if body.get("is_interrupt") is True else _busy("is at its turn")


def _permission_request(body: Mapping[str, Any]) -> Told:
    tool = _word(body, "tool_name")
    return _waiting(f"asks for permission to use {tool}" if tool else "asks for permission")


_NOTIFICATIONS: Mapping[str, Told] = {
    "permission_prompt": _waiting("asks for permission", overheard=True),
    "elicitation_dialog": _waiting("asks a person", overheard=True),
    "agent_needs_input": _waiting("asks a person", overheard=True),
    # A turn that is over waits for nobody: somebody may give it more to do. So says Claude Code's own status, too.
    "idle_prompt": _idle("waits for the next prompt"),
}


def _notification(body: Mapping[str, Any]) -> Told:
    return _NOTIFICATIONS.get(_text(body, "notification_type"), {})


def _stop_failure(body: Mapping[str, Any]) -> Told:
    error, details = _word(body, "error"), one_line(_text(body, "error_details"), 200)
    told = ", ".join(part for part in (error, details) if part)
    return _idle(f"its turn failed: {told}" if told else "its turn failed")


def _teammate_idle(body: Mapping[str, Any]) -> Told:
    """A teammate in the lead's process is a subagent of the lead's session; in a pane it has a session of its own."""
    told: Told = _idle("has finished its turn")
    name = _text(body, "teammate_name").strip()
    if not name:
        return told
    told["team"] = _word(body, "team_name")
    if _text(body, "agent_id").strip():
        return {**told, "ends": True, "teammate": clean_name(name)}
    return {**told, "called": clean_name(name), "named": True}


def _session_end(body: Mapping[str, Any]) -> Told:
    why = _word(body, "reason")
    if why in _GOES_ON:
        return {**_idle(f"its session ended ({why})"), "moves": True, "anew": True}
    return {"ended": True}


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Told]] = {
    "SessionStart": _session_start,
    "UserPromptSubmit": lambda _: _busy("was given a prompt"),
    "PreToolUse": _pre_tool_use,
    "PostToolUse": _post_tool_use,
    "PostToolUseFailure": _tool_failed,
    "PermissionRequest": _permission_request,
    "PermissionDenied": _post_tool_use,
    "ElicitationResult": _post_tool_use,
    "Elicitation": lambda _: _waiting("asks a person"),
    "Notification": _notification,
    "Stop": lambda _: _idle("has finished its turn"),
    "StopFailure": _stop_failure,
    "SubagentStart": lambda _: {**_busy("has begun"), "begins": True},
    "SubagentStop": lambda _: {**_idle("has finished its turn"), "ends": True},
    "TeammateIdle": _teammate_idle,
    "SessionEnd": _session_end,
}
"""Those that say more than that the session lives."""
