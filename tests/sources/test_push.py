"""The push source: what is sent becomes agents, and silence, death and a restart of the monitor are told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.model import AgentSample, Reading, State
from telemetry.sources.base import LiveSource, Place
from telemetry.sources.push.source import KIND, PushOptions, PushSource
from telemetry.store import Store, StoreError

NOW = 1_800_000_000.0
OTHER_SPACE = "pid:[1]"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def source(store: Store | None = None, problems: list[str] | None = None, **options: Any) -> PushSource:
    told = problems if problems is not None else []
    return PushSource(Place("main", PushOptions(**options), store, told.append))


def one(reading: Reading | None) -> AgentSample:
    assert reading is not None
    (sample,) = reading.agents
    return sample


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until it is ended."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def second() -> Iterator[subprocess.Popen[bytes]]:
    """Another one."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = Store(tmp_path / "store.sqlite3")
    yield held
    held.close()


def test_an_event_is_told_at_once_and_everything_it_says_is_there() -> None:
    async def program() -> None:
        push, changes = source(), []
        push.listen(lambda: changes.append(1))
        assert isinstance(push, LiveSource)
        assert push.glance(NOW) is None
        assert (await push.read(NOW)).agents == ()
        body = {
            "state": "busy", "task": "tests", "role": "coder", "has_work": True, "session_id": "s-1", "pane_id": "%3"
        }  # fmt: skip
        assert push.hear("worker", body, NOW) == ("worker", "", False)
        assert changes
        sample = one(push.glance(NOW))
        assert (sample.name, sample.reported, sample.running, sample.last_activity) == ("worker", State.BUSY, True, NOW)
        assert (sample.role, sample.has_work, sample.proven) == ("coder", True, True)
        assert (sample.detail.task, sample.detail.session_id, sample.detail.pane_id) == ("tests", "s-1", "%3")
        assert sample.detail.named
        await push.close()

    run(program())


def test_nothing_new_is_the_very_same_object() -> None:
    async def program() -> None:
        push = source()
        for name in ("a", "b"):
            push.hear(name, {"state": "idle"}, NOW)
        first = await push.read(NOW)
        assert push.glance(NOW + 1) is first
        push.hear("a", {"state": "idle"}, NOW + 2)
        assert await push.read(NOW + 3) is first, "an idle agent that says so again"
        push.hear("b", {"state": "busy"}, NOW + 4)
        after = await push.read(NOW + 4)
        assert after.agents[0] is first.agents[0]
        assert after.agents[1].reported is State.BUSY
        await push.close()

    run(program())


def test_an_idle_agent_that_keeps_saying_so_has_been_idle_since_it_said_so_first() -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        for seconds in (0, 30, 60, 90):
            push.hear("a", {"state": "idle"}, NOW + seconds)
        assert one(push.glance(NOW + 90)).last_activity == NOW
        push.hear("a", {"state": "busy"}, NOW + 100)
        push.hear("a", {}, NOW + 110)
        assert one(push.glance(NOW + 110)).last_activity == NOW + 110, "a busy one that only says that it lives"
        assert one(push.glance(NOW + 110)).reported is State.BUSY
        await push.close()

    run(program())


@pytest.mark.parametrize(("ttl", "after"), [(None, 60.0), (5, 5.0)])
def test_who_is_not_heard_of_within_its_time_is_unresponsive_until_it_is(ttl: float | None, after: float) -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        push.hear("a", {"state": "idle"} if ttl is None else {"state": "idle", "ttl": ttl}, NOW)
        assert one(push.glance(NOW + after - 0.1)).reported is State.IDLE
        silent = one(await push.read(NOW + after))
        assert (silent.reported, silent.reason) == (State.UNRESPONSIVE, f"no heartbeat for more than {after:g} s")
        assert silent.running
        assert one(push.glance(NOW + after + 1)) is silent
        push.hear("a", {}, NOW + after + 2)
        again = one(push.glance(NOW + after + 2))
        assert (again.reported, again.last_activity) == (State.IDLE, NOW)
        await push.close()

    run(program())


