"""The process source, against real processes that are not the test's own children."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from telemetry.model import AgentSample
from telemetry.sources.process.census import take_census
from telemetry.sources.process.command import CommandLines
from telemetry.sources.processes import LinuxProcesses
from telemetry.store import Store, StoreError
from tests.sources.process_world import Nursery, Watcher, line_of, state
from tests.waiting import eventually

pytestmark = pytest.mark.slow  # real processes, some of which must grow two seconds old

Watch = Callable[..., Watcher]


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    yield one
    one.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Makes watchers, and closes them."""
    made: list[Watcher] = []

    def make(*agents: dict[str, Any], **options: Any) -> Watcher:
        made.append(Watcher(*agents, **options))
        return made[-1]

    yield make
    for watcher in made:
        watcher.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store(tmp_path / "store.db")
    yield one
    one.close()


def kill(pid: int, nursery: Nursery | None = None) -> None:
    """Kills it; without a nursery that reaps it, it stays a zombie."""
    os.kill(pid, signal.SIGKILL)
    if nursery is not None:
        nursery.reap(pid)
    else:
        eventually(lambda: state(pid) in ("", "Z"), every=0.002, what="it is dead")


def tail_below(shell: int) -> int:
    """The pid of the `tail` that a shell has started."""

    def pid() -> int | None:
        return next((c.pid for c in psutil.Process(shell).children() if line_of(c.pid).startswith("tail")), None)

    found = eventually(pid, every=0.002, what="the shell has started it")
    assert found is not None
    return found


def in_short(agents: dict[str, AgentSample]) -> dict[str, int | None]:
    """Who runs, and as which process."""
    return {name: agent.pid if agent.running else None for name, agent in agents.items()}


# --- pid files --------------------------------------------------------------------------------------------------------


class TestPidFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "agent.pid"

    @pytest.fixture
    def agent(self, path: Path) -> dict[str, Any]:
        return {"name": "alice", "role": "reviewer", "pid_file": path}

    def test_it_runs(self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(f"{pid}\n")
        watcher = watch(agent)
        alice = watcher.read()["alice"]
        assert (alice.running, alice.pid, alice.role, alice.restart_count) == (True, pid, "reviewer", 0)
        assert (alice.reported, alice.reason) == (None, ""), "busy or idle can't be told by a process"
        assert alice.detail.cpu_seconds == 0.0

        def memory_is_told() -> bool:  # it still grows while it starts
            resident = psutil.Process(pid).memory_info().rss
            return watcher.read()["alice"].detail.memory_bytes == pytest.approx(resident, rel=0.02)

        eventually(memory_is_told, every=0.01)

    def test_what_says_nothing_new_is_the_same_object(
        self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]
    ) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        watcher = watch(agent, {"name": "bob", "pid_file": path.with_name("bob.pid")})
        first, second = watcher.read(0), watcher.read(10)
        assert first["alice"] is second["alice"]
        assert first["bob"] is second["bob"], "also one that doesn't run"

    @pytest.mark.parametrize(("signalled", "end"), [(signal.SIGKILL, "9 (SIGKILL)"), (signal.SIGTERM, "15 (SIGTERM)")])
    def test_killed_and_not_yet_reaped(
        self, nursery: Nursery, watch: Watch, path: Path, signalled: signal.Signals, end: str
    ) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        watcher = watch({"name": "alice", "pid_file": path})
        watcher.read(0)
        os.kill(pid, signalled)
        eventually(lambda: state(pid) == "Z", what="it is a zombie")
        alice = watcher.read(1)["alice"]
        assert not alice.running
        assert alice.reason == f"process {pid}, named in pid file {path}: it was killed by signal {end}"
        assert alice.detail.exit_status == -signalled
        assert state(pid) == "Z", "its end is still there for its parent"
        nursery.reap(pid)
        assert watcher.read(2)["alice"] is alice, "how it ended is remembered"

    def test_gone_without_a_trace(self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        watcher = watch(agent)
        watcher.read(0)
        kill(pid, nursery)
        alice = watcher.read(1)["alice"]
        assert (alice.running, alice.detail.exit_status) == (False, None)
        assert alice.reason == f"process {pid}, named in pid file {path}, is gone"

    def test_who_watched_it_end_knows_how(
        self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]
    ) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        watcher = watch(agent)
        watcher.read(0)
        kill(pid, nursery)
        watcher.source.ended(pid, -9)
        alice = watcher.read(1)["alice"]
        assert alice.reason == f"process {pid}, named in pid file {path}: it was killed by signal 9 (SIGKILL)"
        assert alice.detail.exit_status == -9
        assert watcher.read(2)["alice"] is alice

    def test_restart_is_counted_and_a_sign_of_life(
        self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]
    ) -> None:
        watcher = watch(agent)
        pids = []
        for at in range(3):
            pids.append(nursery.start("sleep", "1000"))
            path.write_text(str(pids[-1]))
            alice = watcher.read(at)["alice"]
            assert (alice.pid, alice.restart_count) == (pids[-1], at)
            assert alice.last_activity == (watcher.start + at if at else 0.0)
            kill(pids[-1])
            assert watcher.read(at + 0.5)["alice"].restart_count == at

    def test_no_file(self, watch: Watch, path: Path, agent: dict[str, Any]) -> None:
        watcher = watch(agent)
        alice = watcher.read()["alice"]
        assert (alice.running, alice.reason) == (False, f"no pid file {path}")
        assert watcher.reading.problems == ()

    def test_a_process_that_began_later_is_another(
        self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]
    ) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        os.utime(path, (time.time() - 60, time.time() - 60))
        alice = watch(agent).read()["alice"]
        assert not alice.running
        assert alice.reason == f"process {pid} began after pid file {path} was written: it is another one"

    @pytest.mark.parametrize("content", ["", "\n", "no pid", "-1", "0", "4194305", "9" * 5000, "12 34", "١٢", "\0" * 9])
    def test_garbage(self, watch: Watch, path: Path, agent: dict[str, Any], content: str) -> None:
        path.write_text(content)
        watcher = watch(agent)
        alice = watcher.read()["alice"]
        assert not alice.running
        assert alice.reason.startswith(f"pid file {path} ")
        assert watcher.reading.problems == ((alice.reason,) if content else ())

    def test_while_it_is_written_anew_the_process_is_the_agent(
        self, nursery: Nursery, watch: Watch, path: Path, agent: dict[str, Any]
    ) -> None:
        pid = nursery.start("sleep", "1000")
        path.write_text(str(pid))
        watcher = watch(agent)
        watcher.read(0)
        path.write_text("")
        assert in_short(watcher.read(1)) == {"alice": pid}
        path.unlink()
        assert in_short(watcher.read(2)) == {"alice": pid}
        kill(pid)
        alice = watcher.read(3)["alice"]
        assert (alice.running, alice.reason, alice.detail.exit_status) == (False, f"no pid file {path}", -9)

    def test_a_fifo_or_a_folder_holds_nobody_up(self, watch: Watch, path: Path, agent: dict[str, Any]) -> None:
        os.mkfifo(path)
        folder = path.with_name("folder")
        folder.mkdir()
        watcher = watch(agent, {"name": "bob", "pid_file": folder})
        agents = watcher.read()
        assert agents["alice"].reason == f"pid file {path} is no small regular file"
        assert agents["bob"].reason == f"pid file {folder} is no small regular file"
        assert len(watcher.reading.problems) == 2

    def test_a_loop_of_links_can_not_be_told(self, watch: Watch, path: Path, agent: dict[str, Any]) -> None:
        path.symlink_to(path)
        watcher = watch(agent)
        alice = watcher.read()["alice"]
        assert alice.reported == "unknown"
        assert alice.reason == f"pid file {path} can't be read: Too many levels of symbolic links"
        assert watcher.reading.problems == (alice.reason,)


