"""A death is known in the instant it happens: real processes, checks an hour apart."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telemetry import ClusterMonitor
from telemetry.model import AgentSample, Detail, Reading, State
from telemetry.sources.base import SourceError
from telemetry.testing import CapturedSignals, FakeClock, RecordingNotifier

AN_HOUR = 3600.0


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A child of ours."""
    with subprocess.Popen(["sleep", "1000"]) as child:
        try:
            yield child
        finally:
            child.kill()


@contextmanager
def anybodys(*, reaped: bool = True) -> Iterator[int]:
    """The pid of a process that isn't our child; its parent notices its death, or never."""
    parent = "wait" if reaped else "while :; do read -r line || exit; done"
    with subprocess.Popen(
        ["sh", "-c", f"sleep 1000 & echo $!; {parent}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        try:
            yield pid
        finally:
            shell.kill()
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Said:
    """A source that says what a test wants said."""

    agents: tuple[AgentSample, ...]
    cluster: str = "demo"
    name: str = "said"
    reads: int = 0
    holds: asyncio.Event | None = None
    fails: bool = False
    closed: list[bool] = field(default_factory=list)

    async def read(self, now: float) -> Reading:
        self.reads += 1
        agents = self.agents
        if self.fails:
            raise SourceError("no answer today")
        if self.holds is not None:
            await self.holds.wait()
        return Reading(agents, "session")

    async def close(self) -> None:
        self.closed.append(True)


def agent(name: str, pid: int, pane: str = "") -> AgentSample:
    return AgentSample(name, running=True, pid=pid, reported=State.BUSY, proven=True, detail=Detail(pane_id=pane))


@asynccontextmanager
async def watching(
    source: Said, told: RecordingNotifier | None = None, clock: FakeClock | None = None
) -> AsyncIterator[ClusterMonitor]:
    clock = clock or FakeClock(2_000_000_000.0)
    monitor = ClusterMonitor.for_source(
        source,
        check_interval=AN_HOUR,
        alert_callback=told,
        signals=CapturedSignals(clock).signals,
        clock=clock,
    )
    monitor.start()
    try:
        await until(lambda: monitor.snapshot is not None)
        yield monitor
    finally:
        await monitor.close()


async def until(condition: Callable[[], object]) -> None:
    """Waits for the system to do its part."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.001)


def open_files() -> int:
    gc.collect()  # what other tests have left must not go in between
    return len(list(Path("/proc/self/fd").iterdir()))


def state(monitor: ClusterMonitor, name: str = "a") -> State:
    assert monitor.snapshot is not None
    return next(found.state for found in monitor.snapshot.agents if found.name == name)


def reason(monitor: ClusterMonitor, name: str = "a") -> str:
    assert monitor.snapshot is not None
    return next(found.reason for found in monitor.snapshot.agents if found.name == name)


def test_the_death_of_a_child_is_told_at_once_and_its_parent_may_still_reap_it() -> None:
    told = RecordingNotifier()

    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid, "%4"), agent("b", os.getpid())))
        async with watching(source, told) as monitor:
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            assert reason(monitor) == f"process {child.pid}: it was killed by signal 9 (SIGKILL) in pane %4"
            assert state(monitor, "b") is State.BUSY

    with process() as child:
        asyncio.run(scene(child))
        assert child.wait() == -signal.SIGKILL
    assert [(alert.agent_name, alert.rule) for alert in told.told if alert.agent_name == "a"] == [
        ("a", "agent_stopped")
    ]


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "left as a zombie"])
def test_the_death_of_somebody_elses_process_is_told_at_once(reaped: bool) -> None:
    async def scene(pid: int) -> None:
        async with watching(Said((agent("a", pid),))) as monitor:
            os.kill(pid, signal.SIGTERM)
            await until(lambda: state(monitor) is State.STOPPED)
            told = reason(monitor)  # an old kernel tells only that it ended, where the parent was quick to reap it
            assert told.startswith((f"process {pid}: it was killed by signal 15", f"process {pid}: it ended"))

    with anybodys(reaped=reaped) as pid:
        asyncio.run(scene(pid))


def test_an_answer_from_before_the_death_does_not_bring_the_agent_back() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid),))
        async with watching(source) as monitor:
            source.holds = asyncio.Event()
            slow = asyncio.create_task(monitor.check_now())
            await until(lambda: source.reads == 2)
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            source.holds.set()
            await slow
            assert state(monitor) is State.STOPPED

    with process() as child:
        asyncio.run(scene(child))


def test_a_source_that_never_learns_of_the_death_is_not_believed() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        clock = FakeClock(2_000_000_000.0)
        async with watching(Said((agent("a", child.pid),)), clock=clock) as monitor:
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            for _ in range(3):
                clock.advance(60)
                await monitor.check_now()
                assert state(monitor) is State.STOPPED

    with process() as child:
        asyncio.run(scene(child))


def test_an_agent_that_is_started_again_is_seen_soon_without_a_tick() -> None:
    async def scene(first: subprocess.Popen[bytes], second: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", first.pid),))
        async with watching(source) as monitor:
            source.agents = (agent("a", second.pid)._replace(restart_count=1),)
            first.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            await until(lambda: state(monitor) is State.BUSY)
            second.kill()
            await until(lambda: state(monitor) is State.STOPPED)

    with process() as first, process() as second:
        asyncio.run(scene(first, second))


def test_all_agents_of_one_process_die_with_it_in_one_check() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid), agent("b", child.pid)))
        async with watching(source) as monitor:
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            assert state(monitor, "b") is State.STOPPED

    with process() as child:
        asyncio.run(scene(child))


def test_one_that_died_before_it_could_be_watched_has_the_source_asked_again() -> None:
    async def scene(pid: int) -> None:
        source = Said((agent("a", pid),))
        async with watching(source) as monitor:
            source.agents = (AgentSample("a", running=False, reason="gone"),)
            await until(lambda: state(monitor) is State.STOPPED)
            assert reason(monitor) == "gone"

    with process() as child:
        child.kill()
        child.wait()
        asyncio.run(scene(child.pid))


def test_a_failing_source_does_not_hide_who_died_meanwhile() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid),))
        async with watching(source) as monitor:
            source.fails = True
            with pytest.raises(RuntimeError):
                await monitor.check_now()
            child.kill()
            await until(lambda: source.reads >= 3)
            source.fails = False
            await monitor.check_now()
            assert state(monitor) is State.STOPPED

    with process() as child:
        asyncio.run(scene(child))


def test_without_pidfd_the_next_check_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")

    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid),))
        async with watching(source) as monitor:
            assert "no pidfd" in monitor.deaths_are_seen
            child.kill()
            source.agents = (AgentSample("a", running=False, reason="gone"),)
            await monitor.check_now()
            assert state(monitor) is State.STOPPED

    with process() as child:
        asyncio.run(scene(child))


def test_a_number_that_no_process_can_have_hides_nobody_elses_death() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", child.pid), agent("b", 2**31)))
        async with watching(source) as monitor:
            assert "1 process; others by checks: pidfd_open: 2147483648 is no" in monitor.deaths_are_seen
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            assert state(monitor, "b") is State.BUSY

    with process() as child:
        asyncio.run(scene(child))


def failing_for(monkeypatch: pytest.MonkeyPatch, errors: dict[int, int]) -> None:
    """The system refuses to have the processes watched that are in `errors`, as long as they are."""
    really = os.pidfd_open

    def pidfd_open(pid: int) -> int:
        if pid in errors:
            raise OSError(errors[pid], os.strerror(errors[pid]))
        return really(pid)

    monkeypatch.setattr(os, "pidfd_open", pidfd_open)


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENFILE, errno.ENOMEM], ids=errno.errorcode.get)
def test_what_was_lacking_for_a_moment_is_tried_again_at_the_next_check(
    monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        errors = {child.pid: lacking}
        failing_for(monkeypatch, errors)
        async with watching(Said((agent("a", child.pid), agent("b", os.getpid())))) as monitor:
            for _ in range(2):
                lacks = f"others by checks: pidfd_open: {os.strerror(lacking)}"
                assert monitor.deaths_are_seen == f"at once, by pidfd: 1 process; {lacks}"
                await monitor.check_now()
            errors.clear()
            await monitor.check_now()
            assert monitor.deaths_are_seen == "at once, by pidfd: 2 processes"
            child.kill()
            await until(lambda: state(monitor) is State.STOPPED)

    with process() as child:
        asyncio.run(scene(child))


def test_why_one_can_not_be_watched_is_told_only_while_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        failing_for(monkeypatch, {child.pid: errno.EPERM})
        source = Said((agent("a", child.pid), agent("b", os.getpid())))
        async with watching(source) as monitor:
            assert monitor.deaths_are_seen.endswith("others by checks: pidfd_open: Operation not permitted")
            source.agents = (agent("b", os.getpid()),)
            await monitor.check_now()
            assert monitor.deaths_are_seen == "at once, by pidfd: 1 process"

    with process() as child:
        asyncio.run(scene(child))


def test_what_is_watched_is_given_back() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> None:
        before = open_files()
        source = Said((agent("a", child.pid),))
        async with watching(source) as monitor:
            assert monitor.deaths_are_seen == "at once, by pidfd: 1 process"
            source.agents = ()
            await monitor.check_now()
            assert open_files() == before
            source.agents = (agent("a", child.pid),)
            await monitor.check_now()
            assert open_files() == before + 1
        assert open_files() == before

    with process() as child:
        asyncio.run(scene(child))


def test_how_it_ended_is_still_known_when_its_source_only_sees_that_it_is_gone() -> None:
    async def scene(first: subprocess.Popen[bytes], second: subprocess.Popen[bytes]) -> None:
        source = Said((agent("a", first.pid),))
        async with watching(source) as monitor:
            source.agents = (AgentSample("a", running=False, reason="pane %1 is gone"),)
            first.kill()
            await until(lambda: state(monitor) is State.STOPPED)
            await monitor.check_now()
            assert reason(monitor) == "pane %1 is gone: it was killed by signal 9 (SIGKILL)"
            before = monitor.snapshot
            await monitor.check_now()
            assert monitor.snapshot is not None
            assert before is not None
            assert monitor.snapshot.agents[0] is before.agents[0], "what is said again is no news"
            source.agents = (agent("a", second.pid),)
            await monitor.check_now()
            source.agents = (AgentSample("a", running=False, reason="left"),)
            await monitor.check_now()
            assert reason(monitor) == "left"

    with process() as first, process() as second:
        asyncio.run(scene(first, second))
