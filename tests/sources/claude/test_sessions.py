"""Sessions as their own files say, with real processes behind them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from telemetry.model import State
from telemetry.sources.claude.source import KIND, ClaudeOptions
from telemetry.store import Store
from tests.sources.claude.world import BOOTED_AT, NOBODY, START, World, millis
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "more", "state", "reason"),
    [
        ("busy", {}, State.BUSY, ""),
        ("idle", {}, State.IDLE, ""),
        ("shell", {}, State.BUSY, "its turn is over, but a command that it started still runs"),
        ("waiting", {"waitingFor": "permission prompt"}, State.WAITING, "waits for a person: permission prompt"),
        ("waiting", {}, State.WAITING, ""),
        ("dreaming", {}, None, "says «dreaming», a word that is not known here"),
    ],
)
def test_state_is_what_the_session_says(
    world: World, status: str, more: dict[str, str], state: State | None, reason: str
) -> None:
    pid = world.process()
    world.session(pid, status=status, statusUpdatedAt=millis(3), updatedAt=millis(3), **more)
    agent = world.only(at=10)
    assert (agent.reported, agent.reason, agent.running, agent.pid) == (state, reason, True, pid)
    assert agent.last_activity == pytest.approx(START + 3)
    assert (agent.name, agent.detail.named, agent.proven) == ("project-09", False, False)
    assert agent.detail.pane_id == "%1"
    assert agent.detail.session_id == "f50b2b6e-f685-44f6-b5cd-9a25d42d0da6"
    assert agent.detail.folder == "/home/somebody/project"


def test_a_killed_session_is_a_ghost_until_its_file_goes(world: World) -> None:
    pid = world.process()
    path = world.session(pid)
    before = world.only()
    assert world.only(at=2) is before, "nothing new is the very same object"
    world.kill(pid)
    ghost = world.only(at=3)
    assert (ghost.running, ghost.pid) == (False, None)
    assert ghost.reason == f"process {pid} is gone, and left its session file behind"
    assert world.only(at=100_000) is ghost, "it stays expected, however long"
    path.unlink()
    assert world.read(at=100_001) == {}


def test_a_zombie_is_dead(world: World) -> None:
    pid = world.process()
    world.session(pid)
    world.kill(pid, reap=False)
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, every=0.005)
    assert world.only().reason.startswith(f"process {pid} has ended and waits for its parent to notice")


def test_a_number_given_to_another_process_is_no_life(world: World) -> None:
    pid = world.process()
    world.session(pid, procStart="17")
    agent = world.only()
    assert not agent.running
    assert (
        agent.reason == f"process {pid} is gone, its number is another one's by now, and left its session file behind"
    )


def test_without_a_start_time_a_younger_process_is_another_one(world: World) -> None:
    pid = world.process()
    began = psutil.Process(pid).create_time() - START
    world.session(pid, at=began + 1, procStart=None)
    assert world.only(at=began + 2).running
    world.session(pid, at=began - 600, procStart=None)
    world.make()
    assert not world.only(at=began + 2).running


def test_an_orderly_end_is_no_alarm(world: World) -> None:
    pid = world.process()
    path = world.session(pid)
    assert world.only().running
    path.unlink()
    assert world.read(at=2) == {}


def test_leftovers_are_nobody(world: World) -> None:
    booted = BOOTED_AT - START
    world.session(NOBODY, at=booted + 10)
    world.session(NOBODY + 1, "b", at=booted + 8000)
    pid = world.process()
    world.session(pid, "c", at=booted + 9000, tmux="main:@1.%2")
    world.session(NOBODY + 2, "d", at=booted - 10, name="before-boot")
    agents = world.read(at=booted + 9001)
    assert {agent.detail.session_id: agent.running for agent in agents.values()} == {"b": False, "c": True}
    assert world.source
    assert world.source.leftovers == 2


def test_a_resumed_session_is_the_same_agent_started_again(world: World, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "state.db")) as store:
        world.make(store=store)
        first = world.process()
        world.session(first)
        assert world.only().restart_count == 0
        world.kill(first)
        assert not world.only(at=2).running
        second = world.process()
        world.session(second, at=3, name="project-b8")
        agent = world.only(at=5)
        assert (agent.name, agent.running, agent.pid, agent.restart_count) == ("project-09", True, second, 1)
        world.make(store=store)
        agent = world.only(at=6)
        assert (agent.name, agent.restart_count) == ("project-09", 1), "also for a monitor that starts later"
        world.session(second, "an-id-after-clear", at=3)
        agent = world.only(at=7)
        assert (agent.restart_count, agent.detail.session_id) == (1, "an-id-after-clear")
        world.close_source()


def test_two_live_processes_of_one_session_are_two_agents(world: World) -> None:
    for at in (0, 1):
        world.session(world.process(), at=at)
    agents = world.read(at=3)
    assert set(agents) == {"project-09", "project-09#2"}
    assert all(agent.running and agent.restart_count == 0 for agent in agents.values())


def test_a_ghost_stays_beside_another_session_of_its_name(world: World) -> None:
    first = world.process()
    path = world.session(first)
    assert world.only().running
    world.kill(first)
    second = world.process()
    world.session(second, "another", at=2, tmux="main:@1.%2")
    agents = world.read(at=4)
    assert {name: agent.running for name, agent in agents.items()} == {"project-09": False, "project-09#2": True}
    path.unlink()
    assert set(world.read(at=5)) == {"project-09#2"}, "a name once given stays"
    assert agents["project-09#2"].restart_count == 0


def test_a_ghost_is_missed_no_longer_when_another_session_works_in_its_place(world: World) -> None:
    first = world.process()
    world.session(first)
    assert world.only().running
    world.kill(first)
    assert not world.only(at=1).running
    world.session(world.process(), "another", at=2)
    assert world.only(at=4).detail.session_id == "another"
    world.close_source()
    assert world.only(at=5).detail.session_id == "another", "nor after a restart of the monitor"


def test_a_file_that_speaks_of_no_session_is_nobody(world: World) -> None:
    (world.root / "sessions").mkdir(parents=True, exist_ok=True)
    (world.root / "sessions/7.json").write_text("{}")
    assert world.read() == {}
    assert world.reading
    assert list(world.reading.problems) == ["sessions/7.json says neither which session nor which process it is of"]


def test_forgetting_a_ghost(world: World) -> None:
    pid = world.process()
    world.session(pid)
    assert world.only().running
    assert world.source

    assert not asyncio.run(world.source.forget("project-09")), "it runs"
    world.kill(pid)
    assert not world.only(at=2).running
    assert asyncio.run(world.source.forget("project-09"))
    assert world.read(at=3) == {}
    second = world.process()
    world.session(second, at=4)
    assert world.only(at=6).running, "a resumed one is somebody again"


def test_names(world: World) -> None:
    world.session(world.process(), "a", name="reviewer", nameSource="user")
    world.session(world.process(), "b", name=None, nameSource=None, cwd="/srv/shop/")
    world.session(world.process(), "c", name=None, nameSource=None, cwd=None)
    named = {name: agent.detail.named for name, agent in world.read().items()}
    assert named == {"reviewer": True, "shop": False, "claude": False}


def test_a_name_that_a_person_gives_is_taken(world: World) -> None:
    pid = world.process()
    world.session(pid)
    assert world.only().name == "project-09"
    world.session(pid, name="project-b8")
    assert world.only(at=2).name == "project-09", "names that the program makes up are not followed"
    world.session(pid, name="boss", nameSource="user")
    agent = world.only(at=3)
    assert (agent.name, agent.detail.named) == ("boss", True)


def test_a_new_session_is_told_of_when_it_has_said_what_it_does(world: World) -> None:
    pid = world.process()
    world.session(pid, status=None, updatedAt=None, statusUpdatedAt=None)
    assert world.read(at=0.2) == {}
    assert world.only(at=1.5).reported is None, "a version that never says it"
    world.session(pid)
    assert world.only(at=2).reported is State.IDLE


def test_busy_is_believed_while_the_process_does_something(world: World) -> None:
    pid = os.getpid()
    world.session(pid, status="busy", statusUpdatedAt=millis(0))
    world.only(at=1)
    began = sum(psutil.Process(pid).cpu_times()[:2])
    eventually(lambda: sum(psutil.Process(pid).cpu_times()[:2]) > began + 0.02, every=0.0)
    assert world.only(at=50).last_activity == START + 50

    sleeping = world.process()
    os.kill(sleeping, signal.SIGSTOP)
    world.session(sleeping, "b", status="busy", statusUpdatedAt=millis(0))
    world.read(at=60)
    stopped = next(agent for agent in world.read(at=120).values() if agent.pid == sleeping)
    assert stopped.last_activity == START, "a stopped process gives no sign of life"


def test_idle_is_no_activity(world: World) -> None:
    world.session(os.getpid(), status="idle", statusUpdatedAt=millis(0))
    first = world.only(at=1)
    assert world.only(at=500) is first


@pytest.mark.parametrize("odd", [millis(86_400), 10**30, -5, "yesterday", None, True, 0])
def test_absurd_times_are_ignored(world: World, odd: object) -> None:
    pid = world.process()
    world.session(pid, statusUpdatedAt=odd, updatedAt=odd, startedAt=millis(0))
    assert world.only(at=10).last_activity == pytest.approx(START)


@pytest.mark.parametrize("domain", ["linux:0123456789abcdef0123456789abcdef:pid:[4026531836]", "linux:MACHINE:pid:[1]"])
def test_a_process_of_another_machine_or_container_is_unknown(world: World, domain: str) -> None:
    from tests.sources.claude.world import machine_id

    world.session(NOBODY, pidDomain=domain.replace("MACHINE", machine_id()))
    agent = world.only()
    assert (agent.reported, agent.pid) == (State.UNKNOWN, None)
    assert "another machine or in another container" in agent.reason


def test_only_one_team(world: World) -> None:
    world.session(world.process())
    world.make(team="reviewers")
    assert world.read() == {}


def test_the_kind(world: World) -> None:
    options = ClaudeOptions(config_dir=world.root)
    assert not KIND.look(options).there
    world.session(world.process())
    found = KIND.look(options)
    assert found.there
    assert found.why == f"1 session of Claude Code in {world.root}"
    missing = KIND.look(ClaudeOptions(config_dir=world.home / "none"))
    assert (missing.there, missing.why) == (False, f"there is no folder {world.home / 'none'}")
    assert ClaudeOptions.model_fields["config_dir"].metadata[-1].variable == "CLAUDE_CONFIG_DIR"
