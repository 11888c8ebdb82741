"""Real processes for tests of the process source, whose parent is not the test, and a source that watches them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from telemetry.model import AgentSample, Reading
from telemetry.sources.base import Place
from telemetry.sources.process.source import ProcessOptions, ProcessSource
from telemetry.store import Store
from tests.waiting import eventually

_NURSERY = """
import json, os, subprocess, sys
children = {}
for line in sys.stdin:
    word, value = json.loads(line)
    if word == "start":
        child = subprocess.Popen(value, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        children[child.pid] = child
        answer = child.pid
    else:
        answer = children.pop(value).wait()
    print(json.dumps(answer), flush=True)
for pid in children:
    try:
        os.killpg(pid, 9)
    except ProcessLookupError:
        pass
"""


def state(pid: int) -> str:
    """Its letter in /proc, or "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def line_of(pid: int) -> str:
    """Its command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode()


class Nursery:
    """Starts processes, each in a session of its own, and reaps them only when it is told to."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, *command: str | Path) -> int:
        """Returns the pid, when the process has its own command line."""
        words = [str(word) for word in command]
        pid = int(self._ask("start", words))
        # An interpreter named in a script's first line comes before it.
        eventually(lambda: line_of(pid).endswith(" ".join(words)), every=0.002, what=f"{words} has started")
        return pid

    def reap(self, pid: int) -> int:
        """Waits until it has ended; afterwards it is gone."""
        return int(self._ask("reap", pid))

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, word: str, value: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([word, value]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Watcher:
    """Reads a source at given times; seconds count from when it was made, by the system's clock."""

    def __init__(self, *agents: dict[str, Any], store: Store | None = None, **options: Any) -> None:
        self.start = time.time()
        self.problems: list[str] = []
        place = Place("work", ProcessOptions.model_validate({"agents": agents}), store, self.problems.append)
        self.source = ProcessSource(place, **options)
        self.reading: Reading

    def read(self, at: float = 0.0) -> dict[str, AgentSample]:
        """One check: all agents by name."""
        self.reading = asyncio.run(self.source.read(self.start + at))
        agents = {agent.name: agent for agent in self.reading.agents}
        assert len(agents) == len(self.reading.agents), "names are unique"
        return agents

    def forget(self, name: str) -> bool:
        return asyncio.run(self.source.forget(name))

    def close(self) -> None:
        asyncio.run(self.source.close())
