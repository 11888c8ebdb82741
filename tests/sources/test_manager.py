"""The seed's source: whatever has get_status()."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from telemetry.model import Reading, State
from telemetry.sources.base import SourceError
from telemetry.sources.manager import ManagerSource

AGENT = {"name": "grand_boss", "role": "boss", "running": True, "restart_count": 1, "last_activity": 5.0}
STATUS = {"cluster_name": "orchestrator-cc", "session_name": "cc", "session_exists": True, "agents": [AGENT]}


class Manager:
    def __init__(self, status: Any) -> None:
        self.status = status

    def get_status(self) -> Any:
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


def read(status: Any) -> Reading:
    return asyncio.run(ManagerSource(Manager(status)).read(0.0))


def test_a_status_becomes_samples() -> None:
    source = ManagerSource(Manager(STATUS))
    reading = asyncio.run(source.read(0.0))
    (sample,) = reading.agents
    assert (source.cluster, reading.session_name, reading.session_exists) == ("orchestrator-cc", "cc", True)
    assert (sample.name, sample.role, sample.running) == ("grand_boss", "boss", True)
    assert (sample.restart_count, sample.last_activity, sample.reported) == (1, 5.0, None)


def test_an_async_manager_and_one_that_returns_an_awaitable() -> None:
    class Async:
        async def get_status(self) -> Any:
            return STATUS

    class Lazy:
        def get_status(self) -> Any:
            return Async().get_status()

    for manager in (Async(), Lazy()):
        assert asyncio.run(ManagerSource(manager).read(0.0)).agents[0].name == "grand_boss"


def test_an_agent_about_which_nothing_changed_is_the_same_object() -> None:
    manager = Manager(STATUS)
    source = ManagerSource(manager)
    first = asyncio.run(source.read(0.0)).agents[0]
    manager.status = {**STATUS, "agents": [dict(AGENT)]}
    assert asyncio.run(source.read(5.0)).agents[0] is first
    manager.status = {**STATUS, "agents": [{**AGENT, "last_activity": 6.0}]}
    assert asyncio.run(source.read(10.0)).agents[0] is not first


def test_only_name_and_running_are_needed_and_a_state_may_be_reported() -> None:
    reading = read(
        {"agents": [{"name": "a", "running": 1, "state": "waiting"}, {"name": "b", "running": 0, "state": "?"}]}
    )
    assert [(a.running, a.reported) for a in reading.agents] == [(True, State.WAITING), (False, None)]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (None, "NoneType, not a dict"),
        ({}, "['agents'] is NoneType"),
        ({"agents": "abc"}, "['agents'] is str"),
        (RuntimeError("tmux broke\nbadly"), "get_status() raised RuntimeError: tmux broke"),
    ],
)
def test_an_unusable_answer_says_what_is_wrong_in_one_line(status: Any, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(status)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


GOOD = {"name": "ok", "running": True}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (None, {}),
        (7, {}),
        ({"running": True}, {}),
        ({"name": ["x"], "running": True}, {}),
        ({"name": "x"}, {"x": State.UNKNOWN}),
        ({"name": "x", "running": "false"}, {"x": State.UNKNOWN}),
        ({"name": "x", "running": True, "last_activity": "yesterday"}, {"x": State.UNKNOWN}),
        ({"name": "x", "running": True, "restart_count": "many"}, {"x": State.UNKNOWN}),
    ],
)
def test_an_unusable_agent_costs_no_neighbour_anything_and_is_told_in_one_line(
    bad: Any, told: dict[str, State | None]
) -> None:
    reading = read({"agents": [GOOD, bad, {**GOOD, "name": "other"}]})
    assert {sample.name: sample.reported for sample in reading.agents} == {"ok": None, "other": None, **told}
    (problem,) = reading.problems
    assert problem.startswith("get_status()['agents'][1] is unusable: ")
    assert "\n" not in problem


def test_an_agent_that_becomes_unusable_stays_up_as_was_last_known() -> None:
    manager = Manager({"agents": [GOOD]})
    source = ManagerSource(manager)
    asyncio.run(source.read(0.0))
    manager.status = {"agents": [{"name": "ok", "running": True, "last_activity": object()}]}
    for _ in range(2):
        (sample,) = asyncio.run(source.read(5.0)).agents
        assert (sample.running, sample.reported) == (True, State.UNKNOWN)
    manager.status = {"agents": [GOOD]}
    assert asyncio.run(source.read(10.0)).agents[0].reported is None


@pytest.mark.parametrize(("first", "second"), [("ok", "ok"), ("ok", "ok "), (7, "7")])
def test_agents_whose_names_are_the_same_are_told_apart_and_stay_so(first: Any, second: Any) -> None:
    manager = Manager({"agents": [{"name": first, "running": True}, {"name": second, "running": False}]})
    source = ManagerSource(manager)
    name = str(first)
    for _ in range(3):
        told = [(sample.name, sample.running) for sample in asyncio.run(source.read(0.0)).agents]
        assert told == [(name, True), (f"{name}#2", False)]


def test_any_five_keys_will_do() -> None:
    agent = {"name": "a", "running": True, "restart_count": 2, "last_activity": 5.0, "pane_index": 3}
    (sample,) = read({"agents": [agent]}).agents
    assert (sample.restart_count, sample.last_activity, sample.pane_index) == (2, 5.0, 3)


@pytest.mark.parametrize(
    ("value", "pid"),
    [(7, 7), (2**31 - 1, 2**31 - 1), (True, None), (0, None), (-1, None), (2**31, None), ("7", None)],
)
def test_what_can_be_no_process_is_none(value: Any, pid: int | None) -> None:
    assert repr(read({"agents": [{**GOOD, "pid": value}]}).agents[0].pid) == repr(pid)


@pytest.mark.parametrize("raised", [asyncio.CancelledError(), SystemExit(3), GeneratorExit(), StopIteration(1)])
def test_whatever_a_manager_raises_is_a_failing_source_and_over_with_the_next_answer(raised: BaseException) -> None:
    class Once:
        def __init__(self) -> None:
            self.raised: BaseException | None = raised

        def get_status(self) -> Any:
            error, self.raised = self.raised, None
            if error is not None:
                raise error
            return STATUS

    class AsyncOnce(Once):
        async def get_status(self) -> Any:
            return super().get_status()

    async def scenario(manager: Any) -> None:
        source = ManagerSource(manager)
        with pytest.raises(SourceError, match=r"get_status\(\) raised"):
            await source.read(0.0)
        assert len((await source.read(5.0)).agents) == 1

    asyncio.run(scenario(Once()))
    asyncio.run(scenario(AsyncOnce()))


def test_our_own_cancellation_is_no_failure_of_the_manager() -> None:
    class Forever:
        async def get_status(self) -> Any:
            await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.create_task(ManagerSource(Forever()).read(0.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_what_is_no_manager_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="cluster_manager: object has no get_status"):
        ManagerSource(object())  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, None, 0])
def test_an_impossible_activity_time_means_never(value: Any) -> None:
    assert read({"agents": [{**AGENT, "last_activity": value}]}).agents[0].last_activity == 0.0


@pytest.mark.parametrize(
    ("value", "count"), [(-1, 0), (2**70, 2**53), (10**400, 2**53), (float("nan"), 0), (None, 0), ("2", 2)]
)
def test_a_count_that_metrics_could_not_carry_is_bounded(value: Any, count: int) -> None:
    assert read({"agents": [{**AGENT, "restart_count": value}]}).agents[0].restart_count == count


@pytest.mark.parametrize("name", ["a\ud800b", "a\x00b", "\x1b[31mred", "x" * 1_000_000, "\u202eevil", b"bytes", 2**70])
def test_a_hostile_name_is_made_safe_where_it_enters(name: Any) -> None:
    cleaned = read({"agents": [{"name": name, "running": True}]}).agents[0].name
    assert cleaned.encode()
    assert cleaned.isprintable()
    assert len(cleaned) <= 200


def test_a_call_that_hangs_stalls_nobody_and_is_not_started_twice() -> None:
    release, calls = threading.Event(), []

    class Hanging:
        def get_status(self) -> Any:
            calls.append(1)
            release.wait(10)
            return STATUS

    async def scenario() -> None:
        source = ManagerSource(Hanging())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await source.read(0.0)
        release.set()
        assert (await source.read(0.0)).agents[0].name == "grand_boss"

    asyncio.run(scenario())
    assert len(calls) == 1
