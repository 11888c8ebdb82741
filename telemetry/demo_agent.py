"""The program in each pane of the demo cluster: prints what an agent might print, and does nothing else.

Run by `telemetry.demo` as a file, in a Python without site packages, so only light modules are imported:

    python -I -S demo_agent.py ROLE SEED TIME_SCALE DEMO_PID DEMO_START

It crashes on Ctrl-\\ (SIGQUIT), which is how the demo makes it crash, and ends its tmux server when the demo's process
is gone, kill -9 included.
"""

from __future__ import annotations

import os
import signal
import sys
import time

SOCKET_PREFIX = "orchestrator-demo-"
"""Only a server whose socket is called so is ever ended from here."""

_FILES = ("api/routes.py", "core/queue.py", "web/login.ts", "db/schema.sql", "tests/test_orders.py", "docs/setup.md")
_LINES = {
    "lead": (
        "● Reading {file}",
        "● Comparing two plans for {file}",
        "● Handing {file} to the next agent",
        "  {n} tasks open",
    ),
    "manager": (
        "● Reviewing the change to {file}",
        "  {n} comments resolved",
        "● Updating the task list",
        "  merged {file}",
    ),
    "coder": ("● Edit({file})", "  ⎿ +{n} −3 lines", "● Bash(ruff check {file})", "  ⎿ All checks passed"),
    "researcher": ("● Search(«{file}»)", "  ⎿ {n} matches", "● Reading {file}", "  noted for the summary"),
    "tester": ("● Bash(pytest {file})", "  ⎿ {n} passed", "  ⎿ 1 failed, trying again", "● Edit({file})"),
}
_QUESTION = "● May I push the branch?  ❯ 1. Yes   2. No"
_CRASH = (
    'Traceback (most recent call last):\n  File "agent.py", line {n}, in call_model\nConnectionError: connection reset'
)


class Dice:
    """A small seeded generator: the standard one costs a megabyte in each of five processes."""

    def __init__(self, seed: int) -> None:
        self._state = seed & 0xFFFFFFFF

    def below(self, limit: int) -> int:
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % limit


def phases(role: str, dice: Dice) -> list[tuple[str, float]]:
    """One round of an agent's day: what it does, and for how many seconds."""
    if role == "manager":
        return [("work", 10 + dice.below(8)), ("ask", 14 + dice.below(8))]
    if role == "researcher":
        return [("work", 12 + dice.below(10)), ("rest", 25 + dice.below(20))]
    return [("work", 20 + dice.below(20)), ("rest", 5 + dice.below(10))]


def process_start(pid: int) -> str:
    """When the process was started, as text to compare; "" where it is gone, "?" where this system doesn't tell."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112 - pathlib is a heavy import here
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            return "?"
        return "?"
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - the same
            values = stat.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if values[0] in (b"Z", b"X") else values[19].decode()


def end_own_server() -> None:
    """Ends the tmux server this runs in, if it is a demo's, and removes its socket."""
    socket = os.environ.get("TMUX", "").split(",")[0]
    if not socket.rpartition("/")[2].startswith(SOCKET_PREFIX):
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it comes as soon as the server goes
    try:
        pid = os.posix_spawnp("tmux", ["tmux", "-S", socket, "kill-server"], os.environ)
        os.waitpid(pid, 0)
        os.unlink(socket)  # noqa: PTH108 - the same
    except OSError:
        return  # another agent was quicker


def crash(_signal: int, _frame: object) -> None:
    """Ends the way programs do when nobody caught it."""
    # Not through sys.stdout, which may be in the middle of a write.
    os.write(1, (_CRASH.format(n=100 + os.getpid() % 400) + "\n").encode())
    os._exit(1)


def main(role: str, seed: int, time_scale: float, demo_pid: int, demo_start: str) -> None:
    """Works, rests and asks by turns, until the demo is gone."""
    signal.signal(signal.SIGQUIT, crash)
    dice = Dice(seed)
    lines = _LINES[role]
    while True:
        for what, seconds in phases(role, dice):
            if what == "ask":
                sys.stdout.write(_QUESTION + "\n")
            left = seconds * time_scale
            while left > 0:
                if process_start(demo_pid) != demo_start:
                    end_own_server()
                    return
                if what == "work":
                    text = lines[dice.below(len(lines))]
                    sys.stdout.write(text.format(file=_FILES[dice.below(len(_FILES))], n=1 + dice.below(40)) + "\n")
                sys.stdout.flush()
                pause = min(left, 1.0, (0.4 + dice.below(8) / 10) * time_scale)
                time.sleep(pause)
                left -= pause


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
