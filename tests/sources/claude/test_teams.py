"""Teams: members in their lead's process and in panes of their own, ghosts, messages and tasks."""

from __future__ import annotations

import os
from typing import Any

import pytest

from telemetry.model import State, TeamTasks
from tests.sources.claude.world import BOOTED_AT, NOBODY, START, World, a_member, a_note, a_task, millis

ID = "16c3c462-dc11-40c9-9b5b-d2051659a3bb"
TEAM = "session-16c3c462"
PANE: dict[str, Any] = {"tmuxPaneId": "%2", "backendType": "tmux"}


def lead(world: World, **more: object) -> int:
    pid = world.process()
    world.session(pid, ID, **more)
    return pid


def test_a_session_and_the_team_that_is_made_for_it_are_one_agent(world: World) -> None:
    pid = lead(world)
    world.team(TEAM, session_id=ID, pid=pid)
    agent = world.only()
    assert (agent.name, agent.role, agent.detail.named) == ("project-09", "team-lead", False)
    assert (agent.pid, agent.reported) == (pid, State.IDLE)


def test_the_lead_of_a_team_that_somebody_named(world: World) -> None:
    pid = lead(world)
    world.team("reviewers", session_id=ID, pid=pid)
    other = world.process()
    world.session(other, "another-id", name="x")
    world.team("writers", session_id="another-id", pid=other)
    assert {name: agent.pid for name, agent in world.read().items()} == {"team-lead": pid, "team-lead@writers": other}


def test_a_member_in_its_leads_process(world: World) -> None:
    pid = lead(world, status="busy")
    world.team(TEAM, a_member(TEAM), session_id=ID, pid=pid)
    agents = world.read()
    assert list(agents) == ["project-09", "scout"], "the lead first: its process is its own"
    scout = agents["scout"]
    assert (scout.running, scout.pid, scout.reported) == (True, pid, State.BUSY)
    assert scout.role == "general-purpose (claude-opus-5-5)"
    world.session(pid, ID, status="idle")
    assert world.read(at=2)["scout"].reported is State.IDLE
    world.session(pid, ID, status="busy")
    world.inbox(TEAM, "team-lead", a_note("scout", {"type": "idle_notification", "from": "scout"}, at=3))
    scout = world.read(at=4)["scout"]
    assert (scout.reported, scout.last_activity) == (State.IDLE, START + 3)
    world.inbox(TEAM, "team-lead")
    assert world.read(at=5)["scout"].reported is State.IDLE, "also after the message was read"
    world.inbox(TEAM, "scout", a_note("team-lead", "go on", at=6))
    assert world.read(at=7)["scout"].reported is State.BUSY
    world.kill(pid)
    scout = world.read(at=8)["scout"]
    assert not scout.running
    assert scout.reason == (
        f"a ghost: in the configuration of team {TEAM}, but the process of its lead, in which it lived, is gone"
    )


def test_a_member_in_a_pane_is_found_by_its_command_line(world: World) -> None:
    pid = lead(world, status="busy")
    scout = world.teammate("scout", TEAM)
    world.team(TEAM, a_member(TEAM, **PANE, isActive=True), session_id=ID, pid=pid)
    agent = world.read()["scout"]
    assert (agent.pid, agent.reported, agent.detail.pane_id) == (scout, State.BUSY, "%2")
    world.team(TEAM, a_member(TEAM, **PANE, isActive=False), session_id=ID, pid=pid)
    assert world.read(at=2)["scout"].reported is State.IDLE, "although its lead says busy"
    world.kill(scout)
    agent = world.read(at=3)["scout"]
    assert not agent.running
    assert agent.reason == f"a ghost: in the configuration of team {TEAM}, but its process {scout} is gone"
    again = world.teammate("scout", TEAM)
    agent = world.read(at=5)["scout"]
    assert (agent.pid, agent.restart_count) == (again, 1)


