"""What happens in panes is known at once, without a check in between; and nobody is disturbed by the listening."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from telemetry.model import AgentSample, Reading, State
from telemetry.sources.base import Found, LiveSource, Place
from telemetry.sources.tmux.source import KIND, TmuxOptions, TmuxSource
from tests.sources.real_tmux import eventually, is_dead
from tests.sources.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from telemetry.sources.tmux.answer import Answer
    from tests.sources.real_tmux import TmuxServer

ECHO = "stty -echo; while read line; do printf '%s\\n' \"$line\"; done"


def looped(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test runs in a loop of its own."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


REDRAWS = "stty -echo; trap 'i=$((i+1)); echo redrawn $i' WINCH; while :; do read -t 0.05 line && echo \"$line\"; done"


async def soon(condition: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Waits, in the loop that listens, until tmux or a process has done its part."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        await asyncio.sleep(0.005)


class Listening:
    """A source that listens, and a monitor's part in it: what it is called for, it does."""

    def __init__(self, source: TmuxSource) -> None:
        self.source = source
        self.agents: dict[str, AgentSample] = {}
        self.reading: Reading | None = None
        self.calls = 0
        self.reads = 0
        self._called = asyncio.Event()

    def changed(self) -> None:
        self.calls += 1
        self._called.set()

    async def read(self) -> dict[str, AgentSample]:
        self._keep(await self.source.read(time.time()))
        self.reads += 1
        return self.agents

    def glance(self) -> dict[str, AgentSample]:
        reading = self.source.glance(time.time())
        assert reading is not None
        self._keep(reading)
        return self.agents

    async def serve(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            reading = self.source.glance(time.time())
            if reading is None:
                await self.read()
            else:
                self._keep(reading)

    async def heard(self, sessions: int = 1) -> None:
        """Until it hears, and what it hears counts."""
        events = f"events from {sessions} session{'' if sessions == 1 else 's'}"
        try:
            await soon(lambda: self.source.events == events, events, 20)
        except AssertionError as error:
            raise AssertionError(f"it says {self.source.events}") from error
        ear = self.source._hearing._ear
        assert ear is not None
        await soon(
            lambda: all(place.settled_at < asyncio.get_running_loop().time() for place in ear._places.values()),
            "it has settled",
        )

    def _keep(self, reading: Reading) -> None:
        self.reading = reading
        self.agents = {agent.name: agent for agent in reading.agents}


@contextlib.asynccontextmanager
async def listening(tmux: TmuxServer, **options: Any) -> AsyncIterator[Listening]:
    """A source that has read once and listens; calls are answered from then on."""
    settings: dict[str, Any] = {"session": "work", "quiet_after": 0.2} | options
    source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, **settings))
    watched = Listening(source)
    source.listen(watched.changed)
    try:
        await watched.read()
        serving = asyncio.ensure_future(watched.serve())
        try:
            yield watched
        finally:
            serving.cancel()
            await asyncio.wait({serving})
            assert serving.cancelled(), serving.exception()
    finally:
        await source.close()
        await soon(lambda: not tmux.runs() or "1" not in controls(tmux), "tmux has let our clients go")


def controls(tmux: TmuxServer) -> list[str]:
    """For each client, "1" where it is one in control mode."""
    return tmux("list-clients", "-F", "#{client_control_mode}").split()


def echoing(tmux: TmuxServer, name: str = "worker") -> str:
    pane = tmux.session(command=ECHO)
    tmux.name_pane(pane, name)
    return pane


async def idle(watched: Listening, name: str = "worker") -> AgentSample:
    """Until a check finds the agent idle."""
    for _ in range(200):
        if (await watched.read())[name].reported is State.IDLE:
            return watched.agents[name]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} stays busy")


def children(name: str) -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name().startswith(name)]


