"""A real tmux server for one test, with real short-lived processes, reaped afterwards."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tests import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def eventually(condition: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Waits until tmux or a process has done its part: neither tells us when."""
    waiting.eventually(condition, within, every=0.01, what=what)


class TmuxServer:
    """A server of its own under `tmux -L`, without anybody's configuration."""

    def __init__(self) -> None:
        self.socket_name = f"test-{uuid.uuid4().hex[:12]}"
        program = shutil.which("tmux")
        assert program, "these tests need tmux"
        self._program = program  # the real one, whatever the test puts into PATH
        self.afterwards: list[Callable[[], None]] = []
        """Called before the server is ended."""

    @property
    def environment(self) -> dict[str, str]:
        return {key: value for key, value in os.environ.items() if key not in {"TMUX", "TMUX_PANE"}}

    def __call__(self, *arguments: str) -> str:
        """Runs one tmux command and returns what it printed."""
        done = subprocess.run(
            [self._program, "-L", self.socket_name, "-f", "/dev/null", *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=self.environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def session(self, name: str = "work", command: str = "sleep 1000", size: str = "120x50") -> str:
        """Starts a session with one pane; returns the pane's id."""
        width, height = size.split("x")
        return self("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", name, "-x", width, "-y", height, command)

    def split(self, session: str = "work", command: str = "sleep 1000") -> str:
        """Adds a pane below the others; returns its id."""
        pane = self("split-window", "-d", "-P", "-F", "#{pane_id}", "-t", self.last_pane(session), command)
        self("select-layout", "-t", f"{session}:", "even-vertical")
        return pane

    def window(self, session: str = "work", command: str = "sleep 1000") -> str:
        """Adds a window with one pane; returns the pane's id."""
        return self("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", f"{session}:", command)

    def last_pane(self, session: str) -> str:
        return self("list-panes", "-t", f"{session}:", "-F", "#{pane_id}").split("\n")[-1]

    def name_pane(self, pane: str, name: str, role: str = "") -> None:
        self("set-option", "-p", "-t", pane, "@agent_name", name)
        if role:
            self("set-option", "-p", "-t", pane, "@agent_role", role)

    def show(self, pane: str, variable: str) -> str:
        return self("display-message", "-p", "-t", pane, f"#{{{variable}}}")

    def pid(self, pane: str) -> int:
        return int(self.show(pane, "pane_pid"))

    def panes(self) -> list[str]:
        return self("list-panes", "-a", "-F", "#{pane_id}").split("\n")

    def screen(self, pane: str) -> str:
        return self("capture-pane", "-p", "-t", pane)

    def type(self, pane: str, text: str) -> None:
        """Types a line into the pane."""
        self("send-keys", "-t", pane, "-l", text)
        self("send-keys", "-t", pane, "Enter")

    def attach(self, session: str = "work", size: str = "100x30", *flags: str) -> Person:
        """A person at a terminal of that size, until the test ends."""
        person = Person([self._program, "-L", self.socket_name], session, size, flags, self.environment)
        self.afterwards.append(person.leave)
        eventually(lambda: str(person.pid) in self("list-clients", "-F", "#{client_pid}").split(), "it is attached")
        return person

    def kill_process(self, pid: int, how: int = signal.SIGKILL) -> None:
        """Kills a process and waits until it is dead, which tmux may or may not notice."""
        os.kill(pid, how)
        eventually(lambda: is_dead(pid), f"process {pid} dies")

    def runs(self) -> bool:
        done = subprocess.run(
            [self._program, "-L", self.socket_name, "list-sessions"],
            capture_output=True,
            check=False,
            timeout=20,
            env=self.environment,
        )
        return done.returncode == 0

    def socket(self) -> Path:
        return Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.getuid()}" / self.socket_name  # noqa: S108 - tmux's own place

    def reap(self) -> None:
        """Ends the server with all its processes, and removes the socket that tmux leaves behind."""
        for call in self.afterwards:
            call()
        if self.runs():
            server = int(self("display-message", "-p", "#{pid}"))
            leaders = [int(pid) for pid in self("list-panes", "-a", "-F", "#{pane_pid}").split()]
            self("kill-server")
            eventually(lambda: is_dead(server), "the tmux server ends")
            for leader in leaders:
                kill_group(leader)
        self.socket().unlink(missing_ok=True)


class Person:
    """A client of a tmux server in a terminal of its own, whose screen is thrown away."""

    def __init__(self, tmux: list[str], session: str, size: str, flags: tuple[str, ...], env: dict[str, str]) -> None:
        self._terminal, inner = pty.openpty()
        self.resize(size)
        self._process = subprocess.Popen(
            [*tmux, "attach-session", *flags, "-t", f"={session}:"],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            env={**env, "TERM": "xterm"},
        )
        os.close(inner)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, size: str) -> None:
        """The terminal's window is given another size."""
        width, height = map(int, size.split("x"))
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if hasattr(self, "_process"):
            self._process.send_signal(signal.SIGWINCH)

    def leave(self) -> None:
        """Closes the terminal's window; twice is once."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def _read(self) -> None:
        try:
            while os.read(self._terminal, 65536):
                pass
        except OSError:
            return  # nobody has the other end open any more


def kill_group(leader: int) -> None:
    """Ends what a pane started and left behind in its process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def is_dead(pid: int) -> bool:
    """Whether the process is gone, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    return stat.rpartition(b")")[2].split()[0] in (b"Z", b"X")


def a_server() -> Iterator[TmuxServer]:
    """The fixture's body: a server that has not been started yet."""
    server = TmuxServer()
    try:
        yield server
    finally:
        server.reap()
