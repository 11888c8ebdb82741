"""The census of all processes, in both ways of taking it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from telemetry.sources.process import census as process_census
from telemetry.sources.process.census import Census, Entry, take_census
from telemetry.sources.processes import LinuxProcesses
from tests.waiting import eventually

WAYS: list[Callable[[str], Census]] = [process_census._linux, process_census._by_psutil]


@pytest.fixture(params=WAYS, ids=["linux", "psutil"])
def census(request: pytest.FixtureRequest) -> Callable[[], Census]:
    take: Callable[[str], Census] = request.param
    return lambda: take("/proc")


def test_a_process(census: Callable[[], Census]) -> None:
    me = census().alive(os.getpid())
    assert me is not None
    about = psutil.Process()
    assert me.parent == os.getppid()
    assert me.began == pytest.approx(about.create_time(), abs=1.1), "psutil knows the boot in whole seconds"
    assert me.seconds == pytest.approx(sum(about.cpu_times()[:4]), abs=0.5)
    seconds, _ = census().tree(me)
    assert seconds >= me.seconds


def test_its_memory(census: Callable[[], Census]) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        about = psutil.Process(process.pid)
        eventually(lambda: about.status() == psutil.STATUS_SLEEPING)
        entry = census().alive(process.pid)
        assert entry is not None
        assert census().tree(entry)[1] == pytest.approx(about.memory_info().rss, rel=0.1)


def test_the_same_identity_as_everywhere() -> None:
    me, known = take_census().alive(os.getpid()), LinuxProcesses().get(os.getpid())
    assert me is not None
    assert known is not None
    assert me.identity == known.identity
    census = take_census()
    assert census.by_identity(me.identity) is census.entries[me.pid]
    assert census.by_identity(f"{me.pid}@1") is None
    assert census.by_identity("") is None


def test_a_zombie_is_there_and_dead(census: Callable[[], Census]) -> None:
    with subprocess.Popen(["true"]) as process:
        eventually(lambda: census().alive(process.pid) is None, every=0.002)
        assert census().entries[process.pid].dead


def test_a_process_whose_first_thread_has_ended_lives() -> None:
    code = (
        "import ctypes, sys, threading\n"
        "threading.Thread(target=sys.stdin.read).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE) as process:
        eventually(lambda: ") Z " in Path(f"/proc/{process.pid}/stat").read_text(), every=0.005)
        assert take_census().alive(process.pid) is not None
        process.kill()


def test_a_tree_with_a_fork_bomb_in_it_is_counted_in_part() -> None:
    entries = [
        Entry(pid, max(0, pid - 1), "x", dead=False, started=1, began=1.0, seconds=1.0) for pid in range(1, 2000)
    ]
    census = Census(entries, lambda _pid: 10)
    assert census.tree(entries[0]) == (500.0, 5000)


def test_what_is_no_process_is_passed_over(tmp_path: Path) -> None:
    for name, content in [("1", b""), ("2", b"2 (x"), ("self", b"3 (x) S"), ("4", None)]:
        folder = tmp_path / name
        folder.mkdir()
        if content is not None:
            (folder / "stat").write_bytes(content)
    assert take_census(str(tmp_path)).entries == {}
