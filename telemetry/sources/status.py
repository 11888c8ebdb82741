"""What a manager's `get_status()` says, made into samples: types checked, names cleaned, each agent for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from telemetry.clean import clean_line, clean_name
from telemetry.model import LAST_PID, NO_DETAIL, AgentSample, Reading, State
from telemetry.sources.base import SourceError

_MOST_RESTARTS = 2**53
"""Up to here a float, which is what metrics carry, tells one count from the next."""

_REPORTABLE = {state.value: state for state in (State.BUSY, State.IDLE, State.WAITING)}

_Raw = tuple[Any, ...]
"""What is said of an agent: running, restart_count, last_activity, role; if more is said, state, pane_index, pid."""
_Held = tuple[_Raw, AgentSample]
"""What was last said of an agent, and the sample it became."""

_SEEDS_KEYS = 5
_SEEDS = itemgetter("running", "restart_count", "last_activity", "role")
"""An agent of the seed's status has these and its name: one call for all, since a thousand agents are looked at."""
_new_sample = AgentSample._make
"""A call with arguments costs three times as much."""


class StatusReader:
    """Reads one manager's answers, one after another.

    Attributes:
        cluster: `cluster_name` of the last answer; «default» before the first, and where there is none.
    """

    def __init__(self) -> None:
        self.cluster = "default"
        self._held: dict[object, _Held] = {}

    def read(self, status: Any) -> Reading:
        """A reading. An agent about which nothing changed gets the very sample of last time.

        An agent of which nothing usable is said is unknown, one without a usable name is left out, and of two with the
        same name the second is told as `name#2`; each is a line in `problems`, and no other agent's fault.

        Raises:
            SourceError: It isn't a status at all.
        """
        if not isinstance(status, Mapping):
            raise SourceError(f"get_status() answered with {type(status).__name__}, not a dict")
        agents = status.get("agents")
        if not isinstance(agents, Sequence) or isinstance(agents, (str, bytes)):
            raise SourceError(f"get_status()['agents'] is {type(agents).__name__}, not a list of dicts")
        if named := status.get("cluster_name"):
            self.cluster = clean_name(named)
        session = status.get("session_name")
        problems: list[str] = []
        return Reading(
            agents=self._agents(agents, problems),
            session_name=clean_name(session) if session else "",
            session_exists=bool(status.get("session_exists", True)),
            problems=tuple(problems),
        )

    def _agents(self, agents: Sequence[Any], problems: list[str]) -> tuple[AgentSample, ...]:
        fresh: dict[object, _Held] = {}
        known, names = self._held, _Names(self._held)
        for index, agent in enumerate(agents):
            try:
                name = agent["name"]
                if name in fresh:
                    name = _numbered(name, fresh)
                    problems.append(f"two agents are named {clean_name(name[0])!r}: the second is told as #{name[1]}")
                try:
                    raw = _SEEDS(agent) if len(agent) == _SEEDS_KEYS else _all_of(agent)
                except KeyError:
                    raw = _all_of(agent)
                held = known.get(name)
                if held is None:
                    held = (raw, _sample(raw, names.new(name), _role(raw[3])))
                elif held[0] != raw:
                    was, sample = held
                    held = (raw, _sample(raw, sample.name, sample.role if raw[3] == was[3] else _role(raw[3])))
                fresh[name] = held
            except Exception as error:  # noqa: BLE001 - foreign data, in which anything may raise: told, with its place
                place = f"get_status()['agents'][{index}]"
                problems.append(_line(f"{place} is unusable: {type(error).__name__}: {error}"))
                self._keep_unknown(agent, fresh, names, problems[-1])
        self._held = fresh
        return tuple([held[1] for held in fresh.values()])

    def _keep_unknown(self, agent: Any, fresh: dict[object, _Held], names: _Names, problem: str) -> None:
        """An agent that has a name stays expected, as unknown; whether it is up is what was last known."""
        name = agent.get("name") if isinstance(agent, Mapping) else None
        if not isinstance(name, (str, int)) or name in fresh:
            return
        held = self._held.get(name)
        before = held[1] if held else AgentSample(names.new(name), running=False)
        fresh[name] = ((problem, None, None, None), before._replace(reported=State.UNKNOWN, reason=problem))


def _numbered(name: object, fresh: Mapping[object, _Held]) -> tuple[object, int]:
    """The key of one more agent with the same name."""
    number = 2
    while (name, number) in fresh:
        number += 1
    return name, number


class _Names:
    """The names that are taken, for the agents that are new in one answer."""

    def __init__(self, known: Mapping[object, _Held]) -> None:
        self._known = known
        self._taken: set[str] | None = None
        self._given: dict[object, str] = {}

    def new(self, key: object) -> str:
        """The cleaned name of a new agent, numbered where another one has it already; asked twice, the same."""
        if key in self._given:
            return self._given[key]
        if self._taken is None:
            self._taken = {sample.name for _, sample in self._known.values()}
        name, number = key if isinstance(key, tuple) else (key, 1)
        cleaned = clean_name(name)
        told = cleaned if number == 1 else f"{cleaned}#{number}"
        while told in self._taken:
            number += 1
            told = f"{cleaned}#{number}"
        self._taken.add(told)
        self._given[key] = told
        return told


def _all_of(agent: Any) -> _Raw:
    get = agent.get
    seeds = (agent["running"], get("restart_count"), get("last_activity"), get("role"))
    return *seeds, get("state"), get("pane_index"), get("pid")


def _sample(raw: _Raw, name: str, role: str) -> AgentSample:
    """The sample of one agent; the common types are passed on as they are, all others checked."""
    running, restarts, active, *_ = raw
    if isinstance(running, (str, bytes)):
        raise ValueError(f"running is {running!r}, not true or false")  # noqa: TRY004 - as every other unusable value
    if type(restarts) is not int or not 0 <= restarts <= _MOST_RESTARTS:
        restarts = _count(restarts)
    if type(active) is not float or not 0.0 <= active < math.inf:
        active = _unix_time(active)
    if len(raw) < _SEEDS_KEYS:
        return _new_sample((name, bool(running), role, restarts, active, None, None, None, None, "", False, NO_DETAIL))
    state, pane_index, pid = raw[4:]
    reported = _REPORTABLE.get(state) if isinstance(state, str) else None
    pane_index = pane_index if isinstance(pane_index, int) else None
    pid = pid if type(pid) is int and 0 < pid <= LAST_PID else None
    return _new_sample(
        (name, bool(running), role, restarts, active, reported, None, pane_index, pid, "", False, NO_DETAIL)
    )


def _role(role: Any) -> str:
    return clean_name(role) if role else ""


def _line(text: str) -> str:
    return clean_line(text, limit=500)


def _count(value: Any) -> int:
    """A count that metrics can carry: never negative, and not too big."""
    if isinstance(value, int):
        return min(max(value, 0), _MOST_RESTARTS)
    number = float(value or 0)
    return 0 if math.isnan(number) else int(min(max(number, 0.0), _MOST_RESTARTS))


def _unix_time(value: Any) -> float:
    number = float(value or 0.0)
    return number if math.isfinite(number) and number > 0 else 0.0
