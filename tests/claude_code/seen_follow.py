"""What programs' own files said and when, what a monitor's log said and when, and how far the one is behind the other.

Both are read from outside, every millisecond or two. A file's word counts from the moment at which the file was written
(its own time of change), a monitor's from the moment at which its line could be read.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

LOOK_EVERY = 0.001
BOUND = 0.2
"""Seconds within which what the file says must be said."""
STATES = {"busy": "busy", "shell": "busy", "idle": "idle", "waiting": "waiting"}
"""The program's words and ours."""
CHANGED = "orchestrator.agent.state_changed"


class Word(NamedTuple):
    """That somebody said something: when (Unix s), of whom, what."""

    at: float
    agent: str
    state: str


class Period(NamedTuple):
    """A time in which a program's file said the same.

    Attributes:
        agent: Whose.
        state: What it said.
        began: When it said so first (Unix s).
        ended: When it said something else, or inf.
        late: Seconds until the monitor said so too; None where it never did while it was so.
    """

    agent: str
    state: str
    began: float
    ended: float
    late: float | None

    @property
    def passed_over(self) -> bool:
        """It was over before it had to be seen."""
        return self.late is None and self.ended - self.began <= BOUND

    @property
    def is_right(self) -> bool:
        """It was said in time, or was over before that."""
        return self.passed_over or (self.late is not None and self.late <= BOUND)


@dataclass
class Follower:
    """Looks on, from `with` to its end.

    Attributes:
        sessions: The folder where the programs write: each is the agent that was given its name.
        agents: Whose files are followed.
        logs: The output of each monitor, by what it is called.
        files: What the files said.
        told: What each monitor said.
    """

    sessions: Path
    agents: Collection[str]
    logs: Mapping[str, Path]
    files: list[Word] = field(default_factory=list)
    told: dict[str, list[Word]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stamps: dict[str, int] = {}
        self._statuses: dict[str, str] = {}
        self._places = dict.fromkeys(self.logs, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def __enter__(self) -> Self:
        for monitor, log in self.logs.items():
            self.told[monitor] = []
            self._places[monitor] = log.stat().st_size
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        for file in os.listdir(self.sessions):  # noqa: PTH208 - a thousand times a second
            if file.endswith(".json"):
                self._look_at(self.sessions / file)
        for monitor, log in self.logs.items():
            self._listen(monitor, log)

    def _look_at(self, file: Path) -> None:
        try:
            stamp = file.stat().st_mtime_ns
            if stamp == self._stamps.get(file.name):
                return
            record = json.loads(file.read_text())
        except (OSError, ValueError):
            return  # it is gone, or being written
        self._stamps[file.name] = stamp
        agent, status = record.get("name"), record.get("status")
        if agent in self.agents and status and status != self._statuses.get(file.name):
            self._statuses[file.name] = status
            self.files.append(Word(stamp / 1e9, agent, STATES[status]))

    def _listen(self, monitor: str, log: Path) -> None:
        if log.stat().st_size <= self._places[monitor]:
            return
        with log.open("rb") as file:
            file.seek(self._places[monitor])
            lines = file.read()
        now = time.time()
        whole = lines.rpartition(b"\n")[0] + b"\n" if b"\n" in lines else b""
        self._places[monitor] += len(whole)
        for line in map(json.loads, whole.splitlines()):
            if line.get("event") == CHANGED:
                self.told[monitor].append(Word(now, line["agent_name"], line["state"]))

    def periods(self, monitor: str) -> list[Period]:
        """Every time in which a file said something, but for what it said at first; see `periods`."""
        return periods(self.files, self.told[monitor])

    def share_wrong(self, monitor: str) -> float:
        """Which share of the time a monitor said something else than the file; see `share_wrong`."""
        return share_wrong(self.files, self.told[monitor])

    def strays(self, monitor: str) -> list[Word]:
        """What a monitor said of an agent that its file had not said within the time before."""
        return strays(self.files, self.told[monitor])


def periods(files: Sequence[Word], told: Sequence[Word]) -> list[Period]:
    """Every time in which a file said something, but for what each said at first: nobody was there when it began."""
    found: list[Period] = []
    for agent in sorted({word.agent for word in files}):
        said = [word for word in files if word.agent == agent]
        ours = [word for word in told if word.agent == agent]
        for at, word in enumerate(said[1:], 1):
            ended = said[at + 1].at if at + 1 < len(said) else float("inf")
            found.append(Period(agent, word.state, word.at, ended, _late(word, ended, ours, said[0].state)))
    return sorted(found, key=lambda period: period.began)


def _late(word: Word, ended: float, ours: Sequence[Word], first: str) -> float | None:
    """Seconds until ours was right, while that was so."""
    if (_state_at(word.at, ours) or first) == word.state:
        return 0.0
    return next((one.at - word.at for one in ours if word.at < one.at < ended and one.state == word.state), None)


def share_wrong(files: Sequence[Word], told: Sequence[Word]) -> float:
    """Which share of the time from each file's first word to its last was spent saying something else."""
    wrong = whole = 0.0
    for agent in {word.agent for word in files}:
        its = [word for word in files if word.agent == agent]
        ours = [word for word in told if word.agent == agent]
        moments = sorted({word.at for word in (*its, *ours) if its[0].at <= word.at <= its[-1].at})
        for since, until in pairwise(moments):
            whole += until - since
            if _state_at(since, its) != (_state_at(since, ours) or its[0].state):
                wrong += until - since
    return wrong / whole if whole else 0.0


def _state_at(moment: float, words: Iterable[Word]) -> str:
    """What was said last by then, or nothing."""
    state = ""
    for word in words:
        if word.at > moment:
            break
        state = word.state
    return state


def strays(files: Sequence[Word], told: Iterable[Word]) -> list[Word]:
    """What was said of an agent that its file said neither then nor within the time before."""

    def is_true(said: Word) -> bool:
        its = [word for word in files if word.agent == said.agent and word.at <= said.at]
        return any(
            word.state == said.state and (at + 1 == len(its) or its[at + 1].at >= said.at - BOUND)
            for at, word in enumerate(its)
        )

    return [said for said in told if not is_true(said)]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so great a share of them doesn't exceed."""
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def figures(found: Sequence[Period]) -> dict[str, Any]:
    """How many, how many of them were seen and were over before they had to be, and milliseconds: p50, p99, most.

    One that was said already, since the one before was passed over, counts as seen, but took no time.
    """
    late = [period.late * 1000 for period in found if period.late]
    return {
        "changes": len(found),
        "seen": sum(period.late is not None for period in found),
        "passed_over": sum(period.passed_over for period in found),
        "wrong": sum(not period.is_right for period in found),
        "ms": [round(quantile(late, share), 1) for share in (0.5, 0.99, 1.0)] if late else [],
    }
