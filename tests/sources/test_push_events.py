"""Our own form of an event: strict, and one line that says what is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.model import State
from telemetry.sources.push.events import EventError, PushEvent, parse

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["state", "reason", "task", "ttl", "pid", "pid_space", "role", "has_work", "cluster", "session_id", "pane_id"]
)
WORDS = st.sampled_from(["busy", "idle", "waiting", "stopped", "ended", "%3", "s-1"])


def harmless(text: str) -> bool:
    """One line, without a character that acts on a terminal or can't be encoded."""
    return text.encode() == b"" or min(text) >= " "


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({}, PushEvent()),
        ({"state": "waiting", "reason": "asks"}, PushEvent(State.WAITING, reason="asks")),
        ({"state": "ended"}, PushEvent(ended=True)),
        ({"cluster": "main", "ttl": 5, "pid": 7}, PushEvent(ttl=5.0, pid=7)),
        ({"task": "a\n b\x1b[2J"}, PushEvent(task="a b")),
        ({"task": "key AKIAIOSFODNN7EXAMPLE"}, PushEvent(task="key [redacted]")),
    ],
)
def test_what_is_said(body: dict[str, Any], event: PushEvent) -> None:
    assert parse(body) == event


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"stat": "busy"}, "'stat' is not known: known are state, reason, task, ttl, "),
        ({"state": "flying"}, "state is 'flying': it must be one of busy, idle, waiting, stopped, ended"),
        ({"state": "unresponsive"}, "state is 'unresponsive': it must be one of "),
        ({"state": None}, "state is null: it must be one of "),
        ({"state": ["busy"]}, "state is a list: it must be one of "),
        ({"ttl": "60"}, "ttl is '60': it must be a number of seconds from 0.1 to 86400"),
        ({"ttl": 0}, "ttl is 0: it must be a number of seconds from 0.1 to 86400"),
        ({"ttl": float("nan")}, "ttl is nan: it must be a number"),
        ({"ttl": True}, "ttl is true: it must be a number"),
        ({"ttl": 10**400}, "ttl is 1000"),
        ({"pid": 0}, "pid is 0: it must be the number of a process"),
        ({"pid": 1.5}, "pid is 1.5: it must be the number of a process"),
        ({"has_work": 1}, "has_work is 1: it must be true or false"),
        ({"pane_id": "3"}, "pane_id is '3': it must be a tmux pane such as %3"),
        ({"session_id": " "}, "session_id is '': it must be a text of 1 to 128 characters"),
        ({"reason": "asks"}, "reason stands without a state: "),
    ],
)
def test_what_cannot_be_used_is_one_line(body: dict[str, Any], line: str) -> None:
    with pytest.raises(EventError) as refused:
        parse(body)
    assert str(refused.value).startswith(line)
    assert harmless(str(refused.value))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS | st.text(max_size=10), WORDS | NESTED, max_size=6))
def test_any_object_is_an_event_or_a_line(body: dict[str, Any]) -> None:
    try:
        event = parse(body)
    except EventError as error:
        assert harmless(str(error))  # noqa: PT017 - either outcome is right
        assert 0 < len(str(error)) < 500  # noqa: PT017 - as above
    else:
        for text in (event.reason, event.task, event.role):
            assert harmless(text or "")
            assert len(text or "") <= 500
