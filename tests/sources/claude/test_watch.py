"""What is heard by itself, between two reads: real files, real inotify."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from telemetry.model import AgentSample, State
from telemetry.sources.base import LiveSource
from telemetry.sources.claude import inotify as claude_inotify
from telemetry.sources.claude.source import APART, ClaudeSource
from tests.sources.claude.world import REAL_TIME, START, World, a_member, a_session
from tests.waiting import eventually

if TYPE_CHECKING:
    from telemetry.model import Reading

ID = "16c3c462-dc11-40c9-9b5b-d2051659a3bb"
WITHIN = 5.0


class Listener:
    """Listens to a world's source in a loop; every wait has an end."""

    def __init__(self, world: World) -> None:
        self.source: ClaudeSource = world.make(clock=REAL_TIME)
        world.source = None
        self.calls: list[float] = []
        self._called = asyncio.Event()
        self.source.listen(self._changed)

    def _changed(self) -> None:
        self.calls.append(time.monotonic())
        self._called.set()

    def agents(self) -> dict[str, AgentSample]:
        reading = self.source.glance(time.time())
        assert reading is not None
        return {agent.name: agent for agent in reading.agents}

    async def until(self, ask: Callable[[], object]) -> None:
        """Until it is so in a glance, woken by what the source tells alone."""
        async with asyncio.timeout(WITHIN):
            while not ask():
                await self._called.wait()
                self._called.clear()


def listening(world: World, scene: Callable[[Listener], Awaitable[None]]) -> None:
    async def play() -> None:
        listener = Listener(world)
        try:
            await listener.source.read(time.time())
            await scene(listener)
        finally:
            await listener.source.close()

    asyncio.run(play())


def test_it_is_a_live_source(world: World) -> None:
    source = world.make()
    assert isinstance(source, LiveSource)
    assert source.glance(START) is None, "before the first read it knows nothing"


