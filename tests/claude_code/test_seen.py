"""What a person sees of the real Claude Code: our whole daemon beside real programs in real panes, found by itself.

Checks are a minute apart, so that what is seen was heard.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence

import pytest

from tests.claude_code.fixtures import ClaudeCode
from tests.claude_code.program import TEAMS
from tests.claude_code.seen_daemon import watching
from tests.claude_code.seen_follow import STATES, Follower
from tests.claude_code.seen_turns import Turns
from tests.daemons import run
from tests.sources.real_tmux import is_dead

pytestmark = pytest.mark.slow
STOPPED = "agent_stopped"


def test_turns_and_questions_and_why_they_are_believed(claude_code: ClaudeCode) -> None:
    program = claude_code.start("--name", "digger")
    with watching(claude_code) as seen:
        idle = seen.wait_for("digger", "idle", pid=program.pid, session_id=program.session_id, pane_id=program.pane)
        assert idle["folder"] == str(claude_code.home.project)
        program.say("hold on")
        seen.wait_for("digger", "busy", reason="reports busy")
        claude_code.stub.release("on")
        seen.wait_for("digger", "idle")

        program.say("ask")
        asks = seen.wait_for("digger", "waiting")
        assert asks["reason"] == "waits for a person: permission prompt"
        told = seen.explain("digger")
        believed = {word["source"]: word["believed_for"] for word in told["words"]}
        assert believed == {"claude": ["life", "state"], "tmux": []}
        assert told["words"][0]["says"] == "waiting"
        program.allow()
        seen.wait_for("digger", "idle")
        program.say("ask touch something-else")
        seen.wait_for("digger", "waiting")
        program.deny()
        seen.wait_for("digger", "idle")

        program.say("work 0")  # an answer of the model to what was turned down is always the same
        program.wait_for("idle")
        program.say("shell 3")
        seen.wait_for("digger", "busy", reason="its turn is over, but a command that it started still runs")
        seen.wait_for("digger", "idle")
        assert set(seen.agents()) == {"digger"}
        assert seen.fired() == []


@pytest.mark.parametrize("how", ["by a command", "by SIGTERM"])
def test_who_leaves_by_itself_is_not_missed(claude_code: ClaudeCode, how: str) -> None:
    goes, stays = claude_code.start("--name", "goes"), claude_code.start("--name", "stays")
    with watching(claude_code) as seen:
        seen.wait_for("goes", "idle", pid=goes.pid)
        assert set(seen.said_by("goes")) == {"claude", "tmux"}
        if how == "by a command":
            goes.leave()
        else:
            goes.end(signal.SIGTERM)
        seen.wait(lambda: set(seen.agents()) == {"stays"}, "nobody expects it")
        assert "stopped" not in seen.changes("goes")
        assert seen.fired() == []
        seen.wait_for("stays", "idle", pid=stays.pid)


def test_killed_and_resumed(claude_code: ClaudeCode) -> None:
    other = claude_code.start("--name", "other")
    program = claude_code.start("--name", "digger")
    program.say("work 0")
    program.wait_for("idle")
    with watching(claude_code) as seen:
        seen.wait_for("digger", "idle")
        program.say("hold on")
        seen.wait_for("digger", "busy")
        program.end()
        gone = seen.wait_for("digger", "stopped", running=False, pid=None)
        assert f"process {program.pid}" in gone["reason"]
        assert seen.wait(lambda: seen.open_alerts().get(("digger", STOPPED)), "the alert")["level"] == "error"
        assert program.record is not None, "the program leaves its file behind"
        assert seen.wait(lambda: seen.said_by("digger").get("claude"), "the ghost") == "stopped"

        again = program.resumed()
        seen.wait_for("digger", "idle", pid=again.pid, restart_count=1, session_id=program.session_id)
        alert = seen.wait(lambda: seen.open_alerts().get(("digger", STOPPED)), "the alert")
        assert alert["suppressed"] == "its cause is over; whether that lasts is being waited for"
        assert seen.metric("orchestrator_agent_up", agent_name="digger") == 1
        assert seen.states() == {"other": "idle", "digger": "idle"}
        again.say("hold again")
        seen.wait_for("digger", "busy")
        assert not is_dead(other.pid)


@pytest.fixture(params=["all of this person's", "that tmux server's"])
def place(request: pytest.FixtureRequest, claude_code: ClaudeCode) -> list[str]:
    """What a daemon is told: nothing, or which tmux server its cluster is; teammates are where their lead is."""
    return ["--tmux-socket", claude_code.tmux.socket_name] if request.param.startswith("that") else []


def test_a_team_in_panes(claude_code: ClaudeCode, place: list[str]) -> None:
    lead = claude_code.start("--name", "boss", "--teammate-mode", "tmux", variables=TEAMS)
    with watching(claude_code, *place) as seen:
        seen.wait_for("boss", "idle")
        lead.say("team scout ask")  # before it told its lead anything, whose reading may be in the way of a question
        # its own question stands in its lead's inbox for half a second only: a machine that is slow may miss it there
        seen.wait_for("boss", "waiting")
        assert seen.agents()["scout"]["state"] in {"busy", "waiting"}
        lead.allow()
        pid = lead.wait_for_member("scout", active=False)
        scout = seen.wait_for("scout", "idle", pid=pid)
        assert scout["pane_id"] == lead.member("scout")["tmuxPaneId"]
        lead.say("tell scout hold on")
        seen.wait_for("scout", "busy", pid=pid)
        claude_code.stub.release("on")
        seen.wait_for("scout", "idle", pid=pid)
        assert set(seen.agents()) == {"boss", "scout"}
        assert seen.fired() == []

        os.kill(pid, signal.SIGKILL)
        seen.wait_for("scout", "stopped", running=False)
        ghost = seen.wait(lambda: "ghost" in seen.agents()["scout"]["reason"] and seen.agents()["scout"], "the ghost")
        assert ghost["reason"].endswith(f"but its process {pid} is gone: it was killed by signal 9 (SIGKILL)")
        assert ("scout", STOPPED) in seen.open_alerts()
        assert seen.agents()["boss"]["running"]


def test_a_team_in_one_process(claude_code: ClaudeCode, place: list[str]) -> None:
    lead = claude_code.start("--name", "boss", variables=TEAMS)
    with watching(claude_code, *place) as seen:
        lead.say("team scout hold on")
        assert lead.member("scout")["tmuxPaneId"] == "in-process"
        seen.wait_for("scout", "busy", reason="works in the process of its lead boss")
        claude_code.stub.release("on")
        seen.wait_for("scout", "idle")
        seen.wait_for("boss", "idle")
        lead.end()
        seen.wait_for("boss", "stopped", running=False)
        seen.wait_for("scout", "stopped", running=False)
        ghost = seen.wait(lambda: "ghost" in seen.agents()["scout"]["reason"] and seen.agents()["scout"], "the ghost")
        assert "but the process of its lead, in which it lived, is gone" in ghost["reason"]
        assert set(seen.agents()) == {"boss", "scout"}


def test_tasks_of_a_team(claude_code: ClaudeCode) -> None:
    lead = claude_code.start("--name", "boss", "--model", "claude-opus-4-5", variables=TEAMS)
    tasks = [{"subject": f"task {number}", "description": "made up", "activeForm": "doing"} for number in (1, 2)]
    with watching(claude_code) as seen:
        seen.wait_for("boss", "idle", has_work=None)
        for task in tasks:
            lead.say(f"tool TaskCreate {json.dumps(task)}")
            lead.wait_for("idle")
        team = f"session-{lead.session_id[:8]}"
        seen.wait(lambda: seen.metric("orchestrator_team_tasks", team=team, status="open") == 2, "two open tasks")
        lead.say(f"tool TaskUpdate {json.dumps({'taskId': '1', 'status': 'in_progress', 'owner': 'team-lead'})}")
        seen.wait_for("boss", "idle", has_work=True, task="task 1")
        seen.wait(lambda: seen.metric("orchestrator_team_tasks", team=team, status="in_progress") == 1, "one under way")
        for number in ("1", "2"):
            lead.say(f"tool TaskUpdate {json.dumps({'taskId': number, 'status': 'completed'})}")
            lead.wait_for("idle")
        seen.wait_for("boss", "idle", has_work=False)


def test_with_hooks_nobody_is_seen_twice(claude_code: ClaudeCode) -> None:
    claude_code.tmux.session("somebody-else's")
    with watching(claude_code) as seen:
        settings = str(claude_code.home.claude / "settings.json")
        done = run(seen.daemon.home, "hooks", "install", "--url", seen.daemon.url, "--settings", settings)
        assert done.returncode == 0, done.stderr
        lead = claude_code.start("--name", "boss", variables=TEAMS)
        nameless = claude_code.start()
        lead.say("team scout hold on")
        seen.wait_for("scout", "busy")
        nameless.say("ask")
        claude_code.stub.release("on")
        seen.wait_for("scout", "idle")
        waiting = [agent for agent in seen.agents().values() if agent["pid"] == nameless.pid]
        assert [agent["session_id"] for agent in waiting] == [nameless.session_id]
        name = waiting[0]["name"]
        seen.wait_for(name, "waiting")
        seen.wait(lambda: set(seen.said_by(name)) >= {"claude", "push"}, "both speak of it")
        nameless.allow()
        seen.wait_for(name, "idle")
        lead.say("work 0.2")
        seen.wait_for("boss", "idle")
        assert set(seen.agents()) == {"boss", "scout", name}
        nameless.leave()
        seen.wait(lambda: set(seen.agents()) == {"boss", "scout"}, "the nameless one has left")
        lead.leave()
        seen.wait(lambda: not seen.agents(), "all have left")
        assert seen.fired() == []


def test_five_at_once_say_what_their_files_say(claude_code: ClaudeCode) -> None:
    names = [f"agent-{number}" for number in range(1, 6)]
    programs = [claude_code.start("--name", name) for name in names]
    with watching(claude_code) as seen:
        seen.wait(lambda: seen.states() == dict.fromkeys(names, "idle"), "all five")
        with Follower(claude_code.home.sessions, names, {"ours": seen.daemon.out}) as follower:
            turns = Turns(programs, claude_code.stub)
            for _ in range(10):
                turns.take_one()
                files = {name: STATES[program.status] for name, program in zip(names, programs, strict=True)}
                seen.wait(lambda files=files: seen.states() == files, f"{files}")  # type: ignore[misc]
            turns.finish_all()
            seen.wait(lambda: seen.states() == dict.fromkeys(names, "idle"), "all five have finished")
        for name in names:
            said = [word.state for word in follower.files if word.agent == name]
            ours = [word.state for word in follower.told["ours"] if word.agent == name]
            assert is_part(ours, said), f"{name} was said to be {ours}, but it was {said}"
        assert turns.questions
        assert seen.fired() == []


def is_part(some: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether these come in that order in the whole."""
    rest = iter(whole)
    return all(one in rest for one in some)