# --- command lines ----------------------------------------------------------------------------------------------------


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """Its path stands in the command lines of this test's agents, and in no other."""
        path = tmp_path / "worker"
        path.touch()
        return path

    @pytest.fixture
    def agent(self, file: Path) -> dict[str, Any]:
        return {"name": "worker", "command": f"tail .*{file}$"}

    def test_one(self, nursery: Nursery, watch: Watch, file: Path, agent: dict[str, Any]) -> None:
        watcher = watch(agent)
        worker = watcher.read(0)["worker"]
        assert (worker.running, worker.reason) == (False, "no process has a command line that matches")
        pid = nursery.start("tail", "-f", file)
        assert in_short(watcher.read(1)) == {"worker": pid}
        kill(pid)
        worker = watcher.read(2)["worker"]
        assert (worker.running, worker.detail.exit_status) == (False, -9)
        assert worker.reason == f"process {pid}: it was killed by signal 9 (SIGKILL)"
        again = nursery.start("tail", "-f", file)
        worker = watcher.read(3)["worker"]
        assert (worker.pid, worker.restart_count) == (again, 1)

    def test_several_keep_their_names(self, nursery: Nursery, watch: Watch, file: Path, agent: dict[str, Any]) -> None:
        first, second, third = (nursery.start("tail", "-f", file) for _ in range(3))
        watcher = watch(agent)
        assert in_short(watcher.read(100)) == {"worker": first, "worker#2": second, "worker#3": third}
        kill(first)
        assert in_short(watcher.read(200)) == {"worker": None, "worker#2": second, "worker#3": third}
        kill(second, nursery)
        agents = watcher.read(300)
        assert in_short(agents) == {"worker": None, "worker#2": None, "worker#3": third}
        assert agents["worker#2"].reason == f"process {second} is gone"
        new = nursery.start("tail", "-f", file)
        agents = watcher.read(400)
        assert in_short(agents) == {"worker": new, "worker#2": None, "worker#3": third}
        assert [agent.restart_count for agent in agents.values()] == [1, 0, 0]

    def test_forget(self, nursery: Nursery, watch: Watch, file: Path, agent: dict[str, Any], store: Store) -> None:
        first, second = (nursery.start("tail", "-f", file) for _ in range(2))
        watcher = watch(agent, store=store)
        watcher.read(100)
        kill(second)
        assert in_short(watcher.read(101)) == {"worker": first, "worker#2": None}
        assert not watcher.forget("worker"), "it is configured"
        assert not watcher.forget("worker#3")
        assert watcher.forget("worker#2")
        assert in_short(watcher.read(102)) == {"worker": first}
        assert in_short(watch(agent, store=store).read(103)) == {"worker": first}, "also by the next monitor"

    def test_a_moments_command_is_no_agent(
        self, nursery: Nursery, watch: Watch, file: Path, agent: dict[str, Any]
    ) -> None:
        first = nursery.start("tail", "-f", file)
        watcher = watch(agent)
        assert in_short(watcher.read(1)) == {"worker": first}
        second = nursery.start("tail", "-n1", "-f", file)
        assert in_short(watcher.read(1)) == {"worker": first}, "it may be over in a moment"
        assert in_short(watcher.read(60)) == {"worker": first, "worker#2": second}

    def test_the_shell_that_started_it_is_not_the_agent(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        shell = nursery.start("sh", "-c", f"tail -f {file}; sleep 1000; true")
        child = tail_below(shell)
        watcher = watch({"name": "worker", "command": str(file)})
        assert in_short(watcher.read(0)) == {"worker": child}
        os.kill(child, signal.SIGKILL)
        eventually(lambda: state(child) == "", what="the shell has reaped it")
        worker = watcher.read(1)["worker"]
        assert not worker.running
        assert worker.reason == f"process {child} is gone; only the sh that started it is left"

    def test_a_shell_seen_before_its_agent_is_no_restart(
        self, nursery: Nursery, watch: Watch, file: Path, tmp_path: Path
    ) -> None:
        go = tmp_path / "go"
        os.mkfifo(go)
        shell = nursery.start("sh", "-c", f"read line < {go}; tail -f {file}; true")
        watcher = watch({"name": "worker", "command": f"{file}"})
        assert in_short(watcher.read(0)) == {"worker": shell}
        go.write_text("go\n")
        child = tail_below(shell)
        worker = watcher.read(1)["worker"]
        assert (worker.pid, worker.restart_count) == (child, 0)

    def test_a_script_and_what_it_calls_for_a_moment(self, nursery: Nursery, watch: Watch, tmp_path: Path) -> None:
        script = tmp_path / "agent.sh"
        script.write_text(f"tail -f {script}\ntrue\n")
        shell = nursery.start("bash", script)
        child = tail_below(shell)
        watcher = watch({"name": "worker", "command": str(script)})
        assert in_short(watcher.read(0)) == {"worker": shell}
        worker = watcher.read(60)["worker"]
        assert (worker.pid, worker.restart_count) == (child, 0), "it is what the script is there for"

    def test_forks_of_an_agent_belong_to_it(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        code = "import os, time; os.fork(); os.fork(); time.sleep(1000)"
        top = nursery.start(sys.executable, "-S", "-c", code, file)
        eventually(lambda: len(psutil.Process(top).children(recursive=True)) == 3, every=0.002)
        assert in_short(watch({"name": "worker", "command": str(file)}).read(60)) == {"worker": top}

    def test_never_a_child_of_the_monitor(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        other = nursery.start("tail", "-f", file)
        with psutil.Popen(["tail", "-f", str(file)], stdout=-3) as child:
            try:
                eventually(lambda: line_of(child.pid).startswith("tail"), every=0.002)
                assert in_short(watch({"name": "worker", "command": str(file)}).read(60)) == {"worker": other}
            finally:
                child.kill()

    def test_never_the_monitor_nor_the_shell_that_started_it(self, nursery: Nursery, file: Path) -> None:
        shell = nursery.start("sh", "-c", f"tail -f {file}; true")
        monitor = tail_below(shell)
        other = nursery.start("tail", "-f", file)
        lines = CommandLines(take_census(), LinuxProcesses().arguments, monitor)
        assert [entry.pid for entry in lines.matching(re.compile(str(file)))] == [other]

    def test_a_pattern_that_matches_too_much(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        code = "import os, time\nfor _ in range(120): os.fork() or time.sleep(1000)\ntime.sleep(1000)"
        top = nursery.start(sys.executable, "-S", "-c", code, file)
        try:
            eventually(lambda: len(psutil.Process(top).children()) == 120, every=0.01)
            kill(top, nursery)  # its forks have no matching parent any more
            watcher = watch({"name": "worker", "command": str(file)})
            assert len(watcher.read(60)) == 100
            assert watcher.reading.problems == ("agent worker: more than 100 processes match; so many are watched",)
        finally:
            os.killpg(top, signal.SIGKILL)

    def test_a_launcher_is_not_the_agent(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        launcher = nursery.start("timeout", "1000", "tail", "-f", file)
        child = tail_below(launcher)
        assert in_short(watch({"name": "worker", "command": str(file)}).read()) == {"worker": child}

    def test_a_script_that_starts_its_agent_again(
        self, nursery: Nursery, watch: Watch, file: Path, tmp_path: Path
    ) -> None:
        script = tmp_path / "loop.sh"
        script.write_text("while read line < $2; do tail -f $1; done\n")
        go = tmp_path / "go"
        os.mkfifo(go)
        shell = nursery.start("bash", script, file, go)
        go.write_text("go\n")
        first = tail_below(shell)
        watcher = watch({"name": "worker", "command": str(file)})
        assert in_short(watcher.read(60)) == {"worker": first}
        os.kill(first, signal.SIGKILL)
        eventually(lambda: state(first) == "", every=0.002)
        assert watcher.read(61)["worker"].reason == f"process {first} is gone; only the bash that started it is left"
        go.write_text("go\n")
        second = tail_below(shell)
        worker = watcher.read(62)["worker"]
        assert (worker.pid, worker.restart_count) == (second, 1)

    def test_a_process_is_one_agent_only(self, nursery: Nursery, watch: Watch, file: Path, tmp_path: Path) -> None:
        first, second, third = (nursery.start("tail", f"-n{number}", "-f", file) for number in range(3))
        (tmp_path / "pid").write_text(str(third))
        watcher = watch(
            {"name": "second", "command": f"-n1 -f {file}"},
            {"name": "any", "command": f"{file}"},
            {"name": "third", "pid_file": tmp_path / "pid"},
        )
        assert in_short(watcher.read(60)) == {"second": second, "any": first, "third": third}

    def test_a_process_that_turns_out_to_be_another_agent(
        self, nursery: Nursery, watch: Watch, file: Path, tmp_path: Path
    ) -> None:
        pid = nursery.start("tail", "-f", file)
        watcher = watch({"name": "any", "command": f"{file}"}, {"name": "one", "pid_file": tmp_path / "pid"})
        assert in_short(watcher.read(0)) == {"any": pid, "one": None}
        (tmp_path / "pid").write_text(str(pid))
        agents = watcher.read(1)
        assert in_short(agents) == {"any": None, "one": pid}
        assert agents["any"].reason == f"process {pid} is another agent, or has only started others"

    def test_the_next_monitor_knows_them(
        self, nursery: Nursery, watch: Watch, file: Path, agent: dict[str, Any], store: Store
    ) -> None:
        first, second = (nursery.start("tail", "-f", file) for _ in range(2))
        watch(agent, store=store).read(60)
        kill(first, nursery)
        agents = watch(agent, store=store).read(61)
        assert in_short(agents) == {"worker": None, "worker#2": second}
        assert agents["worker"].reason == f"process {first} is gone"
        new = nursery.start("tail", "-f", file)
        agents = watch(agent, store=store).read(62)
        assert in_short(agents) == {"worker": new, "worker#2": second}
        assert [agent.restart_count for agent in agents.values()] == [1, 0]

    def test_a_hostile_command_line(self, nursery: Nursery, watch: Watch, file: Path) -> None:
        code = "import time; time.sleep(1000)"
        pid = nursery.start(sys.executable, "-S", "-c", code, file, "\x1b[31m\u202e" + "x" * 100_000)
        assert in_short(watch({"name": "worker", "command": str(file)}).read()) == {"worker": pid}


# --- figures ----------------------------------------------------------------------------------------------------------


BURNS = "import time\nwhile time.process_time() < 0.4: pass\ntime.sleep(1000)"


def test_work_is_activity_also_of_what_an_agent_started(nursery: Nursery, watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    script = tmp_path / "burns.py"
    script.write_text(BURNS)
    go = tmp_path / "go"
    os.mkfifo(go)
    pid = nursery.start("sh", "-c", f"read line < {go}; {sys.executable} -S {script}; true")
    path.write_text(str(pid))
    watcher = watch({"name": "alice", "pid_file": path})
    before = watcher.read(0)["alice"]
    assert before.last_activity == 0.0, "never seen at work"
    assert watcher.read(10)["alice"] is before

    go.write_text("go\n")

    def burnt() -> bool:
        below = psutil.Process(pid).children()
        return bool(below) and sum(below[0].cpu_times()[:2]) >= 0.3

    eventually(burnt, every=0.01, what="it has worked")
    alice = watcher.read(20)["alice"]
    assert alice.last_activity == watcher.start + 20
    assert alice.detail.cpu_seconds is not None
    assert 0.3 <= alice.detail.cpu_seconds < 2
    assert alice.detail.memory_bytes is not None
    assert before.detail.memory_bytes is not None
    assert alice.detail.memory_bytes > before.detail.memory_bytes + 4_000_000, "an interpreter is below it"

    os.kill(psutil.Process(pid).children()[0].pid, signal.SIGKILL)
    eventually(lambda: psutil.Process(pid).children() == [] or state(pid) in ("", "Z"))
    kill(pid)
    ended = watcher.read(30)["alice"]
    assert (ended.running, ended.last_activity) == (False, alice.last_activity)
    assert (ended.detail.cpu_seconds, ended.detail.memory_bytes) == (alice.detail.cpu_seconds, None)


def test_a_clock_that_is_set_back_is_no_work(nursery: Nursery, watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(str(nursery.start("sleep", "1000")))
    watcher = watch({"name": "alice", "pid_file": tmp_path / "pid"})
    first = watcher.read(100)["alice"]
    assert watcher.read(50)["alice"] is first
    assert watcher.read(60)["alice"] is first


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_store_that_fails_is_told_once_and_never_stops_the_watching(
    nursery: Nursery, watch: Watch, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pid"
    path.write_text(str(nursery.start("sleep", "1000")))

    def fails(*_: object) -> None:
        raise StoreError("the disk is full")

    watcher = watch({"name": "alice", "pid_file": path}, store=store)
    with monkeypatch.context() as patched:
        patched.setattr(store, "remember_restarts", fails)
        for at in (0, 10, 40, 50):
            assert watcher.read(at)["alice"].running
        assert watcher.problems == ["the disk is full"]
    watcher.read(100)
    assert store.restarts("work (process)")["alice"].count == 0, "written as soon as it works again"


def test_a_store_that_can_be_read_only_later(
    nursery: Nursery, watch: Watch, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "worker"
    file.touch()
    first, second = (nursery.start("tail", "-f", file) for _ in range(2))
    agent = {"name": "worker", "command": str(file)}
    watch(agent, store=store).read(60)
    kill(second)

    def fails(*_: object) -> None:
        raise StoreError("it is locked")

    watcher = watch(agent, store=store)
    with monkeypatch.context() as patched:
        patched.setattr(store, "restarts", fails)
        assert in_short(watcher.read(61)) == {"worker": first}
    assert in_short(watcher.read(100)) == {"worker": first, "worker#2": None}, "who died meanwhile is not forgotten"
