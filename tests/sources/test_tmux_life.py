"""Does the agent in the pane run, and how often was it started again?"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from telemetry import ClusterMonitor
from telemetry.sources.processes import ProcessInfo
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource
from telemetry.store import Store
from telemetry.testing import CapturedSignals, FakeClock
from tests.sources.real_tmux import TmuxServer, eventually, is_dead
from tests.sources.watching import START, Watcher, running


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first in PATH with made-up agents: `claude` is `sleep` under another name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "claude").symlink_to("/bin/sleep")
    (folder / "start-agent.sh").write_text("#!/bin/sh\nclaude 1000\nread answer\n")
    (folder / "start-agent.sh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def five(tmux: TmuxServer) -> list[str]:
    panes = [tmux.session(), *(tmux.split() for _ in range(4))]
    for number, pane in enumerate(panes):
        tmux.name_pane(pane, f"agent{number}", f"role {number}")
    return panes


def child_named(pid: int, name: str) -> int:
    """The pid of the child of that name, 0 while there is none."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        if Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip() == name and not is_dead(int(child)):
            return int(child)
    return 0


def wait_for_child(pid: int, name: str) -> int:
    eventually(lambda: child_named(pid, name), f"{name} starts")
    return child_named(pid, name)


def in_foreground(tmux: TmuxServer, pane: str, command: str) -> None:
    eventually(lambda: tmux.show(pane, "pane_current_command") == command, f"{command} is in the foreground")


def test_five_agents_run(tmux: TmuxServer) -> None:
    five(tmux)
    agents = Watcher(tmux).read()
    assert running(agents) == {f"agent{n}" for n in range(5)}
    assert [agent.pane_index for agent in agents.values()] == [0, 1, 2, 3, 4]
    assert [agent.role for agent in agents.values()] == [f"role {n}" for n in range(5)]
    assert {agent.restart_count for agent in agents.values()} == {0}
    assert all(agent.proven and agent.reason == "" and agent.pid for agent in agents.values())


def test_first_of_five_is_killed_and_the_rest_are_renumbered(tmux: TmuxServer) -> None:
    panes = five(tmux)
    watcher = Watcher(tmux)
    watcher.read()
    tmux.kill_process(tmux.pid(panes[0]))
    tmux("kill-pane", "-t", panes[0]) if panes[0] in tmux.panes() else None  # tmux may have missed its death
    eventually(lambda: panes[0] not in tmux.panes(), "the pane closes")
    assert tmux.show(panes[1], "pane_index") == "0"
    agents = watcher.read(5)
    assert running(agents) == {"agent1", "agent2", "agent3", "agent4"}
    assert agents["agent0"].reason == f"pane {panes[0]} is gone"
    assert agents["agent0"].role == "role 0"
    assert agents["agent1"].pane_index == 0


def test_killed_process_is_down_whether_tmux_noticed_or_not(tmux: TmuxServer) -> None:
    panes = [tmux.session(), *(tmux.split() for _ in range(7))]
    for pane in panes:
        tmux.name_pane(pane, f"agent{pane}")
    watcher = Watcher(tmux)
    watcher.read()
    for pane in panes[1:]:
        tmux.kill_process(tmux.pid(pane))
        assert not watcher.read(5)[f"agent{pane}"].running
    assert running(watcher.read(6)) == {f"agent{panes[0]}"}


def test_zombie_is_dead(tmux: TmuxServer) -> None:
    pane = tmux.session(command="sleep 1000")
    tmux.name_pane(pane, "worker")
    watcher = Watcher(tmux)
    watcher.read()
    pid = tmux.pid(pane)

    class WithTmuxAsleep:
        """The process table as it is after tmux lost the signal: the pane's process is a zombie."""

        def __init__(self) -> None:
            self.real = watcher.source._finder._processes

        def get(self, asked: int) -> object:
            info = self.real.get(asked)
            return info._replace(dead=True) if info and asked == pid else info

    watcher.source._finder._processes = WithTmuxAsleep()  # type: ignore[assignment] # only `get` is asked
    agent = watcher.read(5)["worker"]
    assert not agent.running
    assert agent.reason == f"process {pid} died, unnoticed by tmux, in pane {pane}"


