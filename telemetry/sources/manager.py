"""The seed's source: any object with `get_status()`, as a Python orchestrator's cluster manager has."""

from __future__ import annotations

import asyncio
import inspect
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from operator import itemgetter
from typing import Any, Protocol

from telemetry.clean import clean_name, clean_text
from telemetry.model import AgentSample, Reading, State
from telemetry.sources.base import SourceError

_MOST_RESTARTS = 2**53
"""Up to here a float, which is what metrics carry, tells one count from the next."""

_REPORTABLE = {state.value: state for state in (State.BUSY, State.IDLE, State.WAITING)}


class ClusterManager(Protocol):
    """What the seed calls a cluster manager."""

    def get_status(self) -> Any:
        """The cluster's status, or an awaitable of it.

        `{"cluster_name", "session_name", "session_exists", "agents": [{"name", "role", "running", "restart_count",
        "last_activity"}]}`; `last_activity` in Unix seconds, 0.0 = never. Optional for each agent: `state` («busy»,
        «idle» or «waiting», as the agent itself reports it), `pane_index`, `pid`. Only `agents[].name` and `running`
        are required.
        """


class ManagerSource:
    """Reads a cluster through its manager. A blocking `get_status()` runs in a thread and never stalls the loop."""

    name = "manager"

    def __init__(self, manager: ClusterManager, cluster: str = "default") -> None:
        self._manager = manager
        self._cluster = cluster
        self._samples: dict[object, _Held] = {}
        self._pending: Future[Any] | None = None

    @property
    def cluster(self) -> str:
        """`cluster_name` of the last answer; before the first, the one given."""
        return self._cluster

    async def read(self, now: float) -> Reading:
        """Asks the manager once.

        Raises:
            SourceError: `get_status()` raised, or answered with something that isn't a status.
        """
        return self._parse(await self._ask())

    async def close(self) -> None:
        """Nothing is held; a call that still hangs is in a daemon thread and ends with the process."""

    async def _ask(self) -> Any:
        ask = self._manager.get_status
        try:
            if inspect.iscoroutinefunction(ask):
                return await ask()
            # One call at a time: while one hangs, the next check waits for the same one instead of starting another.
            if self._pending is None:
                self._pending = _in_thread(ask)
            status = await asyncio.shield(asyncio.wrap_future(self._pending))
            self._pending = None
            return await status if inspect.isawaitable(status) else status
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a foreign program's fault, told as such: the monitor reports it and goes on
            self._pending = None
            raise SourceError(_line(f"get_status() raised {type(error).__name__}: {error}")) from error

    def _parse(self, status: Any) -> Reading:
        if not isinstance(status, Mapping):
            raise SourceError(f"get_status() answered with {type(status).__name__}, not a dict")
        agents = status.get("agents")
        if not isinstance(agents, Sequence) or isinstance(agents, (str, bytes)):
            raise SourceError(f"get_status()['agents'] is {type(agents).__name__}, not a list of dicts")
        if named := status.get("cluster_name"):
            self._cluster = clean_name(named)
        session = status.get("session_name")
        return Reading(
            agents=self._parse_agents(agents),
            session_name=clean_name(session) if session else "",
            session_exists=bool(status.get("session_exists", True)),
        )

    def _parse_agents(self, agents: Sequence[Any]) -> tuple[AgentSample, ...]:
        """Samples in the manager's order; an agent about which nothing changed gets the very sample of last time."""
        fresh: dict[object, _Held] = {}
        samples: list[AgentSample] = []
        known, new_name = self._samples, False
        for agent in agents:
            try:
                name = agent["name"]
                raw = _SEEDS(agent) if len(agent) == _SEEDS_KEYS and _SEEDS_LAST in agent else _all_of(agent)
                held = known.get(name)
                if held is None:
                    held, new_name = (raw, _sample(raw, clean_name(name), _role(raw[3]))), True
                elif held[0] != raw:
                    was, sample = held
                    held = (raw, _sample(raw, sample.name, sample.role if raw[3] == was[3] else _role(raw[3])))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                what = f"get_status()['agents'][{len(samples)}] is unusable: {type(error).__name__}: {error}"
                raise SourceError(_line(what)) from error
            fresh[name] = held
            samples.append(held[1])
        self._samples = fresh
        if len(fresh) != len(samples) or (new_name and len({sample.name for sample in samples}) != len(samples)):
            twice = next(name for name, count in Counter(sample.name for sample in samples).items() if count > 1)
            raise SourceError(f"two agents are named {twice!r}: an agent's name must be unique in its cluster")
        return tuple(samples)


_Raw = tuple[Any, ...]
"""What is said of an agent: running, restart_count, last_activity, role; if more is said, state, pane_index, pid."""
_Held = tuple[_Raw, AgentSample]
"""What was last said of an agent, and the sample it became."""

_SEEDS_KEYS, _SEEDS_LAST = 5, "last_activity"
_SEEDS = itemgetter("running", "restart_count", "last_activity", "role")
"""An agent of the seed's status has these and its name: one call for all, since a thousand agents are looked at."""


def _all_of(agent: Any) -> _Raw:
    get = agent.get
    seeds = (agent["running"], get("restart_count"), get("last_activity"), get("role"))
    return *seeds, get("state"), get("pane_index"), get("pid")


def _sample(raw: _Raw, name: str, role: str) -> AgentSample:
    """The sample of one agent; the common types are passed on as they are, all others checked."""
    running, restarts, active, *_ = raw
    if type(restarts) is not int or not 0 <= restarts <= _MOST_RESTARTS:
        restarts = _count(restarts)
    if type(active) is not float or not 0.0 <= active < math.inf:
        active = _unix_time(active)
    if len(raw) < _SEEDS_KEYS:
        return _new_sample((name, bool(running), role, restarts, active, None, None, None, None, "", False))
    state, pane_index, pid = raw[4:]
    reported = _REPORTABLE.get(state) if isinstance(state, str) else None
    pane_index = pane_index if isinstance(pane_index, int) else None
    pid = pid if isinstance(pid, int) else None
    return _new_sample((name, bool(running), role, restarts, active, reported, None, pane_index, pid, "", False))


def _role(role: Any) -> str:
    return clean_name(role) if role else ""


_new_sample = AgentSample._make
"""A call with arguments costs three times as much."""


def _line(text: str) -> str:
    return " ".join(clean_text(text, limit=500).split())


def _count(value: Any) -> int:
    """A count that metrics can carry: never negative, and not too big."""
    number = float(value or 0)
    return 0 if math.isnan(number) else int(min(max(number, 0.0), _MOST_RESTARTS))


def _unix_time(value: Any) -> float:
    number = float(value or 0.0)
    return number if math.isfinite(number) and number > 0 else 0.0


def _in_thread(call: Any) -> Future[Any]:
    """Runs `call` in a daemon thread: one that hangs for ever doesn't keep the program from ending."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - handed to the waiter, whatever it is
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="get_status", daemon=True).start()
    return future
