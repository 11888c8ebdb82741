"""Our entries in a settings file of Claude Code, put in and taken out without touching anything else of its text.

    {"hooks": {"Stop": [{"hooks": [{"type": "http", "url": "http://127.0.0.1:8000/api/hooks/claude", "timeout": 1}]}]}}

Where the monitor asks for a token, an entry names the variable that holds it, and Claude Code fills it in as it sends:
`"headers": {"Authorization": "Bearer $ORCHESTRATOR_TOKEN"}, "allowedEnvVars": ["ORCHESTRATOR_TOKEN"]`.

Pure: text in, text out. Ours are known by the path of their URL, whatever else stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from telemetry.control import TOKEN_VARIABLE
from telemetry.hooks import json_text
from telemetry.hooks.json_text import Container, JsonTextError, Member

PATH = "/api/hooks/claude"
TIMEOUT = 1
"""Seconds that Claude Code waits for an answer before it goes on. Its own default is minutes, for each hook."""

EVENTS = (
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
    "Notification",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "TeammateIdle",
    "TaskCompleted",
    "SessionEnd",
)
"""Those that say what a session does. Others would tell nothing, or do harm: `SessionStart` is never sent over HTTP,
and a `WorktreeCreate` that is answered with nothing fails."""

_WITH_TOKEN = {"headers": {"Authorization": f"Bearer ${TOKEN_VARIABLE}"}, "allowedEnvVars": [TOKEN_VARIABLE]}

_BOM = "\ufeff"


def address(url: str, cluster: str | None = None) -> str:
    """The URL of our route, of what somebody gave: the monitor's address alone will do.

    Args:
        url: Where the monitor is.
        cluster: Whose the sessions are; None: the only one's, or as the URL says.

    Raises:
        ValueError: It is no URL of ours.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/", PATH):
        raise ValueError(f"{url!r} is no address of a monitor, such as http://127.0.0.1:8000")
    query = parts.query if cluster is None else urlencode({"cluster": cluster})
    return parts._replace(path=PATH, query=query, fragment="").geturl()


def block(url: str, events: Sequence[str], *, token: bool = False) -> dict[str, Any]:
    """What stands in a settings file that has nothing else."""
    return {"hooks": {event: [_group(url, token)] for event in events}}


def installed(text: str, url: str, events: Sequence[str], *, token: bool = False) -> str:
    """The settings with our entry for each of these events, and for no other.

    Args:
        text: The settings.
        url: Our route.
        events: Which.
        token: Whether ORCHESTRATOR_TOKEN is to be shown. An entry that has headers already keeps them.

    Raises:
        JsonTextError: It can't be changed; one line.
    """
    mark, text = _checked(text)
    text = _without_ours(text, keep=events)
    for event in events:
        text = _with_event(text, url, event, token)
    return mark + text


def removed(text: str) -> str:
    """The settings without our entries, and without what only held them.

    Raises:
        JsonTextError: It can't be changed; one line.
    """
    mark, text = _checked(text)
    return mark + _without_ours(text, keep=())


def obstacles(text: str, url: str, *, token: bool = False) -> list[str]:
    """Why Claude Code would send nothing, although our entries are there: a line each."""
    _, text = _checked(text)
    outermost = json_text.top(text)
    found = []
    off = outermost.get("disableAllHooks")
    if off is not None and off.value is True:
        found.append("disableAllHooks is true there: no hook is sent")
    allowed = outermost.get("allowedHttpHookUrls")
    if allowed is not None and isinstance(allowed.value, list):
        patterns = [pattern for pattern in allowed.value if isinstance(pattern, str)]
        if not any(_matches(url, pattern) for pattern in patterns):
            found.append(f"allowedHttpHookUrls there doesn't allow {url}: no hook is sent")
    names = outermost.get("httpHookAllowedEnvVars")
    if token and names is not None and isinstance(names.value, list) and TOKEN_VARIABLE not in names.value:
        found.append(f"httpHookAllowedEnvVars there doesn't allow {TOKEN_VARIABLE}: hooks are sent without a token")
    return found