@pytest.fixture(params=["inotify", "watchfiles"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systems without inotify have is tried here as well."""
    if request.param == "watchfiles":

        def none_here(*_: object) -> None:
            raise OSError("none here")

        monkeypatch.setattr(claude_inotify.Inotify, "__init__", none_here)


@pytest.mark.usefixtures("either_way")
def test_a_change_is_heard(world: World) -> None:
    pid, other = world.process(), world.process()
    path = world.session(pid)
    world.session(other, "b", name="other")

    async def scene(listener: Listener) -> None:
        before = listener.agents()
        world.session(pid, status="waiting", waitingFor="permission prompt")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.WAITING)
        assert listener.agents()["other"] is before["other"], "who says nothing new is the very same object"
        assert listener.agents()["project-09"].reason == "waits for a person: permission prompt"
        path.unlink()
        await listener.until(lambda: set(listener.agents()) == {"other"})

    listening(world, scene)


@pytest.mark.usefixtures("either_way")
def test_a_new_session_is_heard_though_there_was_no_folder(world: World) -> None:
    (world.root / "sessions").rmdir()
    pid = world.process()

    async def scene(listener: Listener) -> None:
        assert listener.agents() == {}
        world.session(pid)
        await listener.until(lambda: "project-09" in listener.agents())
        shutil.rmtree(world.root / "sessions")
        await listener.until(lambda: listener.agents() == {})
        world.session(pid)
        await listener.until(lambda: "project-09" in listener.agents())
        world.session(pid, status="busy")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.BUSY)

    listening(world, scene)


@pytest.mark.usefixtures("either_way")
def test_a_folder_that_is_made_anew_at_once(world: World) -> None:
    pid = world.process()
    world.session(pid)

    async def scene(listener: Listener) -> None:
        shutil.rmtree(world.root / "sessions")
        world.session(pid, status="busy")
        await listener.until(lambda: listener.agents().get("project-09", None) and True)
        await listener.until(lambda: listener.agents()["project-09"].reported is State.BUSY)
        world.session(pid, status="idle")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.IDLE)

    listening(world, scene)


@pytest.mark.usefixtures("either_way")
def test_teams_inboxes_and_tasks_are_heard(world: World) -> None:
    from tests.sources.claude.world import a_note, a_task

    pid = world.process()
    world.session(pid, ID, status="busy")

    async def scene(listener: Listener) -> None:
        world.team("red", a_member("red"), session_id=ID, pid=pid)
        await listener.until(lambda: "scout" in listener.agents())
        world.inbox("red", "team-lead", a_note("scout", {"type": "idle_notification"}, at=1))
        await listener.until(lambda: listener.agents()["scout"].reported is State.IDLE)
        world.tasks("red", a_task(1, "in_progress", "scout"))
        await listener.until(lambda: listener.agents()["scout"].detail.task == "Task 1")
        shutil.rmtree(world.root / "teams/red")
        await listener.until(lambda: "scout" not in listener.agents())

    listening(world, scene)


def test_killed_and_resumed_before_anybody_looked(world: World) -> None:
    pid = world.process()
    world.session(pid, ID)

    async def scene(listener: Listener) -> None:
        world.kill(pid)
        again = world.process()
        world.session(again, ID, at=time.time() - START - 2, name="project-d1")
        await listener.until(lambda: listener.agents()["project-09"].pid == again)
        agent = listener.agents()["project-09"]
        assert (len(listener.agents()), agent.running, agent.restart_count) == (1, True, 1)

    listening(world, scene)


@pytest.mark.slow
def test_a_new_session_without_its_status_is_told_a_little_later(world: World) -> None:
    pid = world.process()

    async def scene(listener: Listener) -> None:
        now = time.time() - START
        world.session(pid, at=now, status=None, updatedAt=None, statusUpdatedAt=None)
        await listener.until(lambda: "project-09" in listener.agents())
        assert time.time() - START >= now + 0.9

    listening(world, scene)


@pytest.mark.slow
@pytest.mark.usefixtures("either_way")
def test_many_changes_are_few_calls_and_none_is_lost(world: World) -> None:
    pids = [world.process() for _ in range(8)]
    for number, pid in enumerate(pids):
        world.session(pid, str(number), name=f"agent{number}")

    async def scene(listener: Listener) -> None:
        began = time.monotonic()
        for turn in range(60):
            world.session(
                pids[turn % 8], str(turn % 8), name=f"agent{turn % 8}", status="busy" if turn % 16 < 8 else "idle"
            )
            await asyncio.sleep(0.005)
        world.session(pids[0], "0", name="agent0", status="waiting")
        await listener.until(lambda: listener.agents()["agent0"].reported is State.WAITING)
        took = time.monotonic() - began
        assert len(listener.calls) <= took / APART + 2
        assert all(agent.reported is not None for agent in listener.agents().values())

    listening(world, scene)


def test_other_files_wake_nobody(world: World) -> None:
    pid = world.process()
    world.session(pid)

    async def scene(listener: Listener) -> None:
        world.write("settings.json", "{}")
        world.write("history.jsonl", "{}")
        world.write(f"sessions/{pid}.abc.key", "key")
        world.write(f"sessions/{pid}.json", a_session(pid))  # the same words
        (world.root / "projects").mkdir()
        (world.root / f"sessions/{pid}.json.lock").mkdir()
        world.session(pid, status="busy")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.BUSY)
        assert len(listener.calls) == 1

    listening(world, scene)


def test_without_watches_it_says_so_and_reading_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = world.process()
    world.session(pid)

    def no_more(*_: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    async def scene(listener: Listener) -> None:
        await asyncio.sleep(0)
        assert world.problems == [
            "changes of files are only seen by looking: [Errno 28] inotify watch limit reached",
        ]
        assert listener.source.watching == world.problems[0]
        world.session(pid, status="busy")
        reading = await listener.source.read(time.time())
        assert reading.agents[0].reported is State.BUSY
        assert len(world.problems) == 1, "told once"
        monkeypatch.undo()
        await listener.source.read(time.time())
        await listener.source.read(time.time())
        assert listener.source.watching == ""
        world.session(pid, status="idle")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.IDLE)

    monkeypatch.setattr(claude_inotify.Inotify, "note", no_more)
    listening(world, scene)


def test_a_folder_that_hangs_never_holds_up_the_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = world.process()
    world.session(pid)
    let_go = threading.Event()

    async def scene(listener: Listener) -> None:
        real = os.scandir

        def hanging(path: int) -> object:
            let_go.wait(WITHIN)
            return real(path)

        monkeypatch.setattr(os, "scandir", hanging)
        reading: asyncio.Task[Reading] = asyncio.create_task(listener.source.read(time.time()))
        began = time.monotonic()
        await asyncio.sleep(0.01)
        assert listener.agents()["project-09"].running
        assert not reading.done()
        assert time.monotonic() - began < 1
        let_go.set()
        await reading

    try:
        listening(world, scene)
    finally:
        let_go.set()


def test_a_name_that_is_not_utf8_stops_nothing(world: World) -> None:
    pid = world.process()
    world.session(pid)

    async def scene(listener: Listener) -> None:
        (world.root / os.fsdecode(b"sessions/\xff\xfe.json")).write_text("{}")
        world.session(pid, status="busy")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.BUSY)

    listening(world, scene)


def test_watchfiles_ended_by_such_a_name_is_told_and_begun_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_here(*_: object) -> None:
        raise OSError("none here")

    monkeypatch.setattr(claude_inotify.Inotify, "__init__", none_here)
    pid = world.process()
    world.session(pid)

    async def scene(listener: Listener) -> None:
        await asyncio.sleep(0)
        (world.root / os.fsdecode(b"sessions/\xff.json")).write_text("{}")
        await asyncio.to_thread(eventually, lambda: world.problems, WITHIN)
        assert world.problems[0].startswith("changes of files are only seen by looking: ")
        await listener.source.read(time.time())
        world.session(pid, status="busy")
        await listener.until(lambda: listener.agents()["project-09"].reported is State.BUSY)

    listening(world, scene)


def test_when_too_much_was_heard_everything_is_read(world: World) -> None:
    pid = world.process()
    path = world.session(pid)

    async def scene(listener: Listener) -> None:
        inotify = listener.source._watch._inotify
        assert inotify is not None
        inotify._loop and inotify._loop.remove_reader(inotify._descriptor)
        path.unlink()
        listener.source._heard({""})
        await listener.until(lambda: listener.agents() == {})

    listening(world, scene)


def test_closing_ends_its_threads(world: World) -> None:
    world.session(world.process())

    async def scene(listener: Listener) -> None:
        assert any(thread.name.startswith("claude") for thread in threading.enumerate())

    listening(world, scene)
    deadline = time.monotonic() + WITHIN
    while any(thread.name.startswith("claude") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
