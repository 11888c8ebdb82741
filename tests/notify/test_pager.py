"""What people are told, and when: the promises to whoever is paged, in simulated time."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from telemetry.model import AgentSample, AlertLevel, NoticeKind, Silence, State
from telemetry.notify.base import DeliveryError
from telemetry.notify.plan import Plan
from telemetry.notify.routes import Route
from telemetry.schedule import parse_hours
from telemetry.testing import FakeClock
from tests.notify.simulated import PacedRecorder, Recorder, RefreshedRecorder, Simulation

FIVE = ("a", "b", "c", "d", "e")
HOUR = 3600.0
DAY = 24 * HOUR


def up(name: str) -> AgentSample:
    return AgentSample(name, running=True, reported=State.BUSY, proven=True)


def down(name: str) -> AgentSample:
    return AgentSample(name, running=False, reason="exited")


def agents(dead: Callable[[str, float], bool], names: Sequence[str] = FIVE) -> Callable[[float], list[AgentSample]]:
    return lambda now: [down(name) if dead(name, now) else up(name) for name in names]


def simulated(simulation: Simulation, story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await simulation.pager.load()
        await story()

    asyncio.run(run())


def undelivered(seen: Callable[[float], list[AgentSample]], path: Path, seconds: float) -> Simulation:
    """A run that took so long, and left in the store at `path` all that it had to tell."""
    left = Simulation(seen, path=path)
    left.recorder.fails = lambda _: DeliveryError("down")

    async def story() -> None:
        await left.run(seconds)

    simulated(left, story)
    return left


def test_five_dead_for_an_hour_are_one_message_and_one_when_it_is_over() -> None:
    sim = Simulation(agents(lambda name, now: 60 <= now < 60 + HOUR, names=FIVE))

    async def story() -> None:
        await sim.run(60 + HOUR)
        assert len(sim.recorder.sent) == 1
        await sim.run(120)

    simulated(sim, story)
    firing, over = sim.recorder.told()
    assert firing == [("firing", "demo")], "the cluster is down: that says it"
    assert over == [("resolved", "demo")]


def test_five_of_six_dead_for_an_hour_are_one_message_and_one_when_it_is_over() -> None:
    sim = Simulation(agents(lambda name, now: name != "f" and 60 <= now < 60 + HOUR, names=(*FIVE, "f")))

    async def story() -> None:
        await sim.run(60 + HOUR + 120)

    simulated(sim, story)
    firing, over = sim.recorder.told()
    assert {who for _, who in firing} >= set(FIVE)
    assert sorted(firing) == [("firing", who) for who in sorted({who for _, who in firing})]
    assert sorted(over) == [("resolved", who) for _, who in sorted(firing)]
    first, last = (at - sim.began for at, _ in sim.recorder.sent)
    assert first == pytest.approx(60.1)
    assert last == pytest.approx(60 + HOUR + 15 + 0.1, abs=5)


@pytest.mark.slow
def test_five_deaths_one_second_apart_are_at_most_two_messages() -> None:
    sim = Simulation(
        agents(lambda name, now: name in FIVE and now >= 10 + FIVE.index(name), names=(*FIVE, "f", "g")), every=1.0
    )

    async def story() -> None:
        await sim.run(HOUR)

    simulated(sim, story)
    assert len(sim.recorder.sent) <= 2
    assert {notice.subject for notice in sim.recorder.notices} >= set(FIVE)


@pytest.mark.slow
def test_an_agent_that_flips_every_seven_seconds_for_ten_minutes_is_at_most_three_messages() -> None:
    for every in (1.0, 5.0):
        sim = Simulation(agents(lambda name, now: name == "a" and now < 600 and now // 7 % 2 == 1), every=every)

        async def story(sim: Simulation = sim) -> None:
            await sim.run(2 * HOUR)

        simulated(sim, story)
        assert len(sim.recorder.sent) <= 3
        assert sim.recorder.notices[-1].kind is NoticeKind.RESOLVED


def test_slow_flips_are_damped_too() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now < HOUR and now // 60 % 2 == 1))

    async def story() -> None:
        await sim.run(2 * HOUR)

    simulated(sim, story)
    assert len(sim.recorder.sent) <= 6
    assert sim.recorder.notices[-1].kind is NoticeKind.RESOLVED


@pytest.mark.slow
def test_what_stays_open_is_told_again_after_four_hours_and_not_after_somebody_takes_care() -> None:
    sim = Simulation(agents(lambda name, now: name == "a"), every=60)

    async def story() -> None:
        await sim.run(9 * HOUR)
        assert sim.recorder.told() == [[("firing", "a")], [("repeat", "a")], [("repeat", "a")]]
        (alert,) = sim.monitor.get_alerts(level=AlertLevel.ERROR)
        await sim.monitor.acknowledge(alert.id, "ann")
        await sim.run(24 * HOUR)
        assert len(sim.recorder.sent) == 3

    simulated(sim, story)


def test_an_acknowledged_alert_is_told_again_when_it_gets_worse() -> None:
    idle = AgentSample("a", running=True, reported=State.IDLE, last_activity=0.0)
    sim = Simulation(lambda now: [idle._replace(last_activity=sim.began), up("b")])

    async def story() -> None:
        await sim.run(400)
        (alert,) = sim.monitor.get_alerts(resolved=False)
        await sim.monitor.acknowledge(alert.id, "ann")
        await sim.run(800)

    simulated(sim, story)
    assert [(n.kind.value, n.level.value) for n in sim.recorder.notices] == [
        ("firing", "warning"),
        ("level", "error"),
        ("level", "critical"),
    ]


def test_a_silence_holds_for_its_time_and_what_is_still_open_is_told_when_it_ends() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now >= 60))

    async def story() -> None:
        await sim.pager.silence(Silence("s1", "ann", "new prompt", sim.began, sim.began + 600, agent="a"))
        await sim.run(590)
        assert sim.recorder.sent == []
        await sim.run(60)
        assert sim.recorder.told() == [[("firing", "a")]]
        assert sim.pager.silences == ()

    simulated(sim, story)


def test_what_was_told_before_it_was_silenced_is_told_when_it_is_over() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and 60 <= now < 900))

    async def story() -> None:
        await sim.run(120)
        await sim.pager.silence(Silence("s1", "ann", "known", sim.clock.now(), sim.clock.now() + 9_000))
        await sim.run(HOUR)
        assert sim.recorder.told() == [[("firing", "a")], [("resolved", "a")]]

    simulated(sim, story)


def test_routes_choose_channels_by_level_and_hours() -> None:
    sim = Simulation(agents(lambda name, now: name == "a"), [Recorder, Recorder, Recorder])
    critical = Route(("channel1",), level=AlertLevel.CRITICAL)
    sim.plan = Plan(
        sim.plan.notifiers,
        routes=(Route(("channel0",)), critical, Route(("channel2",), hours=parse_hours("09:00-10:00", zone="UTC"))),
    )
    sim.clock.time = sim.began = 1_800_000_000.0 - 1_800_000_000.0 % 86_400 + 8 * HOUR  # eight o'clock
    sim._check_at = sim.began

    async def story() -> None:
        await sim.pager.use(sim.plan)
        await sim.run(0.5 * HOUR)
        assert [len(recorder.sent) for recorder in sim.recorders] == [1, 0, 0]
        await sim.run(HOUR)
        assert [len(recorder.sent) for recorder in sim.recorders] == [1, 0, 1]
        at, _ = sim.recorders[2].sent[0]
        assert at - sim.began == pytest.approx(HOUR, abs=2)

    simulated(sim, story)


def test_a_receiver_that_forgets_is_told_often_and_of_the_end() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now < 600), [RefreshedRecorder])

    async def story() -> None:
        await sim.run(HOUR)

    simulated(sim, story)
    kinds = [notice.kind.value for notice in sim.recorder.notices]
    assert (kinds[0], kinds[-1]) == ("firing", "resolved")
    times = [at for at, _ in sim.recorder.sent]
    assert max(later - earlier for earlier, later in pairwise(times)) < 90


def test_a_channel_that_fails_delays_no_other_and_is_tried_until_it_works() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now >= 60), [Recorder, Recorder])
    sim.recorders[0].fails = lambda _: DeliveryError("no") if sim.at < 600 else None

    async def story() -> None:
        await sim.run(1000)

    simulated(sim, story)
    slow, fine = sim.recorders
    assert fine.sent[0][0] - sim.began == pytest.approx(60.1)
    assert [message.id for _, message in slow.sent] == [slow.tried[0][1].id]
    pauses = [b - a for (a, _), (b, _) in pairwise(slow.tried)]
    assert 0.5 <= pauses[0] <= 1.0
    assert max(pauses) <= 300
    assert len(slow.tried) < 15


def test_retry_after_is_obeyed_and_one_a_second_is_kept() -> None:
    sim = Simulation(agents(lambda name, now: now >= 60 and name != "e"), [PacedRecorder])
    refusals = iter([DeliveryError("429", retry_after=30.0), DeliveryError("429", retry_after=1.0), None])
    sim.recorder.fails = lambda _: next(refusals, None)

    async def story() -> None:
        await sim.run(300)

    simulated(sim, story)
    times = [at - sim.began for at, _ in sim.recorder.tried]
    assert times[:3] == pytest.approx([60.1, 90.1, 91.1])


def test_retry_after_now_is_no_leave_to_try_without_a_pause() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now >= 60))
    sim.recorder.fails = lambda _: DeliveryError("503", retry_after=0.0)

    async def story() -> None:
        await sim.run(70)

    simulated(sim, story)
    assert 5 <= len(sim.recorder.tried) <= 11


def test_what_is_final_is_kept_and_shown_and_the_next_message_goes_on() -> None:
    sim = Simulation(agents(lambda name, now: (name == "a" and now >= 60) or (name == "b" and now >= 120)))
    sim.recorder.fails = lambda _: DeliveryError("answered 404", final=True) if sim.at < 100 else None

    async def story() -> None:
        await sim.run(HOUR)

    simulated(sim, story)
    (status,) = sim.pager.status
    assert [(held.failed, held.error, held.attempts) for held in status.failed] == [(True, "answered 404", 1)]
    assert {notice.subject for notice in sim.recorder.notices} >= {"b"}
    assert [delivery.outcome for delivery in sim.deliveries] == ["failed", "delivered"]


def test_a_monitor_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    seen = agents(lambda name, now: (name == "a" and now < 700) or (name == "b" and now < 300))
    first = Simulation(seen, path=tmp_path / "store")

    async def before() -> None:
        await first.run(200)  # a and b are told; nothing is closed: it is killed

    simulated(first, before)
    assert len(first.recorder.sent) == 1
    second = Simulation(lambda now: seen(now + 400), path=tmp_path / "store", clock=FakeClock(first.began + 400))

    async def after() -> None:
        await second.run(60)
        assert second.recorder.told()[0][0] == ("resolved", "b")
        assert all(notice.kind is NoticeKind.RESOLVED for notice in second.recorder.notices)
        await second.run(600)

    simulated(second, after)
    assert ("resolved", "a") in second.recorder.told()[-1]
    assert not [notice for notice in second.recorder.notices if notice.kind is NoticeKind.FIRING]
    assert [alert.id for alert in second.monitor.get_alerts() if alert.rule == "agent_stopped"]


def test_what_was_not_delivered_when_it_was_killed_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    seen = agents(lambda name, now: name == "a")
    first = undelivered(seen, tmp_path / "store", 30)
    message = first.recorder.tried[0][1]
    second = Simulation(seen, path=tmp_path / "store", clock=FakeClock(first.began + 60))

    async def after() -> None:
        await second.run(30)

    simulated(second, after)
    assert [held.id for _, held in second.recorder.sent] == [message.id]


def test_a_store_that_is_locked_at_the_start_loses_nothing_of_what_it_holds(tmp_path: Path) -> None:
    seen = agents(lambda name, now: (name == "a" and now < 700) or (name == "b" and now < 300))
    first = Simulation(seen, path=tmp_path / "store")
    first.recorder.fails = lambda _: DeliveryError("down")

    async def before() -> None:
        await first.run(30)
        await first.pager.silence(Silence("s1", "ann", "later", first.began + 9_000, first.began + 9_900))

    simulated(first, before)
    message = first.recorder.tried[0][1]
    holder = sqlite3.connect(tmp_path / "store", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    second = Simulation(lambda now: seen(now + 400), path=tmp_path / "store", clock=FakeClock(first.began + 400))

    async def after() -> None:
        await second.run(20)
        assert second.pager.store_problem
        assert "a" in {notice.subject for notice in second.recorder.notices}
        holder.execute("ROLLBACK")
        await second.run(30)
        assert second.pager.store_problem == ""
        assert second.pager.silences != ()

    simulated(second, after)
    assert message.id in {held.id for _, held in second.recorder.sent}
    assert ("resolved", "b") in [told for message in second.recorder.told() for told in message]
    assert [len(held) for held in second.store.load().alerts.values()] == [2]


def test_a_channel_that_is_off_keeps_what_it_holds(tmp_path: Path) -> None:
    sim = Simulation(agents(lambda name, now: name == "a"))
    sim.recorder.fails = lambda _: DeliveryError("down")

    async def story() -> None:
        await sim.run(30)
        await sim.pager.use(Plan({}))
        assert sim.recorder.closed
        (status,) = sim.pager.status
        assert (status.on, status.sending is not None) == (False, True)
        await sim.run(30)
        anew = Recorder("channel0", sim.clock)
        await sim.pager.use(Plan({"channel0": anew}))
        await sim.run(400)
        assert anew.told() == [[("firing", "a")]]

    simulated(sim, story)


@pytest.mark.slow  # a month
def test_a_month_of_fifty_agents_is_told_once_an_incident_and_always_to_its_end() -> None:
    """A check every ten minutes; agents die for minutes or hours, by dice that are always the same."""
    names = [f"agent{number:02}" for number in range(50)]
    dice = random.Random(50)  # noqa: S311 - a story, no secret
    deaths: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for name in names:
        at = dice.expovariate(1 / (5 * DAY))
        while at < 29 * DAY:
            ends = at + dice.uniform(1200, 3 * HOUR)
            deaths[name].append((at, ends))
            at = ends + HOUR + dice.expovariate(1 / (5 * DAY))
    sim = Simulation(
        agents(lambda name, now: any(begun <= now < ends for begun, ends in deaths[name]), names=names), every=600
    )

    async def story() -> None:
        await sim.run(30 * DAY)
        assert sim.monitor.open_alerts == ()

    simulated(sim, story)
    told = [(n.subject, n.kind) for n in sim.recorder.notices if n.rule == "agent_stopped"]
    incidents = sum(len(held) for held in deaths.values())
    assert incidents > 200
    firing = sum(kind is NoticeKind.FIRING for _, kind in told)
    assert firing == incidents
    assert firing == sum(kind is NoticeKind.RESOLVED for _, kind in told)
    for name in names:
        kinds = [kind for subject, kind in told if subject == name and kind is not NoticeKind.REPEAT]
        assert kinds == [NoticeKind.FIRING, NoticeKind.RESOLVED] * (len(kinds) // 2)
    assert len(sim.recorder.sent) <= 2 * incidents + 100
