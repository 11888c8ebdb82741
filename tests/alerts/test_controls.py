"""Silences and maintenance windows: whom they hold for, and until when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from telemetry.alerts import Controls, Engine, Maintenance, with_ladders
from telemetry.model import AgentSample, AlertLevel, Key, Reason, Silence
from telemetry.schedule import Hours, parse_hours
from tests.alerts.driving import DOWN, NOW, OTHER, UP, Cluster

THIRD = AgentSample("c", running=False)


def silence(**more: object) -> Silence:
    return Silence("s1", "koko", "being mended", NOW, NOW + 600, **more)  # type: ignore[arg-type]


def test_a_silence_holds_for_whom_it_names_and_ends() -> None:
    cluster = Cluster(controls=Controls((silence(agent="a"),)))
    cluster.check(DOWN, OTHER, THIRD)
    assert cluster.why("a", "agent_stopped") == "SILENCED"
    suppressed = cluster.firing[Key("a", "agent_stopped")].suppressed
    assert suppressed is not None
    assert suppressed.detail == "silenced by koko: being mended"
    assert cluster.why("c", "agent_stopped") == ""
    cluster.check(DOWN, OTHER, THIRD, after=600)
    assert cluster.why("a", "agent_stopped") == ""


def test_a_silence_that_is_taken_back_ends_with_the_next_check() -> None:
    cluster = Cluster(controls=Controls((silence(rule="agent_*"),)))
    cluster.check(DOWN, OTHER)
    assert cluster.why("a", "agent_stopped") == "SILENCED"
    cluster.controls = Controls()
    cluster.check(DOWN, OTHER)
    assert cluster.why("a", "agent_stopped") == ""


def test_who_is_silenced_is_not_counted_among_the_stopped() -> None:
    cluster = Cluster(controls=Controls((silence(agent="a"),)))
    cluster.check(DOWN, OTHER, THIRD)
    alert = cluster.firing[Key("", "stopped_agents")]
    assert (alert.level, alert.message) == (AlertLevel.WARNING, "1 of 3 agents stopped: c")
    cluster.check(DOWN, OTHER, THIRD, after=600)  # the silence is over
    alert = cluster.firing[Key("", "stopped_agents")]
    assert (alert.level, alert.message) == (AlertLevel.ERROR, "2 of 3 agents stopped: a, c")


def test_where_only_a_silenced_agent_is_stopped_nobody_is_told_of_the_cluster() -> None:
    cluster = Cluster(controls=Controls((silence(agent="a"),)))
    cluster.check(DOWN, OTHER)
    assert set(cluster.firing) == {Key("a", "agent_stopped"), Key("", "stopped_agents")}
    assert cluster.told() == set()
    suppressed = cluster.firing[Key("", "stopped_agents")].suppressed
    assert suppressed is not None
    assert suppressed.detail == "silenced by koko: being mended"


def test_a_silence_is_not_the_end_of_what_the_cluster_is_told_of() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    opened = cluster.firing[Key("", "stopped_agents")]
    cluster.state = Engine.acknowledge(cluster.state, opened.key, "koko", "", cluster.now).state
    cluster.controls = Controls((silence(agent="a"),))
    for _ in range(5):
        assert cluster.check(DOWN, OTHER, after=5) == ()
    kept = cluster.firing[Key("", "stopped_agents")]
    assert (kept.id, kept.message, kept.lower_since) == (opened.id, "1 of 2 agents stopped: a", None)
    assert cluster.why("", "stopped_agents") == "SILENCED"
    cluster.check(DOWN, OTHER, after=600)  # the silence is over
    assert cluster.why("", "stopped_agents") == "REPEATS"
    cluster.check(UP, OTHER)
    events = cluster.check(UP, OTHER, after=15)
    assert {(e.alert.rule, e.reason) for e in events} == {
        ("agent_stopped", Reason.OVER),
        ("stopped_agents", Reason.OVER),
    }


def test_one_more_that_stops_beside_a_silenced_one_is_told() -> None:
    cluster = Cluster(controls=Controls((silence(agent="a"),)))
    cluster.check(DOWN, OTHER, THIRD._replace(running=True))
    assert cluster.told() == set()
    cluster.check(DOWN, OTHER, THIRD)
    assert cluster.told() == {("c", "agent_stopped")}
    assert cluster.why("", "stopped_agents") == "REPEATS"
    assert cluster.firing[Key("", "stopped_agents")].message == "1 of 3 agents stopped: c"


def test_a_silence_leaves_open_what_needs_more_than_one_to_be_said() -> None:
    cluster = Cluster(Engine(with_ladders(stopped=(2.0, 3.0, 4.0))))
    cluster.check(DOWN, OTHER, THIRD)
    cluster.controls = Controls((silence(agent="a"),))
    cluster.check(DOWN, OTHER, THIRD)
    cluster.check(DOWN, OTHER, THIRD, after=60)
    alert = cluster.firing[Key("", "stopped_agents")]
    assert (alert.message, cluster.why("", "stopped_agents")) == ("2 of 3 agents stopped: a, c", "SILENCED")


def test_a_silence_of_another_cluster_is_none_of_ours() -> None:
    cluster = Cluster(controls=Controls((silence(cluster="night"),)))
    cluster.check(DOWN, OTHER)
    assert cluster.why("a", "agent_stopped") == ""


def test_in_a_maintenance_window_nobody_is_told() -> None:
    begin = datetime.fromtimestamp(NOW, ZoneInfo("UTC"))
    hours = Hours(begin.hour * 60 + begin.minute, (begin.hour * 60 + begin.minute + 30) % 1440, zone="UTC")
    cluster = Cluster(controls=Controls(maintenance=(Maintenance(hours, "upgrade", role="worker"),)))
    worker = DOWN._replace(role="worker")
    cluster.check(worker, OTHER, THIRD)
    assert cluster.why("a", "agent_stopped") == "MAINTENANCE"
    assert cluster.why("c", "agent_stopped") == ""
    cluster.check(worker, OTHER, THIRD, after=1_800)
    assert cluster.why("a", "agent_stopped") == ""


def at(text: str, zone: str = "Asia/Tokyo") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("hours", "days", "inside", "outside"),
    [
        ("09:00-18:00", "mon-fri", "2026-11-25T09:00", "2026-11-25T18:00"),
        ("09:00-18:00", "mon-fri", "2026-11-27T17:59", "2026-11-28T12:00"),
        ("22:00-06:00", "fri", "2026-11-28T05:59", "2026-11-28T22:00"),
        ("22:00-06:00", "fri", "2026-11-27T22:00", "2026-11-27T05:00"),
        ("00:00-24:00", "sat,sun", "2026-11-29T23:59", "2026-11-30T00:00"),
        ("", "fri-mon", "2026-11-30T10:00", "2026-12-01T10:00"),
    ],
)
def test_hours_of_the_week(hours: str, days: str, inside: str, outside: str) -> None:
    held = parse_hours(hours, days, "Asia/Tokyo")
    assert held.active(at(inside))
    assert not held.active(at(outside))


def test_hours_say_when_they_may_change() -> None:
    held = parse_hours("09:00-18:00", "mon-fri", "Asia/Tokyo")
    assert held.next_change(at("2026-11-25T08:30")) == at("2026-11-25T09:00")
    assert held.next_change(at("2026-11-25T17:59")) == at("2026-11-25T18:00")
    now = at("2026-11-25T00:00")
    assert now < held.next_change(now) <= now + 3600


@pytest.mark.parametrize("days", ["someday", "mon-", "mo-fr"])
@pytest.mark.parametrize("hours", ["9-18", "25:00-26:00", "10:00-10:00", "10:61-11:00"])
def test_what_is_no_time_is_refused(hours: str, days: str) -> None:
    with pytest.raises(ValueError, match="hours are written as"):
        parse_hours(hours)
    if days != "mon-":
        with pytest.raises(ValueError, match="days are written as"):
            parse_hours("", days)
    with pytest.raises(ValueError, match="is no time zone"):
        parse_hours("", "", "Mars/Olympus")
