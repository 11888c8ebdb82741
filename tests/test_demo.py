"""The demo: its schedule, its real panes, and that nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import demo_agent
from telemetry.clock import SystemClock
from telemetry.demo import AGENTS, Demo, Event, Schedule, What
from telemetry.demo_agent import process_start
from telemetry.sources.base import SourceError
from telemetry.sources.tmux.source import TmuxSource
from tests.sources.real_tmux import eventually, is_dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.model import AgentSample

pytestmark = pytest.mark.slow  # whole programs: not for every edit


class ByHand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = 2_000_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class TestSchedule:
    @given(st.integers(0, 2**32), st.floats(0.01, 10))
    def test_first_crash_and_recovery(self, seed: int, scale: float) -> None:
        crash, back = Schedule(seed, scale).due(31.1 * scale)[:2]
        assert crash.what is What.CRASH
        assert 15 * scale <= crash.at <= 20 * scale
        assert (back.what, back.agent) == (What.COME_BACK, crash.agent)
        assert 9 * scale <= back.at - crash.at <= 11.001 * scale

    @given(st.integers(0, 2**32), st.lists(st.floats(0, 60), max_size=30))
    def test_same_events_however_often_one_asks(self, seed: int, steps: list[float]) -> None:
        often, elapsed = Schedule(seed), 0.0
        handed_out: list[Event] = []
        for step in steps:
            elapsed += step
            assert often.next_at() > elapsed - step or elapsed == step
            handed_out += often.due(elapsed)
        assert handed_out == Schedule(seed).due(elapsed)

    def test_one_at_a_time_and_everybody_in_turn(self) -> None:
        events = Schedule(1).due(3600)
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert [event.what for event in events] == [What.CRASH, What.COME_BACK] * (len(events) // 2)
        crashed = [event.agent for event in events[::2]]
        assert all(one != next_one for one, next_one in pairwise(crashed))
        assert set(crashed) == {agent.name for agent in AGENTS} - {"middle_manager"}


def demo_and_source(
    time_scale: float, do: Callable[[Demo, ByHand, Callable[[], dict[str, AgentSample]]], object]
) -> None:
    clock = ByHand()
    demo = Demo(clock, time_scale=time_scale)

    async def whole() -> None:
        source = TmuxSource(await demo.start())
        try:
            await asyncio.to_thread(
                do, demo, clock, lambda: {a.name: a for a in source.read_blocking(clock.now()).agents}
            )
        finally:
            await demo.stop()
            await source.close()

    asyncio.run(whole())


def test_five_agents_crash_and_come_back() -> None:
    pids: list[int | None] = []

    def story(demo: Demo, clock: ByHand, look: Callable[[], dict[str, AgentSample]]) -> None:
        start = clock.time
        agents = look()
        assert list(agents) == [agent.name for agent in AGENTS]
        assert all(agent.running and agent.role for agent in agents.values())
        crash, back = Schedule(0).due(31)
        assert asyncio.run(demo.step(start + crash.at - 0.1)) == ()
        assert asyncio.run(demo.step(start + crash.at + 0.01)) == (crash,)
        eventually(lambda: not look()[crash.agent].running, "it crashes")
        assert sum(agent.running for agent in look().values()) == 4
        assert asyncio.run(demo.step(start + back.at + 0.01)) == (back,)
        eventually(lambda: look()[crash.agent].running, "it comes back")
        assert {name: agent.restart_count for name, agent in look().items() if agent.restart_count} == {crash.agent: 1}
        pids.extend(agent.pid for agent in look().values())

    demo_and_source(1.0, story)
    for pid in pids:
        assert pid is not None
        eventually(lambda pid=pid: is_dead(pid), "the agents end with the demo")  # type: ignore[misc] # a loop's lambda


def test_after_a_long_sleep_only_what_is_left_happens() -> None:
    def story(demo: Demo, clock: ByHand, look: Callable[[], dict[str, AgentSample]]) -> None:
        happened = asyncio.run(demo.step(clock.time + 3600))
        assert len(happened) <= 1
        eventually(lambda: sum(agent.running for agent in look().values()) == 5 - len(happened), "as it is then")

    demo_and_source(1.0, story)


def test_agents_print() -> None:
    def story(demo: Demo, clock: ByHand, look: Callable[[], dict[str, AgentSample]]) -> None:
        look()
        look()
        clock.time += 100

        def someone_prints() -> bool:
            clock.time += 1
            return any(agent.last_activity == clock.time for agent in look().values())

        eventually(someone_prints, "an agent prints")
        assert demo.attach_command.startswith("tmux -L orchestrator-demo-")

    demo_and_source(0.02, story)


def test_driver_follows_the_clock() -> None:
    async def drive() -> None:
        demo = Demo(SystemClock(), time_scale=0.02)
        source = TmuxSource(await demo.start())
        driver = asyncio.create_task(demo.run())
        try:
            async with asyncio.timeout(20):
                while True:
                    agents = (await source.read(SystemClock().now())).agents
                    if any(agent.restart_count for agent in agents):
                        break
        finally:
            driver.cancel()
            await demo.stop()
            await source.close()

    asyncio.run(drive())


def test_stop_leaves_nothing_and_may_come_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    demo = Demo(SystemClock())
    asyncio.run(demo.stop())
    asyncio.run(demo.step(0))
    demo = Demo(SystemClock())
    asyncio.run(demo.start())
    assert [path.name for path in tmp_path.glob("*/*")] == [demo.options.socket_name]
    asyncio.run(demo.stop())
    asyncio.run(demo.stop())
    assert list(tmp_path.glob("*/*")) == []


def test_kill_9_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import asyncio, os\n"
        "from telemetry.clock import SystemClock\n"
        "from telemetry.demo import Demo\n"
        "asyncio.run(Demo(SystemClock(), time_scale=0.1).start())\n"
        "print(os.getpid(), flush=True)\n"
        "import signal; signal.pause()\n"
    )
    environment = {**os.environ, "TMUX_TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(demo_agent.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            (socket,) = tmp_path.glob("*/*")
            listed = subprocess.run(
                ["tmux", "-S", socket, "list-panes", "-a", "-F", "#{pid} #{pane_pid}"],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            pids = {int(pid) for pid in listed.split()}
            assert len(pids) == 6
        finally:
            process.kill()
    for pid in pids:
        eventually(lambda pid=pid: is_dead(pid), "everything ends by itself")  # type: ignore[misc] # a loop's lambda
    eventually(lambda: not socket.exists(), "the socket goes too")


def test_tmux_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"^the demo needs tmux, which was not found"):
        asyncio.run(Demo(SystemClock()).start())


def test_server_that_somebody_ended() -> None:
    async def end_and_step() -> None:
        demo = Demo(SystemClock())
        await demo.start()
        await demo.stop()
        demo._started_at = 0.0
        with pytest.raises(SourceError, match=r"^the demo's tmux failed at (send-keys|respawn-pane)"):
            await demo.step(18.5 if Schedule().next_at() < 18.5 else 20)

    asyncio.run(end_and_step())


def test_demos_agents_see_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://example.invalid/secret")

    def story(demo: Demo, clock: ByHand, look: Callable[[], dict[str, AgentSample]]) -> None:
        assert demo.options.session
        assert clock.time
        for agent in look().values():
            assert b"SLACK" not in Path(f"/proc/{agent.pid}/environ").read_bytes()

    demo_and_source(1.0, story)


class TestAgentProgram:
    def test_process_start(self) -> None:
        assert process_start(os.getpid()).isdigit()
        assert process_start(2**22 + 1) == ""

    @pytest.mark.parametrize("part", [agent.part for agent in AGENTS])
    def test_it_ends_when_the_demo_is_gone(self, part: str) -> None:
        command = [sys.executable, "-I", "-S", demo_agent.__file__, part, "1", "1", str(2**22 + 1), "1"]
        done = subprocess.run(command, capture_output=True, timeout=20, check=False, env={})
        assert (done.returncode, done.stderr) == (0, b"")

    def test_it_crashes_on_ctrl_backslash(self) -> None:
        command = [sys.executable, "-I", "-S", demo_agent.__file__, "coder", "1", "1", str(os.getpid())]
        command.append(process_start(os.getpid()))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # now it works
            process.send_signal(signal.SIGQUIT)
            assert b"ConnectionError" in process.stdout.read()
        assert process.returncode == 1

    def test_it_never_ends_another_server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        socket = tmp_path / "default"
        socket.write_text("")
        monkeypatch.setenv("TMUX", f"{socket},1,0")
        demo_agent.end_own_server()
        assert socket.exists()

    @given(st.integers(), st.sampled_from([agent.part for agent in AGENTS]))
    def test_phases(self, seed: int, part: str) -> None:
        rounds = demo_agent.phases(part, demo_agent.Dice(seed))
        assert rounds[0][0] == "work"
        assert all(5 <= seconds < 45 for _, seconds in rounds)
