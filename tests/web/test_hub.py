"""Who watches, what they are told, and what that costs: changes are made once, and nobody is waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.model import AlertLevel, ClusterSnapshot, State
from telemetry.picture import Picture
from telemetry.testing import FakeClock
from telemetry.web import hub as module
from telemetry.web.feed import PIECE, Feed, event
from telemetry.web.hub import Hub, Pace
from telemetry.web.items import Shown, items
from tests.web.conftest import World, agent
from tests.web.watching import Event, events, replayed


def read(parts: Any) -> list[Event]:
    return list(events(b"".join(bytes(part) for part in parts).decode()))


# --- the picture ----------------------------------------------------------------------------------------------------


def test_the_picture_tells_of_every_change_in_the_thread_that_made_it() -> None:
    picture, heard = Picture(), list[str]()
    end = picture.on_change(lambda: heard.append(threading.current_thread().name))
    snapshot = ClusterSnapshot("main", "test", (), 1.0)
    made: list[Callable[[], None]] = [
        lambda: picture.publish(snapshot, ()),
        lambda: picture.count_alert("main", AlertLevel.ERROR),
        lambda: picture.count_delivery("slack", "failed"),
        lambda: picture.set_store_problem("disk full"),
        lambda: picture.remove("main"),
    ]
    for change in made:
        thread = threading.Thread(target=change, name="publisher")
        thread.start()
        thread.join()
    picture.set_store_problem("disk full")  # says nothing new
    assert heard == ["publisher"] * 5
    end()
    end()
    picture.publish(snapshot, ())
    assert len(heard) == 5


def test_what_a_listener_raises_is_logged_and_others_hear_of_it(caplog: pytest.LogCaptureFixture) -> None:
    picture, heard = Picture(), list[int]()

    def broken() -> None:
        raise ValueError("broken")

    picture.on_change(broken)
    picture.on_change(lambda: heard.append(1))
    picture.publish(ClusterSnapshot("main", "test", (), 1.0), ())
    assert heard == [1]
    assert picture.snapshot("main") is not None
    assert "broken" in caplog.text


def test_the_same_function_may_listen_twice() -> None:
    picture, heard = Picture(), list[int]()

    def listen() -> None:
        heard.append(1)

    end, _ = picture.on_change(listen), picture.on_change(listen)
    end()
    picture.remove("main")
    assert heard == [1]


# --- a feed ---------------------------------------------------------------------------------------------------------

_STATES = st.lists(
    st.dictionaries(st.sampled_from("abcde"), st.fixed_dictionaries({"n": st.integers(0, 2)})), min_size=1, max_size=12
)


@given(states=_STATES, joins=st.integers(0, 11), most=st.integers(0, 4), had=st.integers(-2, 14))
def test_a_snapshot_or_what_was_held_and_what_was_missed_make_what_is_now(
    states: Any, joins: int, most: int, had: int
) -> None:
    """Whenever a reader came, and however little is held: what it is told makes the state of now."""
    feed = Feed(most_changes=most)
    joined: list[Event] = []
    number: int | None = None
    at = {0: dict[str, Any]()}
    for turn, state in enumerate(states):
        feed.take(state, float(turn))
        at[feed.last] = state
        if turn == joins:
            joined, number = read(feed.after(None, 0.0)), feed.last
            assert [one.kind for one in joined] == ["snapshot"]
    if number is not None:
        assert replayed([*joined, *read(feed.after(number, 0.0))]) == states[-1]
    held = feed.number(feed.name(had))
    assert held == (had if max(0, feed.last - most) <= had <= feed.last else None)
    if held is not None:
        came_back = [Event("snapshot", {"items": at[held]}), *read(feed.after(held, 0.0))]
        assert [one.kind for one in came_back[1:]] == ["change"] * (feed.last - held)
        assert replayed(came_back) == states[-1]
    else:
        assert replayed(read(feed.after(held, 0.0))) == states[-1]


@pytest.mark.parametrize(
    "name", ["", "-", "1", "x-1", "-1", "{boot}-", "{boot}--1", "{boot}-1.0", "{boot}-²", "{boot}-9"]
)
def test_an_id_that_means_nothing_here_is_none(name: str) -> None:
    feed, other = Feed(), Feed()
    for held in (feed, other):
        held.take({"a": {}}, 0.0)
        held.take({}, 0.0)
    boot = feed.name(0).removesuffix("-0")
    assert feed.number(name.format(boot=boot)) is None
    assert feed.number(other.name(1)) is None, "an earlier process counted from 1 too"
    assert feed.number(f"{boot}-{'1' * 5000}") is None
    assert feed.number(feed.name(1)) == 1


def test_what_is_held_is_bounded_in_bytes_too() -> None:
    feed = Feed(most_bytes=10_000)
    for turn in range(50):
        feed.take({"a": {"text": "x" * 1000, "turn": turn}}, 0.0)
    assert not feed.holds_after(50 - 10)
    assert feed.holds_after(50 - 5)
    feed.take({"a": {"text": "x" * 20_000}}, 0.0)
    assert not feed.holds_after(50), "one that is longer than all may be isn't held"
    assert read(feed.after(50, 0.0))[0].kind == "snapshot"


def test_everything_is_made_once_for_all() -> None:
    feed = Feed()
    feed.take({"a": {"n": 1}}, 0.0)
    feed.take({"a": {"n": 2}}, 0.0)
    first, second = (list(feed.after(1, now)) for now in (0.0, 1.0))
    assert first[0] is second[0]
    before = feed.state
    assert not feed.take({"a": {"n": 2}}, 0.0)
    assert feed.state is before
    feed.take({"b": {"text": "y" * 3 * PIECE}}, 0.0)
    pieces = list(feed.whole(0.0))
    assert all(len(piece) <= PIECE for piece in pieces), "a slow reader is handed a little at a time"
    assert [piece.obj for piece in pieces if isinstance(piece, memoryview)] == [feed.state] * 4, "not copied"


def test_a_snapshot_that_is_read_slowly_is_of_one_moment() -> None:
    feed = Feed()
    feed.take({"a": {"text": "x" * 2 * PIECE}}, 0.0)
    reading = feed.whole(7.5)
    parts = [next(reading)]
    feed.take({"b": {}}, 0.0)
    said = read([*parts, *reading])
    assert (said[0].id, list(said[0].data["items"]), said[0].data["now"]) == (feed.name(1), ["a"], 7.5)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "a\rb", "\u2028\u2029\x85", "\n\nevent: hello\ndata: {}\n\n", "<script>"]
)
def test_no_text_ends_an_event(text: str) -> None:
    said = event("change", {"set": {text: {"t": text}}})
    assert said.count(b"\n") == 3
    assert b"\r" not in said
    assert list(events(said.decode())) == [Event("change", {"set": {text: {"t": text}}})]


# --- the hub --------------------------------------------------------------------------------------------------------

FAST = Pace(gathered=0.0, told=0.0, looked=0.005, beats=0.02)
ONLY_ANNOUNCED = Pace(gathered=0.0, told=0.0, looked=1000.0, beats=1000.0)


def hub_of(world: World, pace: Pace = ONLY_ANNOUNCED, most: int = 500) -> Hub:
    return Hub(Shown(world.picture, lambda: world.monitors), world.clock, most, pace)


async def soon(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.001)


def test_a_change_of_the_picture_reaches_a_viewer_from_any_thread(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        with hub.viewing(None, "") as viewer:
            assert [one.kind for one in read(viewer.feed.after(viewer.had, 0.0))] == ["snapshot"]
            viewer.had = viewer.feed.last
            waiting = asyncio.create_task(viewer.news(0))
            stopped = agent("a", State.STOPPED, world.clock.now())
            await asyncio.to_thread(world.see, "main", stopped)
            await asyncio.wait_for(waiting, 10)
            said = read(viewer.feed.after(viewer.had, 0.0))
            assert said[0].data["set"]["agent/main/a"]["state"] == "stopped"
            assert said[0].data["gone"] == ["agent/main/b"]

    asyncio.run(program())


def test_what_nobody_announces_is_found_and_nobody_is_woken_for_nothing(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world, FAST)
        with hub.viewing(None, "") as viewer:
            viewer.had = viewer.feed.last
            world.monitors[0].running = False
            await asyncio.wait_for(viewer.news(hub.beats), 10)
            await soon(lambda: viewer.had != viewer.feed.last)
            said = read(viewer.feed.after(viewer.had, 0.0))
            assert said[0].data["set"]["cluster/main"]["monitoring"] is False

    asyncio.run(program())


def test_while_nobody_watches_nothing_is_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def count(*given: Any) -> Any:
        looks.append(1.0)
        return items(*given)

    monkeypatch.setattr(module, "items", count)

    async def program() -> None:
        hub = hub_of(world, FAST)
        with hub.viewing(None, ""), hub.viewing(None, ""):
            await soon(lambda: len(looks) > 5)
        before = len(looks)
        world.see("main")
        await asyncio.sleep(0.05)  # ten times as long as there is between two looks
        assert len(looks) == before
        with hub.viewing(None, "") as viewer:
            assert "agent/main/a" not in viewer.feed.items, "whoever comes next sees what is now"
            await soon(lambda: len(looks) > before + 2)

    asyncio.run(program())


def test_many_changes_at_once_are_one(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        with hub.viewing(None, "") as viewer:
            before = viewer.had = viewer.feed.last
            for _ in range(100):
                world.clock.advance(0.01)
                world.see("main", agent("a", State.BUSY, world.clock.now()))
            await asyncio.wait_for(viewer.news(0), 10)
            assert viewer.feed.last == before + 1

    asyncio.run(program())


def test_a_fault_is_logged_and_the_next_look_may_succeed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def program() -> None:
        hub = hub_of(world, FAST)
        with hub.viewing(None, "") as viewer:
            world.monitors[0].open_alerts = None  # type: ignore[assignment]
            await soon(lambda: "could not be brought up to date" in caplog.text)
            world.monitors[0].open_alerts = ()
            world.monitors[0].running = False
            await soon(lambda: viewer.feed.items["cluster/main"]["monitoring"] is False)

    asyncio.run(program())


def test_an_end_of_the_loop_harms_no_publisher(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def program() -> Any:
        viewing = hub_of(world).viewing(None, "")
        viewing.__enter__()
        return viewing

    held = asyncio.run(program())
    world.see("main")
    assert not caplog.records
    assert held


def test_each_cluster_has_changes_of_its_own(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        with hub.viewing("main", "") as main, hub.viewing("night", "") as night:
            main.had, night.had = main.feed.last, night.feed.last
            world.see("main", agent("z", State.BUSY, world.clock.now()))
            hub.look()
            assert night.had == night.feed.last, "nobody is told of what is about another"
            assert list(read(main.feed.after(main.had, 0.0))[0].data["set"]) == ["agent/main/z"]
            assert hub.feed("night").number(main.feed.name(1)) is None
            world.monitors.pop()
            hub.look()
            assert read(night.feed.after(night.had, 0.0))[0].data["gone"] == ["cluster/night"]
        hub.look()
        world.monitors[0].running = False
        hub.look()
        assert list(hub._feeds) == ["main"], "nothing is kept for a cluster that is gone"

    asyncio.run(program())


def test_beats_say_the_time(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world, FAST)
        with hub.viewing(None, "") as viewer:
            viewer.had = viewer.feed.last
            await soon(lambda: hub.beats > 2)
            assert viewer.beats == 0
            await viewer.news(hub.beats)  # at once
            assert list(events(hub.beat.decode())) == [Event("beat", {"now": world.clock.now()})]

    asyncio.run(program())


def test_no_more_than_so_many_and_nobody_after_the_end(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world, most=2)
        with hub.viewing(None, "") as viewer:
            with hub.viewing(None, ""):
                assert hub.refusal == "2 viewers are connected already"
            left = hub.refusal
            assert not left
            waiting = asyncio.create_task(viewer.news(0))
            viewer.had = viewer.feed.last
            hub.close()
            await asyncio.wait_for(waiting, 10)
            assert viewer.over
        stopping = hub.refusal
        assert stopping == "the server is stopping"

    asyncio.run(program())


def test_it_needs_no_running_loop_to_be_made() -> None:
    assert not Hub(Shown(Picture(), tuple), FakeClock()).refusal