@pytest.mark.slow
class TestHeard:
    @looped
    async def test_output(self, tmux: TmuxServer) -> None:
        pane = echoing(tmux)
        async with listening(tmux) as watched:
            assert isinstance(watched.source, LiveSource)
            await watched.heard()
            await idle(watched)
            reads, before = watched.reads, time.time()
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is busy")
            assert watched.reads == reads, "no read in between"
            agent = watched.agents["worker"]
            assert before <= agent.last_activity <= time.time()
            assert agent.proven
            assert (await watched.read())["worker"].last_activity == agent.last_activity

    @looped
    async def test_output_of_one_pane_is_its_own(self, tmux: TmuxServer) -> None:
        pane = echoing(tmux)
        tmux.name_pane(tmux.split(command=ECHO), "other")
        async with listening(tmux) as watched:
            await watched.heard()
            await idle(watched)
            other = await idle(watched, "other")
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is busy")
            assert watched.agents["other"] is other, "the very same object"

    @looped
    async def test_closed_pane(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        pane = tmux.split()
        tmux.name_pane(pane, "short")
        async with listening(tmux) as watched:
            await watched.heard()
            await watched.read()
            tmux("kill-pane", "-t", pane)
            await soon(lambda: not watched.agents["short"].running, "it is gone")
            gone = watched.agents["short"]
            assert gone.reason == f"pane {pane} is gone"
            assert gone.detail.pane_id == pane
            assert watched.agents["worker"].running

    @looped
    async def test_closed_window(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        pane = tmux.window()
        tmux.name_pane(pane, "short")
        async with listening(tmux) as watched:
            await watched.heard()
            await watched.read()
            tmux("kill-window", "-t", pane)
            await soon(lambda: not watched.agents["short"].running, "it is gone")

    @looped
    async def test_session_that_ends(self, tmux: TmuxServer) -> None:
        tmux.session("keeper")
        echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            tmux("kill-session", "-t", "work")
            await soon(lambda: not watched.agents["worker"].running, "it is gone")
            assert watched.reading is not None
            assert not watched.reading.session_exists
            await soon(lambda: watched.source.events == "polling: no session holds agents", watched.source.events)

    @looped
    async def test_agent_that_is_started_again_in_its_shell(self, tmux: TmuxServer) -> None:
        pane = tmux.session(command="bash --norc --noprofile")
        tmux.name_pane(pane, "worker")
        async with listening(tmux) as watched:
            await watched.heard()
            assert not (await watched.read())["worker"].running
            tmux.type(pane, "echo ready; sleep 1000")
            await soon(lambda: watched.agents["worker"].running, "it runs")

    @looped
    async def test_every_session_that_holds_agents_and_no_other(self, tmux: TmuxServer) -> None:
        tmux.session("private")
        pane = echoing(tmux)
        tmux.name_pane(tmux.session("second", ECHO), "other")
        async with listening(tmux, session=None) as watched:
            await watched.heard(2)
            clients = tmux("list-clients", "-F", "#{session_name}").split()
            assert sorted(clients) == ["second", "second", "work", "work"]
            await idle(watched)
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is busy")
            tmux.name_pane(tmux.session("third", ECHO), "third")
            await watched.read()
            await watched.heard(3)
            tmux("kill-session", "-t", "second")
            await soon(lambda: not watched.agents["other"].running, "it is gone")
            await watched.heard(2)

    @looped
    async def test_screens_that_are_heard_are_not_looked_at(self, tmux: TmuxServer) -> None:
        pane = echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            asked: list[list[str]] = []
            ask = watched.source._client.ask

            def looking_on(screens_of: Sequence[str], meanwhile: Callable[[], None] | None = None) -> Answer:
                asked.append(list(screens_of))
                return ask(screens_of, meanwhile)

            watched.source._client.ask = looking_on  # type: ignore[method-assign] # to look on
            await watched.read()
            ear = watched.source._hearing._ear
            assert ear is not None
            await ear.close()
            await watched.read()
            assert asked == [[], [pane]]

    @looped
    async def test_most_sessions(self, tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("telemetry.sources.tmux.ear.MOST_SESSIONS", 2)
        for name in "abc":
            tmux.name_pane(tmux.session(name, ECHO), f"agent {name}")
        async with listening(tmux, session=None) as watched:
            await soon(lambda: watched.source.events == "events from 2 sessions, polling 1 more", "two are heard")
            assert len(controls(tmux)) == 4

    def test_monitor_that_is_started_again_in_another_loop(self, tmux: TmuxServer) -> None:
        pane = echoing(tmux)
        source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work", quiet_after=0.2))
        watched = Listening(source)

        async def first() -> None:
            source.listen(watched.changed)
            await watched.read()
            await watched.heard()

        async def second() -> None:
            assert "1" not in controls(tmux), "the clients ended with the loop"
            await watched.read()
            await watched.heard()
            await idle(watched)
            tmux.type(pane, "work")
            await soon(lambda: watched.glance()["worker"].reported is State.BUSY, "it is busy")
            await source.close()

        asyncio.run(first())
        asyncio.run(second())
        assert not children("tmux")
        assert not children("sh")


@pytest.mark.slow
class TestNoActivity:
    @looped
    async def test_resize(self, tmux: TmuxServer, tmp_path: Path) -> None:
        script = tmp_path / "redraws"
        script.write_text(REDRAWS)
        pane = tmux.session(command=f"exec bash {script}")
        tmux.name_pane(pane, "worker")
        async with listening(tmux) as watched:
            await watched.heard()
            before = (await idle(watched)).last_activity
            for number, width in enumerate((60, 70, 80), 1):
                tmux("resize-window", "-t", "work:", "-x", str(width), "-y", "20")
                await soon(lambda number=number: f"redrawn {number}" in tmux.screen(pane), "it draws")  # type: ignore[misc] # a loop's lambda
            assert watched.glance()["worker"].last_activity == before
            assert (await watched.read())["worker"].last_activity == before
            await asyncio.sleep(1.1)  # what comes a second after a resize is work again
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].last_activity > before, "it worked")

    @looped
    async def test_attaching(self, tmux: TmuxServer) -> None:
        pane = tmux.session(command="printf '\\033[?1004h'; stty raw; exec cat")
        tmux.name_pane(pane, "worker")
        async with listening(tmux) as watched:
            before = watched.agents["worker"].last_activity
            await watched.heard()
            await soon(lambda: "[I" in tmux.screen(pane), "tmux tells the program that it has the focus")
            assert (await watched.read())["worker"].last_activity == before

    @looped
    async def test_what_was_on_the_screen_before_is_no_activity_when_polling_begins_again(
        self, tmux: TmuxServer
    ) -> None:
        """The last look at the screen was before the events; it shows something else by now, but not since lately."""
        pane = echoing(tmux)
        async with listening(tmux, quiet_after=0.5) as watched:
            await watched.heard()
            await watched.read()
            await watched.read()
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is busy")
            last = (await idle(watched)).last_activity
            await watched.source._hearing._ear.close()  # type: ignore[union-attr] # it listens
            assert (await watched.read())["worker"].last_activity == last
            assert (await watched.read())["worker"].last_activity == last
            tmux.type(pane, "more")
            await asyncio.to_thread(eventually, lambda: "more" in tmux.screen(pane), "it is printed")
            assert (await watched.read())["worker"].last_activity > last, "polled"


@pytest.mark.slow
class TestNobodyIsDisturbed:
    @pytest.mark.parametrize("window_size", ["latest", "largest", "smallest", "manual"])
    @looped
    async def test_sizes(self, tmux: TmuxServer, window_size: str) -> None:
        echoing(tmux)
        tmux("set-option", "-g", "window-size", window_size)
        sizes = "#{window_width}x#{window_height}"
        alone = tmux("list-windows", "-F", sizes)
        async with listening(tmux) as watched:
            await watched.heard()
            assert tmux("list-windows", "-F", sizes) == alone
        tmux.attach(size="100x30")
        person = tmux.attach(size="90x40")
        await soon(lambda: len(controls(tmux)) == 2, "both are there")
        before = tmux("list-windows", "-F", sizes), tmux("list-clients", "-F", "#{client_pid} #{client_width}")
        async with listening(tmux) as watched:
            await watched.heard()
            assert tmux("list-windows", "-F", sizes) == before[0]
            person.resize("70x20")
            if window_size in {"latest", "smallest"}:
                await soon(lambda: tmux("list-windows", "-F", sizes) == "70x19", "the window follows the terminal")
            person.resize("90x40")
            await soon(lambda: tmux("list-windows", "-F", sizes) == before[0], "and back")
        assert (
            tmux("list-windows", "-F", sizes),
            tmux("list-clients", "-F", "#{client_pid} #{client_width}"),
        ) == before

    @looped
    async def test_options_and_environment(self, tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch) -> None:
        echoing(tmux)
        tmux("set-environment", "-t", "work", "SSH_AUTH_SOCK", "/theirs")
        monkeypatch.setenv("SSH_AUTH_SOCK", "/ours")

        def settings() -> list[str]:
            shown = [tmux("show-options", flag) for flag in ("-s", "-g", "-gw", "-w", "-p")]
            return [*shown, tmux("show-environment", "-t", "work"), tmux("show-environment", "-g"), tmux("show-hooks")]

        before = settings()
        async with listening(tmux) as watched:
            await watched.heard()
            assert settings() == before
        assert settings() == before

    @looped
    async def test_server_outlives_what_is_broken_off(self, tmux: TmuxServer) -> None:
        """tmux falls over when a client goes before it is attached: ours never do."""
        echoing(tmux)
        server = int(tmux("display-message", "-p", "#{pid}"))
        for number in range(60):
            source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work"))
            source.listen(lambda: None)
            await source.read(time.time())
            await asyncio.sleep(number % 20 / 1000)
            await source.close()
        assert tmux("display-message", "-p", "#{pid}") == str(server)

    @looped
    async def test_agents_go_on_while_we_are_stopped(self, tmux: TmuxServer) -> None:
        """As by Ctrl-Z: nobody reads what tmux writes. Without a guard, tmux would stop reading from the panes."""
        counts, pane = tmux.session(command=COUNTS), tmux.split(command="yes")
        for name, one in (("worker", counts), ("other", pane)):
            tmux.name_pane(one, name)
        monitor = await elsewhere(tmux)
        try:
            monitor.send_signal(signal.SIGSTOP)
            await soon(lambda: psutil.Process(monitor.pid).status() == psutil.STATUS_STOPPED, "it is stopped")
            for _ in range(3):
                await asyncio.sleep(1.1)  # longer than a pane may be behind
                before = count(tmux, counts)
                await soon(lambda before=before: count(tmux, counts) > before + 1000, "the agent works")  # type: ignore[misc] # a loop's lambda
            monitor.send_signal(signal.SIGCONT)
            await asyncio.to_thread(told, monitor, "busy")
        finally:
            end(monitor)

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
    @looped
    async def test_nothing_is_left_when_we_are_killed(self, tmux: TmuxServer, how: signal.Signals) -> None:
        counts = tmux.session(command=COUNTS)
        tmux.name_pane(counts, "worker")
        for _ in range(4):
            tmux.name_pane(tmux.window(command="yes"), "flood")
        monitor = await elsewhere(tmux)
        ours = psutil.Process(monitor.pid).children()
        assert sorted(child.name() for child in ours) == ["sh", "tmux: client", "tmux: client"]
        try:
            monitor.send_signal(how)
            await soon(lambda: all(is_dead(child.pid) for child in ours), "they are gone too")
            await soon(lambda: tmux("list-clients") == "", "tmux has let them go")
            before = count(tmux, counts)
            await soon(lambda: count(tmux, counts) > before + 1000, "the agent works")
        finally:
            end(monitor)


COUNTS = "sh -c 'while :; do echo $((i=i+1)); done'"
ELSEWHERE = """
import asyncio, sys, time
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource

async def main():
    source = TmuxSource(TmuxOptions(socket_name=sys.argv[1], session="work"))
    called = asyncio.Event()
    source.listen(called.set)
    await source.read(time.time())
    while not source.events.startswith("events"):
        await asyncio.sleep(0.01)
    print("listens", flush=True)
    await asyncio.sleep(1.2)
    while True:
        await called.wait()
        called.clear()
        reading = source.glance(time.time()) or await source.read(time.time())
        print(*(agent.reported for agent in reading.agents), flush=True)

asyncio.run(main())
"""


async def elsewhere(tmux: TmuxServer) -> subprocess.Popen[str]:
    """A source that listens in another process."""
    command = [sys.executable, "-c", ELSEWHERE, tmux.socket_name]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    monitor = await asyncio.to_thread(subprocess.Popen[str], command, stdin=nowhere, stdout=pipe, text=True)
    try:
        await asyncio.to_thread(told, monitor, "listens")
        await asyncio.to_thread(told, monitor, "busy")
    except BaseException:
        end(monitor)
        raise
    return monitor


def told(monitor: subprocess.Popen[str], word: str) -> None:
    assert monitor.stdout is not None
    while (line := monitor.stdout.readline()) and word not in line:
        pass
    assert word in line, "it ended"


def end(monitor: subprocess.Popen[str]) -> None:
    monitor.kill()
    with monitor:
        pass


def count(tmux: TmuxServer, pane: str) -> int:
    """What the counting agent has come to; it prints a line a moment, of which the last may be half."""
    return int(tmux.screen(pane).split()[-2])


@pytest.mark.slow
class TestLossAndReturn:
    @looped
    async def test_thrown_out_by_a_person(self, tmux: TmuxServer) -> None:
        pane = echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            await asyncio.to_thread(tmux.attach, "work", "100x30", "-d")
            words = "polling: the control client ended, next try in "
            await soon(lambda: watched.source.events.startswith(words), "it is noticed")
            await watched.heard()
            await idle(watched)
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is heard again")

    @looped
    async def test_client_that_is_killed(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        async with listening(tmux) as watched:
            for which in (0, 1):
                await watched.heard()
                clients = children("tmux")
                assert len(clients) == 2
                clients[which].kill()
                await soon(lambda: watched.source.events.startswith("polling: "), "it is noticed")
                assert (await watched.read())["worker"].running
            await watched.heard()

    @looped
    async def test_keeper_that_is_killed(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            (keeper,) = children("sh")
            keeper.kill()
            for client in children("tmux"):
                client.kill()
            await soon(lambda: watched.source.events.startswith("polling: "), "it is noticed")
            await watched.heard()
            assert [child.pid for child in children("sh") if not is_dead(child.pid)] != [keeper.pid]

    @looped
    async def test_server_that_is_killed_and_another(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            server = int(tmux("display-message", "-p", "#{pid}"))
            os.kill(server, signal.SIGKILL)
            await soon(lambda: not watched.agents["worker"].running, "it is known at once")
            assert watched.agents["worker"].reason == "no tmux server runs"
            await soon(lambda: is_dead(server), "the server is gone")
            pane = echoing(tmux)
            await watched.read()
            await watched.heard()
            await idle(watched)
            tmux.type(pane, "work")
            await soon(lambda: watched.agents["worker"].reported is State.BUSY, "it is heard")

    @looped
    async def test_session_that_is_replaced(self, tmux: TmuxServer) -> None:
        """With detach-on-destroy off, tmux would move a client on to somebody else's session."""
        tmux.session("private")
        tmux("set-option", "-g", "detach-on-destroy", "off")
        echoing(tmux)
        async with listening(tmux) as watched:
            await watched.heard()
            tmux("kill-session", "-t", "work")
            await soon(lambda: not watched.agents["worker"].running, "it is gone")
            await soon(lambda: tmux("list-clients") == "", "no client of ours is in a private session")


@pytest.mark.slow
class TestFlood:
    @looped
    async def test_panes_that_print_without_an_end(self, tmux: TmuxServer) -> None:
        echoing(tmux)
        short = tmux.split()
        tmux.name_pane(short, "short")
        for number in range(6):
            tmux.name_pane(tmux.window(command="yes"), f"flood{number}")
        server = psutil.Process(int(tmux("display-message", "-p", "#{pid}")))
        async with listening(tmux) as watched:
            await watched.heard()
            await soon(lambda: sum(a.reported is State.BUSY for a in watched.agents.values()) >= 6, "they are busy")
            ours, theirs = psutil.Process().memory_info().rss, server.memory_info().rss
            spent = sum(psutil.Process().cpu_times()[:2])
            await asyncio.sleep(3)
            spent = sum(psutil.Process().cpu_times()[:2]) - spent
            assert spent < 1.5, "half of a core would be a flood that isn't stopped"
            assert psutil.Process().memory_info().rss < ours + (20 << 20)
            assert server.memory_info().rss < theirs + (20 << 20)
            tmux("kill-pane", "-t", short)
            await soon(lambda: not watched.agents["short"].running, "it is gone")


def test_off(tmux: TmuxServer) -> None:
    async def listen() -> None:
        tmux.name_pane(tmux.session(), "worker")
        async with listening(tmux, events=False) as watched:
            assert watched.source.events == "polling: tmux.events is off"
            assert (await watched.read())["worker"].running
            assert tmux("list-clients") == ""
            assert watched.source.glance(time.time()) is None
            assert watched.calls == 0

    asyncio.run(listen())


class TestKind:
    def test_looks(self, tmux: TmuxServer) -> None:
        options = TmuxOptions(socket_name=tmux.socket_name)
        assert KIND.look(options) == Found(False, "no tmux server runs")
        tmux.session()
        assert KIND.look(options) == Found(False, "no pane carries @agent_name or runs a known agent program")
        tmux.name_pane(tmux.split(), "worker")
        assert KIND.look(options) == Found(True, "1 pane holds an agent")
        tmux.name_pane(tmux.split(), "other")
        assert KIND.look(options) == Found(True, "2 panes hold agents")

    def test_without_tmux(self, tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        options = TmuxOptions(socket_name=tmux.socket_name)
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(tmp_path))
            assert KIND.look(options) == Found(False, "tmux was not found: it isn't installed, or not in PATH")

    def test_makes(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        source = KIND.make(Place("mine", TmuxOptions(socket_name=tmux.socket_name, session="work")))

        async def read() -> Reading:
            reading = await source.read(time.time())
            await source.close()
            return reading

        (agent,) = asyncio.run(read()).agents
        assert (source.name, source.cluster, agent.name, agent.detail.named) == ("tmux", "mine", "worker", True)


class TestDetail:
    def test_how_it_ended(self, tmux: TmuxServer) -> None:
        tmux.session()
        tmux("set-option", "-g", "remain-on-exit", "on")
        ended, killed = tmux.split(command="exit 7"), tmux.split(command="kill -TERM $$")
        tmux.name_pane(ended, "ended")
        tmux.name_pane(killed, "killed")

        def told() -> bool:
            # tmux can miss one of two deaths at once, and keeps a zombie of unknown end: it is made to look again.
            os.kill(int(tmux.show(ended, "pid")), signal.SIGCHLD)
            return (tmux.show(ended, "pane_dead_status"), tmux.show(killed, "pane_dead_signal")) == ("7", "15")

        eventually(told, "how they ended")
        agents = Watcher(tmux).read()
        assert (agents["ended"].detail.exit_status, agents["ended"].detail.pane_id) == (7, ended)
        assert agents["killed"].detail.exit_status == -15

    def test_name_that_nobody_gave(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        tmux.split(command="exec sleep 1000")
        agents = Watcher(tmux, programs=("sleep",)).read()
        assert (agents["worker"].detail.named, agents["sleep"].detail.named) == (True, False)
        assert agents["sleep"].detail.exit_status is None
