"""Claude Code's hooks, in the bodies that version 2.1.330 sends: what each makes of its session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.model import AgentSample, State
from telemetry.sources.base import Place
from telemetry.sources.push.events import EventError
from telemetry.sources.push.hooks import THINKS_FOR, TOOL_TAKES, parse_hook
from telemetry.sources.push.source import PushOptions, PushSource
from tests.sources.test_push_events import NESTED, harmless

T = TypeVar("T")
NOW = 1_800_000_000.0
SECRET = "the plan nobody may read"
SCOUT = "ascout-24d8315dfa72456b"


def body(event: str, session: str = "lead-1", **more: Any) -> dict[str, Any]:
    """With all that every hook carries, and content that must stay where it is."""
    return {
        "session_id": session,
        "transcript_path": f"/home/u/.claude/projects/{SECRET}.jsonl",
        "cwd": "/home/ada/project",
        "prompt_id": "0c7d",
        "permission_mode": "default",
        "effort": {"level": "high"},
        "hook_event_name": event,
        "prompt": SECRET,
        "tool_input": {"command": SECRET},
        "tool_response": {"stdout": SECRET},
        "message": SECRET,
        "last_assistant_message": SECRET,
        "error_message": SECRET,
        **more,
    }


class Sessions:
    """A push source that is told one hook after the other, in the loop of `runner`."""

    def __init__(self, runner: asyncio.Runner, **options: Any) -> None:
        self.push = PushSource(Place("main", PushOptions(**options)))
        self.now = NOW
        self._runner = runner

    def hear(self, event: str, session: str = "lead-1", *, name: str | None = None, **more: Any) -> str:
        return self.take(body(event, session, **more), name)

    def take(self, sent: dict[str, Any], name: str | None = None) -> str:
        """A body as it is; the name of the agent that it is of."""
        self.now += 1
        heard = self._in_loop(lambda: self.push.hear(name, sent, self.now))
        assert not heard.problem
        return heard.agent

    def agents(self, later: float = 0.0) -> dict[str, AgentSample]:
        reading = self._in_loop(lambda: self.push.glance(self.now + later))
        assert reading is not None
        assert SECRET not in repr(reading)
        return {agent.name: agent for agent in reading.agents}

    def states(self, later: float = 0.0) -> dict[str, State | None]:
        return {name: agent.reported for name, agent in self.agents(later).items()}

    def only(self, later: float = 0.0) -> AgentSample:
        (agent,) = self.agents(later).values()
        return agent

    def _in_loop(self, call: Callable[[], T]) -> T:
        async def program() -> T:
            return call()

        return self._runner.run(program())


@contextmanager
def begun(**options: Any) -> Iterator[Sessions]:
    """A source that has been read once, and is closed in the end."""
    with asyncio.Runner() as runner:
        held = Sessions(runner, **options)
        runner.run(held.push.read(NOW))
        yield held
        runner.run(held.push.close())


@pytest.fixture
def sessions() -> Iterator[Sessions]:
    with begun() as held:
        yield held


BASH = {"tool_name": "Bash", "tool_use_id": "toolu_1"}
BUSY: tuple[str, dict[str, Any]] = ("UserPromptSubmit", {})
ASKED = ("PermissionRequest", BASH)


@pytest.mark.parametrize(
    ("hooks", "state", "reason"),
    [
        ([("SessionStart", {"source": "startup"})], State.IDLE, "its session began (startup)"),
        ([BUSY], State.BUSY, "was given a prompt"),
        ([BUSY, ("PreToolUse", BASH)], State.BUSY, "uses Bash"),
        ([BUSY, ("PreToolUse", BASH), ("PostToolUse", BASH)], State.BUSY, "is at its turn"),
        ([BUSY, ASKED], State.WAITING, "asks for permission to use Bash"),
        ([BUSY, ASKED, ("PostToolUse", BASH)], State.BUSY, "is at its turn"),
        ([BUSY, ("PreToolUse", {"tool_name": "AskUserQuestion"})], State.WAITING, "asks a person (AskUserQuestion)"),
        (
            [BUSY, ("PostToolUseFailure", {**BASH, "error": "stopped", "is_interrupt": True})],
            State.IDLE,
            "was interrupted",
        ),
        ([BUSY, ("Notification", {"notification_type": "permission_prompt"})], State.WAITING, "asks for permission"),
        ([BUSY, ("Notification", {"notification_type": "idle_prompt"})], State.IDLE, "waits for the next prompt"),
        ([BUSY, ("Notification", {"notification_type": "auth_success"})], State.BUSY, "was given a prompt"),
        ([BUSY, ("Stop", {"stop_hook_active": False, "background_tasks": []})], State.IDLE, "has finished its turn"),
        ([BUSY, ("StopFailure", {"error": "unknown"})], State.IDLE, "its turn failed: unknown"),
        (
            [BUSY, ("StopFailure", {"error": "rate_limit", "error_details": "429 Too Many Requests"})],
            State.IDLE,
            "its turn failed: rate_limit, 429 Too Many Requests",
        ),
        ([BUSY, ("TaskCompleted", {"task_id": "1", "task_subject": SECRET})], State.BUSY, "was given a prompt"),
        ([BUSY, ("OfTheFuture", {"x": 1})], State.BUSY, "was given a prompt"),
        ([("OfTheFuture", {})], None, ""),
    ],
)
def test_what_a_hook_makes_of_its_session(
    sessions: Sessions, hooks: list[tuple[str, dict[str, Any]]], state: State | None, reason: str
) -> None:
    for event, more in hooks:
        sessions.hear(event, **more)
    agent = sessions.only()
    assert (agent.reported, agent.reason) == (state, reason)
    assert (agent.name, agent.running, agent.has_work) == ("project", True, None)
    assert (agent.detail.session_id, agent.detail.folder, agent.detail.named) == ("lead-1", "/home/ada/project", False)


def test_a_turn_is_not_believed_for_ever(sessions: Sessions) -> None:
    """A person who interrupts Claude Code makes it send nothing: that turn must not look busy till doomsday."""

    sessions.hear("UserPromptSubmit")
    assert sessions.only(THINKS_FOR - 1).reported is State.BUSY
    assert sessions.only(THINKS_FOR).reported is State.IDLE
    sessions.hear("PreToolUse", **BASH)
    assert sessions.only(THINKS_FOR).reported is State.BUSY, "a tool takes longer than a thought"
    assert sessions.only(TOOL_TAKES).reported is State.UNRESPONSIVE
    sessions.hear("Stop")
    assert sessions.only(80_000).reported is State.IDLE, "a session at rest promised nothing"


def test_sessions_of_one_folder_are_told_apart_and_end_in_order(sessions: Sessions) -> None:
    assert sessions.hear("UserPromptSubmit", "s-1") == "project"
    assert sessions.hear("Stop", "s-2") == "project#2"
    assert sessions.hear("Stop", "s-3", name="reviewer") == "reviewer"
    assert sessions.states() == {"project": State.BUSY, "project#2": State.IDLE, "reviewer": State.IDLE}
    sessions.hear("SessionEnd", "s-1", reason="prompt_input_exit")
    sessions.hear("SessionEnd", "unknown", reason="other")
    assert list(sessions.states()) == ["project#2", "reviewer"]
    assert sessions.hear("Stop", "s-4") == "project"


def test_a_cleared_session_goes_on_as_the_same_agent(sessions: Sessions) -> None:
    sessions.hear("UserPromptSubmit", "s-1")
    sessions.hear("SessionEnd", "s-1", reason="clear")
    assert sessions.only().reported is State.IDLE
    assert sessions.hear("UserPromptSubmit", "s-2") == "project"
    agent = sessions.only()
    assert (agent.reported, agent.detail.session_id) == (State.BUSY, "s-2")
    assert sessions.hear("Stop", "s-3") == "project#2", "the next one is another agent"


def test_subagents_keep_their_session_busy(sessions: Sessions) -> None:
    sessions.hear("UserPromptSubmit")
    sessions.hear("SubagentStart", agent_id="a1", agent_type="Explore")
    sessions.hear("SubagentStart", agent_id="a2", agent_type="Plan")
    assert sessions.only().reason == "was given a prompt"
    sessions.hear("Stop")
    assert (sessions.only().reported, sessions.only().reason) == (State.BUSY, "2 subagents are at work")
    sessions.hear("SubagentStop", agent_id="a1", agent_type="Explore")
    assert sessions.only().reason == "a subagent is at work"
    sessions.hear("PermissionRequest", agent_id="a2", agent_type="Plan", **BASH)
    assert sessions.only().reported is State.WAITING
    sessions.hear("PostToolUse", agent_id="a2", agent_type="Plan", **BASH)
    assert sessions.only().reason == "a subagent is at work"
    sessions.hear("SubagentStop", agent_id="a2", agent_type="Plan")
    assert sessions.only().reported is State.IDLE
    assert sessions.only().role == "", "a subagent's kind is not its session's"


@pytest.mark.parametrize("asks", [{"agent_id": "a1", "agent_type": "Plan"}, {}], ids=["subagent", "session"])
def test_a_question_is_not_answered_by_another_subagent_that_works(sessions: Sessions, asks: dict[str, str]) -> None:
    other = {"agent_id": "a2", "agent_type": "Explore"}
    sessions.hear("UserPromptSubmit")
    sessions.hear("SubagentStart", agent_id="a1", agent_type="Plan")
    sessions.hear("SubagentStart", **other)
    sessions.hear("PermissionRequest", **asks, **BASH)
    sessions.hear("Notification", notification_type="permission_prompt")
    sessions.hear("PostToolUse", **other, **BASH)
    sessions.hear("SubagentStop", **other)
    sessions.hear("OfTheFuture", agent_id="a1", agent_type="Plan")
    sessions.hear("PostToolUse", **other, **BASH)
    assert sessions.only().reported is State.WAITING
    sessions.hear("PostToolUse", **asks, **BASH)
    assert sessions.only().reported is State.BUSY


def test_two_questions_are_answered_when_both_are(sessions: Sessions) -> None:
    for one in ("a1", "a2"):
        sessions.hear("SubagentStart", agent_id=one, agent_type="Plan")
        sessions.hear("PermissionRequest", agent_id=one, agent_type="Plan", **BASH)
    sessions.hear("PostToolUse", agent_id="a2", agent_type="Plan", **BASH)
    assert sessions.only().reported is State.WAITING
    sessions.hear("SubagentStop", agent_id="a1", agent_type="Plan")
    assert sessions.only().reported is State.BUSY, "who asked has ended"


def test_where_nobody_says_who_asks_whoever_goes_on_was_answered(sessions: Sessions) -> None:
    sessions.hear("SubagentStart", agent_id="a1", agent_type="Plan")
    sessions.hear("Notification", notification_type="permission_prompt")
    assert sessions.only().reported is State.WAITING
    sessions.hear("PostToolUse", agent_id="a1", agent_type="Plan", **BASH)
    assert sessions.only().reported is State.BUSY


def test_a_teammate_in_the_leads_process_is_an_agent_and_not_the_lead(sessions: Sessions) -> None:
    scout = {"agent_id": SCOUT, "agent_type": "scout"}
    sessions.hear("UserPromptSubmit")
    sessions.hear("SubagentStart", **scout)
    sessions.hear("TeammateIdle", **scout, teammate_name="scout", team_name="session-1aa2a385")
    assert sessions.states() == {"project": State.BUSY, "scout": State.IDLE}
    mate = sessions.agents()["scout"]
    assert (mate.detail.session_id, mate.detail.named) == ("", True), "the session is the lead's"
    sessions.hear("Stop")
    sessions.hear("PreToolUse", **scout, **BASH)
    assert sessions.agents()["scout"].reason == "uses Bash"
    sessions.hear("SessionEnd", reason="other")
    assert sessions.agents() == {}


def test_a_teammate_in_a_pane_is_its_own_session_and_gets_its_name(sessions: Sessions) -> None:
    sessions.hear("UserPromptSubmit", "lead-1")
    sessions.hear("Stop", "mate-1", agent_type="general-purpose")
    assert list(sessions.states()) == ["project", "project#2"]
    idle = {"agent_type": "general-purpose", "teammate_name": "scout", "team_name": "session-lead"}
    assert sessions.hear("TeammateIdle", "mate-1", **idle) == "scout"
    assert sessions.states() == {"project": State.BUSY, "scout": State.IDLE}
    mate = sessions.agents()["scout"]
    assert (mate.detail.session_id, mate.detail.named, mate.role) == ("mate-1", True, "general-purpose")
    assert sessions.hear("TeammateIdle", "mate-2", **idle) == "scout", "the same one, in another session"
    other = {**idle, "team_name": "session-other"}
    assert sessions.hear("TeammateIdle", "mate-3", **other) == "scout#2"


def test_what_is_no_hook_is_refused_with_a_line() -> None:
    with pytest.raises(EventError, match="hook_event_name must be a text"):
        parse_hook({"session_id": "s"})
    with pytest.raises(EventError, match="session_id must be a text of 1 to 128 characters"):
        parse_hook({"hook_event_name": "Stop"})


EVENTS = st.sampled_from([
    "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest",
    "Notification", "Stop", "StopFailure", "SubagentStart", "SubagentStop", "TeammateIdle", "TaskCompleted",
    "SessionEnd", "Elicitation", "Other",
])  # fmt: skip
FIELDS = st.sampled_from([
    "cwd", "agent_id", "agent_type", "agent_name", "teammate_name", "team_name", "tool_name", "notification_type",
    "source", "reason", "error", "error_details", "is_interrupt",
])  # fmt: skip
HOOKS = st.tuples(EVENTS, st.sampled_from(["s-1", "s-2", "s-3"]), st.dictionaries(FIELDS, NESTED, max_size=5))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(HOOKS, max_size=12))
def test_whatever_stands_in_them_they_are_accepted(hooks: list[tuple[str, str, dict[str, Any]]]) -> None:
    with begun(most_agents=1000) as sessions:
        for event, session, more in hooks:
            sessions.take({"hook_event_name": event, "session_id": session, **more})
            for name, agent in sessions.agents().items():
                assert name == agent.name
                assert harmless(name)
                assert harmless(agent.reason)
                assert len(agent.reason) < 400