def test_a_time_to_live_that_passes_is_told_without_waiting_for_the_next_check() -> None:
    async def program() -> None:
        push = source(ttl=0.1)
        woken = asyncio.Event()
        await push.read(NOW)
        push.hear("a", {"state": "busy"}, NOW)
        push.listen(woken.set)
        await asyncio.wait_for(woken.wait(), 10)
        await push.close()

    run(program())


def test_a_clock_that_was_set_back_makes_nobody_immortal() -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        push.hear("a", {"state": "busy"}, NOW)
        assert one(push.glance(NOW - 3600)).reported is State.BUSY
        assert one(push.glance(NOW - 3600 + 60)).reported is State.UNRESPONSIVE
        await push.close()

    run(program())


def test_who_ends_or_is_silent_for_a_day_is_no_longer_expected() -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        for name in ("ends", "stops", "silent"):
            push.hear(name, {"state": "busy"}, NOW)
        push.hear("ends", {"state": "ended"}, NOW)
        push.hear("stops", {"state": "stopped", "reason": "out of credit"}, NOW + 10)
        seen = await push.read(NOW + 10)
        assert [(a.name, a.running, a.reason) for a in seen.agents] == [
            ("stops", False, "out of credit"),
            ("silent", True, ""),
        ]
        assert [a.name for a in (await push.read(NOW + 86_405)).agents] == ["stops"]
        await push.close()

    run(program())


def test_a_process_that_is_gone_has_stopped_whatever_it_said(child: subprocess.Popen[bytes]) -> None:
    async def program() -> None:
        push = source()
        push.hear("a", {"state": "busy", "pid": child.pid}, NOW)
        alive = one(await push.read(NOW))
        assert (alive.running, alive.pid) == (True, child.pid)
        child.kill()
        child.wait()
        dead = one(await push.read(NOW + 1))
        assert (dead.running, dead.reason) == (False, f"process {child.pid} has ended")
        push.hear("a", {"state": "busy", "pid": child.pid}, NOW + 2)
        assert not one(push.glance(NOW + 2)).running, "its last word came after its death"
        assert not one(await push.read(NOW + 500)).running, "silence adds nothing to a death"
        await push.close()

    run(program())


def test_a_zombie_is_dead(child: subprocess.Popen[bytes]) -> None:
    async def program() -> None:
        push = source()
        push.hear("a", {"state": "busy", "pid": child.pid}, NOW)
        child.kill()
        for _ in range(1000):
            reading = await push.read(NOW)
            if not one(reading).running:
                break
            await asyncio.sleep(0.01)
        assert one(reading).reason == f"process {child.pid} has ended"
        await push.close()

    run(program())


def test_another_process_is_a_restart_only_when_the_one_before_is_over(
    child: subprocess.Popen[bytes], second: subprocess.Popen[bytes]
) -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        push.hear("a", {"state": "busy", "pid": child.pid}, NOW)
        push.hear("a", {"state": "busy", "pid": second.pid}, NOW)
        assert one(push.glance(NOW)).restart_count == 0, "two processes speak for one agent"
        second.kill()
        second.wait()
        push.hear("a", {"state": "busy", "pid": child.pid}, NOW)
        sample = one(push.glance(NOW))
        assert (sample.restart_count, sample.pid, sample.running) == (1, child.pid, True)
        await push.close()

    run(program())


def test_a_pid_of_another_container_is_nobody_here() -> None:
    async def program() -> None:
        push = source()
        push.hear("a", {"state": "busy", "pid": 2**31 - 1, "pid_space": OTHER_SPACE}, NOW)
        sample = one(await push.read(NOW))
        assert (sample.running, sample.pid) == (True, None)
        await push.close()

    run(program())


def test_no_more_agents_than_allowed_and_it_is_told_once() -> None:
    async def program() -> None:
        problems: list[str] = []
        push = source(problems=problems, most_agents=2)
        for name in ("a", "b"):
            assert not push.hear(name, {"state": "idle"}, NOW).problem
        for _ in range(2):
            refused = push.hear("c", {"state": "idle"}, NOW)
            assert refused.full
            assert "ORCHESTRATOR_PUSH_MOST_AGENTS" in refused.problem
        assert len(problems) == 1
        assert not push.hear("a", {"state": "busy"}, NOW).problem, "those that are known go on"
        push.hear("b", {"state": "ended"}, NOW)
        assert not push.hear("c", {"state": "idle"}, NOW).problem
        await push.close()

    run(program())


