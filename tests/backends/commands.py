"""Runs a build's commands one after the other, with progress lines, keeping their output for when one fails."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SHIM = Path(__file__).with_name("shim.py")
TELL_EVERY = 30.0
TAIL = 25


def dying_with_us(command: Sequence[str]) -> list[str]:
    """The command line under which a command is killed when this process dies, however it dies."""
    return [sys.executable, "-I", "-S", str(SHIM), str(os.getpid()), *command]


def tail(log: Path, lines: int = TAIL) -> str:
    """The last lines of a log file."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return ""


class CommandError(RuntimeError):
    """A command of a build failed; the message has the command and the end of its output."""


class StoppedError(RuntimeError):
    """The build was told to stop."""


class Commands:
    """The commands of one part's build; their output goes to `log`."""

    def __init__(self, name: str, log: Path, say: Callable[[str], None], usual: float) -> None:
        self._name, self._log, self._say, self._usual = name, log, say, usual
        self._start = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        log.write_bytes(b"")

    def run(self, doing: str, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
        """Run one command in `folder` and give what it wrote to standard output. Raises `CommandError`."""
        if self._stopped:
            raise StoppedError(self._name)
        output = self._log.with_suffix(".out")
        with self._log.open("ab") as log, output.open("wb") as out:
            log.write(f"\n$ {shlex.join(command)}\n".encode())
            log.flush()
            self._process = process = subprocess.Popen(
                dying_with_us(command),
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
            self._wait(process, doing)
        said = output.read_text(errors="replace")
        output.unlink()
        if self._stopped:
            raise StoppedError(self._name)
        if process.returncode:
            with self._log.open("a") as log_text:
                log_text.write(said)
            raise CommandError(
                f"`{shlex.join(command)}` ended with {process.returncode}; "
                f"its output is in {self._log} and ends so:\n{tail(self._log)}"
            )
        return said

    def stop(self) -> None:
        """End the command that runs, and let no other begin."""
        self._stopped = True
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # its own session: the compilers it started go with it

    def _wait(self, process: subprocess.Popen[bytes], doing: str) -> None:
        while True:
            try:
                process.wait(TELL_EVERY)
            except subprocess.TimeoutExpired:
                gone = time.monotonic() - self._start
                self._say(f"{self._name}: {doing}, {gone:.0f} s gone of usually {self._usual:.0f} s")
            else:
                return
