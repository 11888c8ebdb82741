"""Runs the real program as a process, in an environment and folders of its own, and a tmux server to watch."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of whoever runs the tests, but PATH: a fresh home, and our package."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYDANTIC_DISABLE_PLUGINS": "1",  # those of development tools; a user's installation has none
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        **more,
    }


PROGRAM = ("telemetry",)
"""The words after `python -m` that are our program; a test may have it as it was, or will be."""


def run(home: Path, *arguments: str, program: Sequence[str] = PROGRAM, **more: str) -> subprocess.CompletedProcess[str]:
    """The program to its end."""
    return subprocess.run(
        [sys.executable, "-m", *program, *arguments],
        env=environment(home, **more),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Daemon:
    """The program while it runs."""

    def __init__(
        self, home: Path, arguments: Sequence[str], more: dict[str, str], program: Sequence[str] = PROGRAM
    ) -> None:
        self.home = home
        self.errors = home / f"stderr-{secrets.token_hex(3)}"
        self.out = home / f"stdout-{secrets.token_hex(3)}"
        with self.errors.open("w") as errors, self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, *arguments],
                env=environment(home, **more),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )

    @property
    def said(self) -> str:
        """What it told the person at the terminal so far."""
        return self.errors.read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log lines so far."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    @property
    def url(self) -> str:
        """Where its dashboard is; waits for the first screen."""

        def look() -> str:
            assert self.process.poll() is None, self.said
            found = re.search(r"dashboard +(http://\S+)", self.said)
            return found[1] if found else ""

        return eventually(look, what="the first screen")

    def get(self, path: str, method: str = "GET") -> Any:
        """The JSON answer, or the text where it is none; the status for an error."""
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own server
                text = answer.read().decode()
                return json.loads(text) if "json" in answer.headers["content-type"] else text
        except urllib.error.HTTPError as error:
            return error.code

    def agents(self) -> dict[str, str]:
        """State by agent, of all clusters."""
        known = self.get("/api/agents")
        return {agent["name"]: agent["state"] for cluster in known["clusters"] for agent in cluster["agents"]}

    def end(self, number: signal.Signals = signal.SIGTERM, within: float = 10.0) -> float:
        """Sends a signal and waits for the end; returns the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(within)
        return time.monotonic() - began


@contextmanager
def daemon(home: Path, *arguments: str, program: Sequence[str] = PROGRAM, **more: str) -> Iterator[Daemon]:
    """A daemon that is gone afterwards, whatever happened."""
    running = Daemon(home, arguments, more, program)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


class Tmux:
    """A tmux server of its own; each agent is a pane that sleeps."""

    def __init__(self, *agents: str) -> None:
        self.socket = f"test-{os.getpid()}-{secrets.token_hex(4)}"
        for agent in agents:
            self.add(agent)

    def add(self, agent: str) -> None:
        """One more agent, in a window of its own."""
        verb = ["new-session", "-s", "work"] if not self._panes() else ["new-window", "-t", "work:"]
        pane = self("-f", "/dev/null", *verb, "-d", "-P", "-F", "#{pane_id}", "exec sleep 1000")
        self("set-option", "-p", "-t", pane, "@agent_name", agent)

    def keep_dead_panes(self) -> Self:
        """A pane stays when its process ends, so that who dies is seen as dead."""
        self("set-option", "-g", "remain-on-exit", "on")
        return self

    def say(self, agent: str, text: str) -> None:
        """A line on an agent's screen; returns when it is there."""
        Path(self._of(agent, "pane_tty")).write_text(f"{text}\n")
        pane = self._of(agent, "pane_id")
        eventually(lambda: text in self("capture-pane", "-p", "-t", pane), what="the line on the screen")

    def kill(self, agent: str) -> None:
        """Ends an agent's process."""
        os.kill(int(self._of(agent, "pane_pid")), signal.SIGKILL)

    def window(self, agent: str) -> str:
        """tmux's @N of its window."""
        return self._of(agent, "window_id")

    def _of(self, agent: str, what: str) -> str:
        panes = [
            line.partition(" ") for line in self("list-panes", "-a", "-F", f"#{{{what}}} #{{@agent_name}}").splitlines()
        ]
        return next(value for value, _, name in panes if name == agent)

    def __call__(self, *arguments: str) -> str:
        line = ["tmux", "-L", self.socket, *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=10).stdout.strip()

    def _panes(self) -> str:
        return self("list-panes", "-a")

    def close(self) -> None:
        """Ends the server and takes its socket away."""
        path = self("display-message", "-p", "#{socket_path}")
        self("kill-server")
        if path:
            Path(path).unlink(missing_ok=True)