def test_hostile_names_stay_names() -> None:
    async def program() -> None:
        push = source()
        await push.read(NOW)
        push.hear("\x1b[31m\u202eevil" + "x" * 500, {"state": "idle", "task": "a\x1b]0;t\x07b\nc"}, NOW)
        sample = one(push.glance(NOW))
        assert sample.name.isprintable()
        assert len(sample.name) <= 128
        assert sample.detail.task == "ab c"
        assert push.hear("  ", {"state": "idle"}, NOW).problem == "the agent's name is empty"
        await push.close()

    run(program())


# --- what outlives the monitor --------------------------------------------------------------------------------------


def test_who_died_while_no_monitor_ran_is_told_after_the_restart(store: Store, child: subprocess.Popen[bytes]) -> None:
    async def program() -> None:
        before = source(store)
        await before.read(NOW)
        before.hear("dies", {"state": "busy", "pid": child.pid, "role": "coder"}, NOW)
        before.hear("lives", {"state": "idle", "ttl": 20}, NOW)
        before.hear("ended", {"state": "idle"}, NOW)
        await before.read(NOW + 1)
        before.hear("ended", {"state": "ended"}, NOW + 1)
        await before.close()
        child.kill()
        child.wait()

        after = source(store)
        dead, alive = (await after.read(NOW + 3600)).agents
        assert (dead.name, dead.role, dead.running) == ("dies", "coder", False)
        assert dead.reason == f"process {child.pid} has ended"
        assert dead.last_activity == NOW
        assert (alive.name, alive.running, alive.reported) == ("lives", True, State.IDLE)
        assert alive.last_activity == NOW
        silent = (await after.read(NOW + 3620)).agents[1]
        assert silent.reason == "no heartbeat for more than 20 s", "it has its time anew, and no more"
        await after.close()

    run(program())


def test_what_is_heard_before_the_store_is_read_joins_what_stands_there(store: Store) -> None:
    async def program() -> None:
        before = source(store)
        await before.read(NOW)
        before.hear("a", {"state": "idle"}, NOW)
        await before.close()
        after = source(store)
        after.hear("a", {"state": "idle"}, NOW + 100)
        assert one(await after.read(NOW + 100)).last_activity == NOW
        await after.close()

    run(program())


def test_forget_holds_beyond_a_restart(store: Store) -> None:
    async def program() -> None:
        before = source(store)
        await before.read(NOW)
        before.hear("a", {"state": "idle"}, NOW)
        await before.read(NOW)
        assert await before.forget("a")
        assert not await before.forget("a")
        assert (await before.read(NOW)).agents == ()
        await before.close()
        after = source(store)
        assert (await after.read(NOW)).agents == ()
        await after.close()

    run(program())


def test_a_store_that_fails_is_told_once_and_nothing_else_suffers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("the disk is full")

    async def program() -> None:
        problems: list[str] = []
        push = source(store, problems)
        await push.read(NOW)
        with monkeypatch.context() as patch:
            patch.setattr(store, "remember_agents", broken)
            push.hear("a", {"state": "busy"}, NOW)
            for seconds in (0, 31, 62):
                assert one(await push.read(NOW + seconds)).name == "a"
        assert problems == ["the disk is full"]
        await push.read(NOW + 93)
        await push.close()
        assert [held.name for held in store.agents("main (push)")] == ["a"], "it is written when that works again"

    run(program())


def test_a_foreign_row_in_the_store_is_no_fault(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO agents VALUES ('main (push)', 'a', 'a', 'push', '', '', -1, '', 'x y z', -5, '?', '', 0.0)"
        )

    async def program() -> None:
        push = source(store)
        assert one(await push.read(NOW)).reported is None
        await push.close()

    run(program())


def test_it_is_a_kind_of_source() -> None:
    assert (KIND.name, KIND.directness) == ("push", 2)
    assert KIND.look(PushOptions()).why
    assert KIND.make(Place("main", KIND.options())).name == "push"
