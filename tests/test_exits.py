"""How processes end, seen from outside: our children, others' processes, zombies that nobody reaps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from telemetry import exits
from telemetry.exits import describe_exit, exit_status_of, zombie_status
from tests.waiting import eventually

ENDS = [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9), ("kill -TERM $$", -15)]

NO_PID = 2**22 + 1  # above what the kernel gives out

STARTS_ONE = """
import subprocess, sys
child = subprocess.Popen(["sh", "-c", "read line; " + sys.argv[1]], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.readline()
child.stdin.close()
if sys.argv[2] == "reaps":
    child.wait()
    print("reaped", flush=True)
sys.stdin.readline()
"""


def state(pid: int) -> str:
    """Its letter in /proc, or "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Stranger:
    """A process that another one started, which is its parent."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        assert parent.stdin is not None
        assert parent.stdout is not None
        self._input, self._output = parent.stdin, parent.stdout
        self.pid = int(self._output.readline())

    def let_it_end(self, *, reaped: bool) -> None:
        """Returns when it has ended, and its parent has, or hasn't, taken note."""
        self._input.write("\n")
        self._input.flush()
        if reaped:
            assert self._output.readline() == "reaped\n"
        else:
            eventually(lambda: state(self.pid) == "Z", what="it is a zombie")


@contextmanager
def a_stranger(ending: str, *, reaped: bool) -> Iterator[tuple[Stranger, int]]:
    """Somebody else's child that waits for the word to end, and a pidfd of it."""
    command = [sys.executable, "-S", "-c", STARTS_ONE, ending, "reaps" if reaped else "leaves"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        stranger = Stranger(parent)
        pidfd = os.pidfd_open(stranger.pid)
        try:
            yield stranger, pidfd
        finally:
            os.close(pidfd)
            parent.kill()


@contextmanager
def a_child(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        pidfd = os.pidfd_open(child.pid)
        try:
            yield child, pidfd
        finally:
            os.close(pidfd)
            with suppress(ProcessLookupError):
                child.kill()


@pytest.mark.parametrize(("ending", "status"), ENDS)
def test_our_child_is_told_and_not_reaped(ending: str, status: int) -> None:
    with a_child("sh", "-c", ending) as (child, pidfd):
        assert eventually(lambda: exit_status_of(pidfd, child.pid) is not None, what="it has ended")
        assert exit_status_of(pidfd, child.pid) == status
        assert child.wait() == status, "whoever started it still gets its end told"


@pytest.mark.parametrize(("ending", "status"), ENDS)
def test_a_strangers_zombie(ending: str, status: int) -> None:
    with a_stranger(ending, reaped=False) as (stranger, pidfd):
        assert exit_status_of(pidfd, stranger.pid) is None, "it still runs"
        stranger.let_it_end(reaped=False)
        assert exit_status_of(pidfd, stranger.pid) == status
        assert zombie_status(stranger.pid) == status
        assert state(stranger.pid) == "Z", "it was not reaped"


@pytest.mark.parametrize(("ending", "status"), ENDS)
def test_a_stranger_that_was_reaped(ending: str, status: int) -> None:
    with a_stranger(ending, reaped=True) as (stranger, pidfd):
        stranger.let_it_end(reaped=True)
        # None: a kernel before 6.15.
        assert exit_status_of(pidfd, stranger.pid) in ((status,) if kernel_tells() else (None,))


def kernel_tells() -> bool:
    """Whether this kernel tells how a process ended that is no more (from Linux 6.15 on)."""
    major, minor, *_ = os.uname().release.split(".")
    return (int(major), int(minor)) >= (6, 15)


def test_a_kernel_that_does_not_know_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exits, "_GET_INFO", exits._GET_INFO + 0x10)
    with a_stranger("exit 3", reaped=True) as (stranger, pidfd):
        stranger.let_it_end(reaped=True)
        assert exit_status_of(pidfd, stranger.pid) is None


def test_a_pid_that_belongs_to_another_zombie_by_now() -> None:
    with a_stranger("exit 3", reaped=False) as (zombie, _), a_stranger("exit 4", reaped=True) as (ended, pidfd):
        zombie.let_it_end(reaped=False)
        ended.let_it_end(reaped=True)
        assert exit_status_of(pidfd, zombie.pid) in ((4,) if kernel_tells() else (None,)), "never the zombie's 3"


def test_a_process_that_runs_has_no_exit_status() -> None:
    with a_child("sleep", "1000") as (child, pidfd):
        assert exit_status_of(pidfd, child.pid) is None
        assert zombie_status(child.pid) is None
        os.kill(child.pid, signal.SIGSTOP)  # stopped by a signal is no end
        eventually(lambda: state(child.pid) == "T", what="it is stopped")
        assert exit_status_of(pidfd, child.pid) is None


def test_a_process_whose_first_thread_has_ended_runs_on() -> None:
    code = (
        "import ctypes, sys, threading\n"
        "threading.Thread(target=sys.stdin.read).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    with a_child(sys.executable, "-S", "-c", code) as (child, pidfd):
        eventually(lambda: state(child.pid) == "Z", what="its first thread has ended")
        assert exit_status_of(pidfd, child.pid) is None
        assert zombie_status(child.pid) is None


def test_a_pid_that_nobody_has() -> None:
    assert zombie_status(NO_PID) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_users_zombie_whose_status_is_hidden_is_unknown() -> None:
    with a_stranger("exit 3", reaped=False) as (stranger, _):
        stranger.let_it_end(reaped=False)
        ask = f"print(zombie_status({stranger.pid}))"
        code = f"import os; from telemetry.exits import zombie_status; {ask}; os.setuid(65534); {ask}"
        answers = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answers.stdout == "3\nNone\n", "as root, and as nobody, to whom the system shows a 0"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "it ended"),
        (0, "it ended with status 0"),
        (1, "it ended with status 1"),
        (-9, "it was killed by signal 9 (SIGKILL)"),
        (-11, "it was killed by signal 11 (SIGSEGV)"),
        (-50, "it was killed by signal 50"),
    ],
)
def test_words(status: int | None, words: str) -> None:
    assert describe_exit(status) == words