@pytest.mark.parametrize(("how", "words"), [("exit 3", "status 3"), ("exit 0", "status 0")])
def test_dead_pane_that_stays_tells_its_status(tmux: TmuxServer, how: str, words: str) -> None:
    pane = tmux.session(command="sleep 1000")
    tmux("set-option", "-g", "remain-on-exit", "on")
    tmux.name_pane(pane, "worker")
    watcher = Watcher(tmux)
    assert watcher.read()["worker"].running
    # Until tmux notices: it loses the signal now and then, and respawning ends that.
    eventually(lambda: _dies_visibly(tmux, pane, how), "tmux sees the end")
    agent = watcher.read(5)["worker"]
    assert not agent.running
    assert agent.reason == f"it ended with {words} in pane {pane}"


def _dies_visibly(tmux: TmuxServer, pane: str, how: str) -> bool:
    tmux("respawn-pane", "-k", "-t", pane, how)
    pid = tmux.pid(pane)
    eventually(lambda: is_dead(pid) or tmux.show(pane, "pane_dead") == "1", "it ends")
    return tmux.show(pane, "pane_dead") == "1" and tmux.show(pane, "pane_dead_status") != ""


def test_restart_is_counted_once(tmux: TmuxServer, tmp_path: Path) -> None:
    panes = five(tmux)
    tmux("set-option", "-g", "remain-on-exit", "on")
    store = Store(tmp_path / "state.db")
    watcher = Watcher(tmux, store)
    watcher.read()
    tmux.kill_process(tmux.pid(panes[2]))
    down = watcher.read(5)["agent2"]
    assert (down.running, down.restart_count) == (False, 0)
    tmux("respawn-pane", "-k", "-t", panes[2])
    for number in range(100):
        agents = watcher.read(10 + number)
        assert [agent.restart_count for agent in agents.values()] == [0, 0, 1, 0, 0]
        assert len(running(agents)) == 5
    watcher.close()
    again = Watcher(tmux, Store(tmp_path / "state.db"))
    for number in range(3):
        assert [agent.restart_count for agent in again.read(200 + number).values()] == [0, 0, 1, 0, 0]


def test_process_that_changed_while_the_monitor_was_down_counts_once(tmux: TmuxServer, tmp_path: Path) -> None:
    pane = tmux.session()
    tmux.name_pane(pane, "worker")
    watcher = Watcher(tmux, Store(tmp_path / "state.db"))
    watcher.read()
    watcher.close()
    for _ in range(3):
        tmux("respawn-pane", "-k", "-t", pane)
    again = Watcher(tmux, Store(tmp_path / "state.db"))
    assert again.read(60)["worker"].restart_count == 1
    assert again.read(65)["worker"].restart_count == 1


class NobodyOfHere:
    """The process table of a container that has only tmux's socket."""

    def get(self, pid: int) -> None:
        return None

    def arguments(self, pid: int) -> list[str]:
        return []

    def children(self, process: ProcessInfo) -> list[int]:
        return []