def test_busy_of_a_lead_with_teammates_in_panes_is_not_taken_at_its_word(world: World) -> None:
    pid = lead(world, status="busy")
    scout = world.teammate("scout", TEAM)
    world.team(TEAM, a_member(TEAM, **PANE, isActive=False), session_id=ID, pid=pid)
    assert world.read()["project-09"].reported is State.BUSY, "at first it is"
    agent = world.read(at=6)["project-09"]
    assert agent.reported is State.IDLE
    assert agent.reason == "its process does nothing; it says busy as long as teammates in panes live"
    world.kill(scout)
    assert world.read(at=11)["project-09"].reported is State.BUSY


def test_a_member_outlives_its_lead(world: World) -> None:
    pid = lead(world)
    world.teammate("scout", TEAM)
    world.team(TEAM, a_member(TEAM, **PANE, isActive=True), session_id=ID, pid=pid)
    world.read()
    world.kill(pid)
    agents = world.read(at=2)
    assert {name: agent.running for name, agent in agents.items()} == {"project-09": False, "scout": True}


def test_a_member_that_never_came(world: World) -> None:
    pid = lead(world)
    world.team(TEAM, a_member(TEAM, tmuxPaneId="", backendType="tmux"), session_id=ID, pid=pid)
    assert set(world.read(at=1)) == {"project-09"}, "it is given time to start"
    ghost = world.read(at=20)["scout"]
    assert not ghost.running
    assert ghost.reason == f"never seen: in the configuration of team {TEAM}, but no process of it runs"


def test_an_orderly_end_of_the_lead_is_no_alarm(world: World) -> None:
    pid = lead(world)
    scout = world.teammate("scout", TEAM)
    config = world.team(TEAM, a_member(TEAM, **PANE, isActive=True), session_id=ID, pid=pid)
    assert len(world.read()) == 2
    (world.root / f"sessions/{pid}.json").unlink()
    world.kill(pid)
    world.kill(scout)
    assert world.read(at=2) == {}, "its file went first: the team is about to go"
    assert set(world.read(at=20)) == {"project", "scout"}, "it didn't"
    config.unlink()
    assert world.read(at=21) == {}


def test_a_member_that_agreed_to_end(world: World) -> None:
    pid = lead(world)
    scout = world.teammate("scout", TEAM)
    world.team(TEAM, a_member(TEAM, **PANE, isActive=True), session_id=ID, pid=pid)
    world.inbox(TEAM, "team-lead", a_note("scout", {"type": "shutdown_approved", "from": "scout"}, at=2))
    assert world.read(at=3)["scout"].running
    world.kill(scout)
    assert set(world.read(at=4)) == {"project-09"}


def test_a_permission_that_a_member_asks_its_lead_for(world: World) -> None:
    pid = lead(world, status="busy", statusUpdatedAt=millis(1))
    world.teammate("scout", TEAM)
    world.team(TEAM, a_member(TEAM, **PANE, isActive=True), session_id=ID, pid=pid)
    request = {"type": "permission_request", "agent_id": "scout", "tool_name": "Bash", "input": {"command": "SECRET"}}
    world.inbox(TEAM, "team-lead", a_note("scout", request, at=2))
    scout = world.read(at=3)["scout"]
    assert scout.reported is State.WAITING
    assert scout.reason == "waits for a permission that a person must give its lead"
    world.session(pid, ID, status="waiting", waitingFor="permission prompt", statusUpdatedAt=millis(4))
    world.inbox(TEAM, "team-lead")
    assert world.read(at=5)["scout"].reported is State.WAITING, "the question stands on the lead's screen now"
    world.session(pid, ID, status="busy", statusUpdatedAt=millis(6))
    assert world.read(at=7)["scout"].reported is State.BUSY
    world.session(pid, ID, status="waiting", waitingFor="dialog open", statusUpdatedAt=millis(8))
    assert world.read(at=9)["scout"].reported is State.BUSY, "that is the lead's own question"


def test_two_members_of_one_name(world: World) -> None:
    for team, session in (("red", "id-red"), ("blue", "id-blue")):
        pid = world.process()
        world.session(pid, session, name=team)
        world.team(team, a_member(team), session_id=session, pid=pid)
    assert {"scout", "scout@red"} <= set(world.read())
    world.make(team="red")
    assert set(world.read(at=2)) == {"team-lead", "scout"}


