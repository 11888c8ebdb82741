"""The seed's source: any object with `get_status()`, as a Python orchestrator's cluster manager has."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from telemetry.clean import clean_line
from telemetry.model import Reading
from telemetry.sources.base import SourceError
from telemetry.sources.status import StatusReader


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
    """Reads a cluster through its manager. A blocking `get_status()` runs in a thread and never stalls the loop.

    Raises:
        TypeError: The manager has no `get_status()`.
    """

    name = "manager"

    def __init__(self, manager: ClusterManager) -> None:
        if not callable(getattr(manager, "get_status", None)):
            raise TypeError(f"cluster_manager: {type(manager).__name__} has no get_status()")
        self._manager = manager
        self._status = StatusReader()
        self._pending: Future[_Outcome] | None = None

    @property
    def cluster(self) -> str:
        """`cluster_name` of the last answer; «default» before the first, and where there is none."""
        return self._status.cluster

    async def read(self, now: float) -> Reading:
        """Asks the manager once.

        Raises:
            SourceError: `get_status()` raised, or answered with something that isn't a status.
        """
        try:
            status = await self._ask()
        except KeyboardInterrupt:
            raise
        except SourceError:
            raise
        except BaseException as error:  # a foreign program's fault, told as such: the monitor reports it and goes on
            if isinstance(error, asyncio.CancelledError) and _are_cancelled():
                raise
            raise _failure(error) from error
        return self._status.read(status)

    async def close(self) -> None:
        """Nothing is held; a call that still hangs is in a daemon thread and ends with the process."""

    async def _ask(self) -> Any:
        ask = self._manager.get_status
        if inspect.iscoroutinefunction(ask):
            return await ask()
        # One call at a time: while one hangs, the next check waits for the same one instead of starting another. What
        # ended after its check had given up is of then, not of now.
        if self._pending is None or self._pending.done():
            self._pending = _in_thread(ask)
        status, error = await asyncio.shield(asyncio.wrap_future(self._pending))
        self._pending = None
        if error is not None:  # not raised as it is: a StopIteration of that thread would mean something else here
            raise _failure(error) from error
        return await status if inspect.isawaitable(status) else status


_Outcome = tuple[Any, BaseException | None]


def _in_thread(call: Callable[[], Any]) -> Future[_Outcome]:
    """Runs `call` in a daemon thread: one that hangs for ever doesn't keep the program from ending."""
    future: Future[_Outcome] = Future()

    def run() -> None:
        try:
            outcome: _Outcome = (call(), None)
        except BaseException as error:  # noqa: BLE001 - handed to the waiter, whatever it is
            outcome = (None, error)
        future.set_result(outcome)

    threading.Thread(target=run, name="get_status", daemon=True).start()
    return future


def _failure(error: BaseException) -> SourceError:
    return SourceError(clean_line(f"get_status() raised {type(error).__name__}: {error}", limit=500))


def _are_cancelled() -> bool:
    """Whether it is this task that is being cancelled, and not something that the manager waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