class TestFromInsideAContainer:
    def test_restarts_are_counted_and_no_process_is_named(self, tmux: TmuxServer) -> None:
        pane = tmux.session()
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux, processes=NobodyOfHere())
        for at, restarts in enumerate((0, 1, 2)):
            for second in (0, 5):
                agent = watcher.read(10 * at + second)["worker"]
                assert (agent.running, agent.pid, agent.restart_count) == (True, None, restarts)
            tmux("respawn-pane", "-k", "-t", pane)

    def test_a_stranger_with_the_same_number_is_not_watched(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        options = TmuxOptions(socket_name=tmux.socket_name, session="work", events=False)

        async def how_deaths_are_seen() -> str:
            clock = FakeClock(START)
            source = TmuxSource(options, processes=NobodyOfHere())
            monitor = ClusterMonitor.for_source(source, signals=CapturedSignals(clock).signals, clock=clock)
            monitor.start()
            try:
                await monitor.check_now()
                assert monitor.snapshot is not None
                assert [agent.sample.running for agent in monitor.snapshot.agents] == [True]
                return monitor.deaths_are_seen
            finally:
                await monitor.close()

        assert asyncio.run(how_deaths_are_seen()) == "at once, by pidfd: 0 processes"


def test_agent_gone_while_the_monitor_was_down_stays_expected(tmux: TmuxServer, tmp_path: Path) -> None:
    panes = five(tmux)
    watcher = Watcher(tmux, Store(tmp_path / "state.db"))
    watcher.read()
    watcher.close()
    tmux("kill-pane", "-t", panes[0])
    agents = Watcher(tmux, Store(tmp_path / "state.db")).read(60)
    assert running(agents) == {"agent1", "agent2", "agent3", "agent4"}
    assert agents["agent0"].reason == f"pane {panes[0]} is gone"


def test_restart_is_a_sign_of_life(tmux: TmuxServer) -> None:
    pane = tmux.session()
    tmux.name_pane(pane, "worker")
    watcher = Watcher(tmux)
    watcher.read()
    old = watcher.read(500)["worker"]
    tmux("respawn-pane", "-k", "-t", pane)
    new = watcher.read(600)["worker"]
    assert new.last_activity - old.last_activity >= 600 - 500
    assert new.restart_count == 1


SHELL = "bash --norc --noprofile"


def bare_shell(tmux: TmuxServer) -> str:
    """A session whose pane is an interactive shell that is ready."""
    pane = tmux.session(command=SHELL)
    eventually(lambda: "bash-" in tmux.screen(pane), "the shell is ready")
    return pane


class TestShells:
    def test_bare_shell_is_no_agent(self, tmux: TmuxServer) -> None:
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        agent = Watcher(tmux).read()["worker"]
        assert not agent.running
        assert agent.reason == f"only bash runs in pane {pane}"
        assert agent.restart_count == 0

    def test_agent_typed_in_a_shell_comes_goes_and_comes_again(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        watcher.read()
        tmux.type(pane, "claude 1000")
        pid = wait_for_child(tmux.pid(pane), "claude")
        in_foreground(tmux, pane, "claude")
        first = watcher.read(5)["worker"]
        assert (first.running, first.pid, first.restart_count) == (True, pid, 0)
        tmux.kill_process(pid)
        in_foreground(tmux, pane, "bash")
        left = watcher.read(10)["worker"]
        assert (left.running, left.reason) == (False, f"only bash is left in pane {pane}")
        assert left.reported is None
        tmux.type(pane, "claude 1001")
        in_foreground(tmux, pane, "claude")
        assert watcher.read(15)["worker"].restart_count == 1
        assert watcher.read(20)["worker"].running

    def test_shell_that_stays_after_the_agent_is_no_agent(self, tmux: TmuxServer) -> None:
        pane = tmux.session(command=f"bash -c 'sleep 1000; exec {SHELL}'")
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        sleeper = wait_for_child(tmux.pid(pane), "sleep")
        assert watcher.read()["worker"].running
        tmux.kill_process(sleeper)
        eventually(lambda: "bash-" in tmux.screen(pane), "the shell is ready")
        agent = watcher.read(5)["worker"]
        assert (agent.running, agent.reason) == (False, f"only bash is left in pane {pane}")

    def test_wrapper_is_not_its_agent(self, tmux: TmuxServer, programs: Path) -> None:
        pane = tmux.session(command=f"bash {programs}/start-agent.sh")
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        wrapper = tmux.pid(pane)
        claude = wait_for_child(wrapper, "claude")
        agent = watcher.read()["worker"]
        assert (agent.running, agent.pid) == (True, claude)
        tmux.kill_process(claude)
        eventually(lambda: not child_named(wrapper, "claude"), "the wrapper is alone")
        left = watcher.read(5)["worker"]
        assert not left.running
        assert left.reason == f"only a bash script is left in pane {pane}: claude is gone"

    def test_wrapper_seen_before_its_agent_is_no_restart(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        pane = tmux.session(command="bash -c 'read go; claude 1000; read go'")
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        assert watcher.read()["worker"].running
        tmux.type(pane, "")
        claude = wait_for_child(tmux.pid(pane), "claude")
        agent = watcher.read(5)["worker"]
        assert (agent.pid, agent.restart_count) == (claude, 0)

    def test_loop_that_starts_the_agent_again(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        pane = tmux.session(command="bash -c 'while :; do claude 1000; done'")
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        first = wait_for_child(tmux.pid(pane), "claude")
        watcher.read()
        tmux.kill_process(first)
        second = wait_for_child(tmux.pid(pane), "claude")
        agent = watcher.read(5)["worker"]
        assert (agent.pid, agent.restart_count) == (second, 1)

    def test_script_that_is_the_agent_keeps_its_identity(self, tmux: TmuxServer) -> None:
        pane = tmux.session(command="bash -c 'while :; do sleep 0.01; done'")
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        pid = tmux.pid(pane)
        for number in range(20):
            agent = watcher.read(number)["worker"]
            assert (agent.running, agent.pid, agent.restart_count) == (True, pid, 0)

    def test_what_an_agent_starts_is_no_restart(self, tmux: TmuxServer) -> None:
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        tmux.type(pane, "python3 -S -i")
        eventually(lambda: ">>>" in tmux.screen(pane), "Python is ready")
        tmux.type(pane, "import subprocess")
        tmux.type(pane, "while True: _ = subprocess.run(['sleep', '0.02'])")
        tmux.type(pane, "")
        python = tmux.show(pane, "pane_current_command")
        assert python.startswith("python")
        pids = set()
        for number in range(20):
            agent = watcher.read(number)["worker"]
            assert (agent.running, agent.restart_count) == (True, 0)
            pids.add(agent.pid)
        assert len(pids) == 1

    def test_suspended_agent_lives(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        tmux.type(pane, "claude 1000")
        in_foreground(tmux, pane, "claude")
        pid = watcher.read()["worker"].pid
        tmux("send-keys", "-t", pane, "C-z")
        in_foreground(tmux, pane, "bash")
        agent = watcher.read(5)["worker"]
        assert (agent.running, agent.pid, agent.restart_count) == (True, pid, 0)

    def test_inner_shell_is_bare_too(self, tmux: TmuxServer) -> None:
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        tmux.type(pane, "sh")
        in_foreground(tmux, pane, "sh")
        agent = Watcher(tmux).read()["worker"]
        assert (agent.running, agent.reason) == (False, f"only sh runs in pane {pane}")

    def test_pipeline_whose_first_has_ended(self, tmux: TmuxServer) -> None:
        pane = bare_shell(tmux)
        tmux.name_pane(pane, "worker")
        tmux.type(pane, "true | sleep 1000")
        sleeper = wait_for_child(tmux.pid(pane), "sleep")
        watcher = Watcher(tmux)
        # The shell hands the terminal over some moments after it started the two.
        eventually(lambda: watcher.read()["worker"].running, "they are in the foreground")
        assert watcher.read()["worker"].pid == sleeper

    def test_suspend_by_signal_is_alive(self, tmux: TmuxServer) -> None:
        pane = tmux.session()
        tmux.name_pane(pane, "worker")
        os.kill(tmux.pid(pane), signal.SIGSTOP)
        assert Watcher(tmux).read()["worker"].running


class TestKnownPrograms:
    def test_unnamed_pane_with_an_agent_lends_its_name(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        tmux.session()
        pane = tmux.split(command="claude 1000")
        eventually(lambda: tmux.show(pane, "pane_current_command") == "claude", "claude starts")
        watcher = Watcher(tmux)
        agents = watcher.read()
        assert running(agents) == {"claude"}, "the pane that only sleeps is nobody's"

    def test_its_end_is_noticed_though_the_pane_goes(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        tmux.session()
        pane = tmux.split(command="claude 1000")
        watcher = Watcher(tmux)
        eventually(watcher.read, "claude is seen")
        tmux("kill-pane", "-t", pane)
        agent = watcher.read(5)["claude"]
        assert (agent.running, agent.reason) == (False, f"pane {pane} is gone")

    def test_another_program_in_its_pane_is_not_it(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        pane = bare_shell(tmux)
        watcher = Watcher(tmux)
        tmux.type(pane, "claude 1000")
        eventually(watcher.read, "claude is seen")
        tmux("send-keys", "-t", pane, "C-c")
        in_foreground(tmux, pane, "bash")
        left = watcher.read(5)["claude"]
        assert (left.running, left.reason) == (False, f"only bash is left in pane {pane}")
        tmux.type(pane, "sleep 1000")
        in_foreground(tmux, pane, "sleep")
        other = watcher.read(10)["claude"]
        assert (other.running, other.reason) == (False, f"sleep runs in pane {pane}: claude is gone")
        assert other.restart_count == 0

    def test_new_pane_takes_the_place_of_one_that_is_gone(self, tmux: TmuxServer, programs: Path) -> None:
        assert programs
        tmux.session()
        first = tmux.split(command="claude 1000")
        second = tmux.split(command="claude 1000")
        watcher = Watcher(tmux)
        eventually(lambda: len(watcher.read()) == 2, "both are seen")
        assert set(watcher.read()) == {"claude", "claude#2"}
        tmux("kill-pane", "-t", first)
        assert running(watcher.read(5)) == {"claude#2"}, "the one that stays keeps its name"
        third = tmux.split(command="claude 1000")
        eventually(lambda: tmux.show(third, "pane_current_command") == "claude", "claude starts")
        agents = watcher.read(10)
        assert running(agents) == {"claude", "claude#2"}
        assert (agents["claude"].restart_count, agents["claude#2"].restart_count) == (1, 0)
        assert second in tmux.panes()

    def test_own_list_of_programs(self, tmux: TmuxServer) -> None:
        tmux.session()
        watcher = Watcher(tmux, programs=("sleep",))
        eventually(lambda: running(watcher.read()) == {"sleep"}, "the program is there")