def test_a_team_that_was_dead_long_before_is_nobody(world: World) -> None:
    booted = BOOTED_AT - START
    for name, age in (("old", 0.0), ("new", 1000.0)):
        path = world.team(name, a_member(name), at=booted + 10 + age, session_id=f"id-{name}")
        os.utime(path, (START + booted + 10 + age,) * 2)
    agents = world.read(at=booted + 10 + 86_400 + 100)
    assert set(agents) == {"team-lead", "scout"}
    assert not any(agent.running for agent in agents.values())
    assert "team new" in agents["scout"].reason
    assert world.source
    assert world.source.leftovers == 2


def test_tasks_are_counted_and_tell_who_has_work(world: World) -> None:
    pid = lead(world, status="busy")
    world.team(TEAM, a_member(TEAM), a_member(TEAM, "writer"), a_member(TEAM, "idler"), session_id=ID, pid=pid)
    assert {agent.has_work for agent in world.read().values()} == {None}
    world.tasks(
        TEAM,
        a_task(1, "completed", "scout"),
        a_task(2, "in_progress", "scout"),
        a_task(3, "pending", "writer", 2),
        a_task(4, "pending", None, 1),
        a_task(5, "deleted"),
    )
    for number, made in enumerate((1, 2, 3, 4, 5), 1):
        os.utime(world.root / f"tasks/{TEAM}/{number}.json", (START + made,) * 2)
    agents = world.read(at=10)
    assert world.reading.tasks == (TeamTasks(TEAM, open=1, in_progress=1, blocked=1, done=1, oldest_at=START + 2),)
    assert {name: agent.has_work for name, agent in agents.items()} == {
        "project-09": False,
        "scout": True,
        "writer": False,
        "idler": False,
    }
    assert agents["scout"].detail.task == "Task 2"
    world.tasks(TEAM, a_task(2, "completed", "scout"))
    agents = world.read(at=20)
    assert (agents["scout"].has_work, agents["writer"].has_work) == (False, True)
    world.inbox(TEAM, "idler", a_note("team-lead", {"type": "task_assignment", "taskId": "4"}, at=21))
    assert world.read(at=22)["idler"].has_work


def test_tasks_of_a_session_alone(world: World) -> None:
    lead(world)
    world.tasks(ID, a_task(1, "in_progress"))
    world.tasks("a-session-of-last-year", a_task(1))
    agent = world.only()
    assert (agent.has_work, agent.detail.task) == (True, "Task 1")
    assert [(tasks.team, tasks.in_progress) for tasks in world.reading.tasks] == [("project-09", 1)]


def test_what_is_not_ours_to_read_is_never_opened_nor_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = lead(world)
    world.team(TEAM, a_member(TEAM), session_id=ID, pid=pid)
    world.inbox(TEAM, "scout", a_note("team-lead", "THE MESSAGE", at=1))
    world.tasks(TEAM, a_task(1, "in_progress", "scout"))
    others = (f"sessions/{pid}.abc.key", f"teams/{TEAM}/config.json.lock", f"tasks/{TEAM}/.lock", "settings.json",
              "history.jsonl", f"projects/x/{ID}.jsonl", f"tasks/{TEAM}/notes.json", "sessions/notes.json")  # fmt: skip
    for other in others:
        world.write(other, "SECRET")
    opened: list[str] = []
    real_open = os.open

    def watched_open(path: str, *arguments: int, **more: int) -> int:
        opened.append(path)
        return real_open(path, *arguments, **more)

    monkeypatch.setattr(os, "open", watched_open)
    world.read()
    monkeypatch.undo()
    files = {path for path in opened if "." in path and "/" not in path}
    assert files == {f"{pid}.json", "config.json", "scout.json", "1.json"}
    assert not any(word in repr(world.reading) for word in ("SECRET", "THE "))


def test_a_dead_lead_of_which_only_the_team_speaks(world: World) -> None:
    world.team("named", session_id="nowhere", pid=NOBODY, at=-20)
    agent = world.only()
    assert agent.reason == f"a ghost: in the configuration of team named, but its process {NOBODY} is gone"
    pid = world.process()
    world.team("named", session_id="nowhere", pid=pid)
    agent = world.only(at=2)
    assert (agent.running, agent.pid) == (True, pid)