def _matches(url: str, pattern: str) -> bool:
    """As Claude Code compares them: `*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), url) is not None


class _Ours(NamedTuple):
    """One of our entries, with all that it stands in."""

    event: Member
    groups: Container
    group: Member
    entries: Container
    entry: Member


def _checked(text: str) -> tuple[str, str]:
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    if not text.strip(" \t\r\n"):
        text = "{}\n"
    json_text.check(text)
    return mark, text


def _group(url: str, token: bool) -> dict[str, Any]:
    return {"hooks": [{"type": "http", "url": url, "timeout": TIMEOUT, **(_WITH_TOKEN if token else {})}]}


def _hooks(text: str) -> Container | None:
    """The object under `hooks`, where there is one."""
    member = json_text.top(text).get("hooks")
    if member is None:
        return None
    if not isinstance(member.value, dict):
        raise JsonTextError("hooks is no object there")
    return json_text.container(text, member.value_at)


def _ours(text: str) -> Iterator[_Ours]:
    hooks = _hooks(text)
    for event in hooks.members if hooks else ():
        if not isinstance(event.value, list):
            continue
        groups = json_text.container(text, event.value_at)
        for group in groups.members:
            held = json_text.container(text, group.value_at).get("hooks") if isinstance(group.value, dict) else None
            if held is None or not isinstance(held.value, list):
                continue
            entries = json_text.container(text, held.value_at)
            for entry in entries.members:
                if _is_ours(entry.value):
                    yield _Ours(event, groups, group, entries, entry)


def _is_ours(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.get("type") != "http" or not isinstance(entry.get("url"), str):
        return False
    try:
        return urlsplit(entry["url"]).path == PATH
    except ValueError:
        return False


def _without_ours(text: str, keep: Sequence[str]) -> str:
    """One at a time, since the places of the others change with it."""
    while ours := next((held for held in _ours(text) if held.event.key not in keep), None):
        text = _without(text, ours)
    return text


def _without(text: str, ours: _Ours) -> str:
    if len(ours.entries.members) > 1:
        return json_text.without(text, ours.entries, ours.entry)
    if len(ours.groups.members) > 1:
        return json_text.without(text, ours.groups, ours.group)
    outermost = json_text.top(text)
    member = outermost.get("hooks")
    assert member is not None  # noqa: S101 - ours stands in it
    hooks = json_text.container(text, member.value_at)
    if len(hooks.members) > 1:
        return json_text.without(text, hooks, ours.event)
    return json_text.without(text, outermost, member)


def _with_event(text: str, url: str, event: str, token: bool) -> str:
    known = [held for held in _ours(text) if held.event.key == event]
    if known:
        text = _with_address(text, url, known)
        return _with_token(text, event) if token else text
    hooks = _hooks(text)
    if hooks is None:
        return json_text.with_more(text, json_text.top(text), {event: [_group(url, token)]}, "hooks")
    member = hooks.get(event)
    if member is None:
        return json_text.with_more(text, hooks, [_group(url, token)], event)
    if not isinstance(member.value, list):
        raise JsonTextError(f"hooks.{event} is no list there")
    return json_text.with_more(text, json_text.container(text, member.value_at), _group(url, token))


def _with_address(text: str, url: str, known: Sequence[_Ours]) -> str:
    """Only the address of those that are there: whatever somebody added to one stays."""
    for held in reversed(known):
        member = json_text.container(text, held.entry.value_at).get("url")
        if member is not None and member.value != url:
            text = json_text.replaced(text, member, url)
    return text


def _with_token(text: str, event: str) -> str:
    """The token for each of ours that has no headers; one at a time, since the places of the others change with it."""
    while bare := next(
        (held for held in _ours(text) if held.event.key == event and "headers" not in held.entry.value), None
    ):
        for key, value in _WITH_TOKEN.items():
            entry = json_text.container(text, bare.entry.value_at)  # where it begins stays
            if entry.get(key) is None:
                text = json_text.with_more(text, entry, value, key)
    return text
