"""The process table, against real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from telemetry.sources.processes import (
    Glance,
    LinuxProcesses,
    ProcessTable,
    PsutilProcesses,
    descendants,
    system_processes,
)
from tests.sources.real_tmux import eventually, is_dead

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_PID = 2**22 + 1  # above what the kernel gives out

TABLES = [LinuxProcesses(), PsutilProcesses()]


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # a test may have done it
        os.killpg(process.pid, 9)


@pytest.fixture
def shell() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with one child that sleeps."""
    with subprocess.Popen(["sh", "-c", "sleep 1000; true"], start_new_session=True) as process:
        try:
            yield process
        finally:
            end(process)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__name__)
class TestTables:
    def test_a_process(self, table: ProcessTable, shell: subprocess.Popen[bytes]) -> None:
        info = table.get(shell.pid)
        assert info is not None
        assert (info.pid, info.name, info.dead) == (shell.pid, "sh", False)
        assert info.started > 0
        assert info == table.get(shell.pid)
        # For a moment a process has its name already, and not yet its arguments.
        eventually(lambda: table.arguments(shell.pid) == ["sh", "-c", "sleep 1000; true"], "it has its arguments")

    def test_children(self, table: ProcessTable, shell: subprocess.Popen[bytes]) -> None:
        info = table.get(shell.pid)
        assert info is not None
        eventually(lambda: [child.name for child in descendants(table, info)] == ["sleep"], "it starts")

    def test_nobody(self, table: ProcessTable, shell: subprocess.Popen[bytes]) -> None:
        info = table.get(shell.pid)
        assert info is not None
        assert table.get(NO_PID) is None
        assert table.arguments(NO_PID) == []
        assert table.children(info._replace(pid=NO_PID, threads=9)) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__name__)
def test_zombie_is_dead(table: ProcessTable) -> None:
    # Nobody waits for it until the end of the block.
    with subprocess.Popen(["true"]) as process:
        eventually(lambda: is_dead(process.pid), "it ends")
        info = table.get(process.pid)
        assert info is not None
        assert info.dead


def test_name_with_parentheses_and_blanks(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = tmp_path_factory.mktemp("bin") / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"]) as process:
        eventually(lambda: (i := LinuxProcesses().get(process.pid)) and i.name == program.name, "it starts")
        info = LinuxProcesses().get(process.pid)
        process.kill()
    assert info is not None
    assert not info.dead
    assert info.group == os.getpgrp()


def test_thread_that_starts_a_child() -> None:
    code = (
        "import subprocess, threading\n"
        "def run(): subprocess.run(['sleep', '1000'])\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True) as process:
        table = LinuxProcesses()

        def names() -> list[str]:
            info = table.get(process.pid)
            return [child.name for child in descendants(table, info)] if info else []

        try:
            eventually(lambda: names() == ["sleep"], "the thread's child is found")
        finally:
            os.killpg(process.pid, 9)


def test_within_a_glance_nothing_changes(shell: subprocess.Popen[bytes]) -> None:
    eventually(lambda: (i := LinuxProcesses().get(shell.pid)) and LinuxProcesses().children(i), "it starts")
    glance = Glance(LinuxProcesses())
    info = glance.get(shell.pid)
    assert info is not None
    seen = (glance.arguments(shell.pid), glance.children(info))
    os.killpg(shell.pid, 9)
    eventually(lambda: is_dead(shell.pid), "it is killed")
    assert (glance.get(shell.pid), (glance.arguments(shell.pid), glance.children(info))) == (info, seen)
    later = Glance(LinuxProcesses()).get(shell.pid)
    assert later is None or later.dead


def test_this_system() -> None:
    assert system_processes().get(os.getpid()) is not None
