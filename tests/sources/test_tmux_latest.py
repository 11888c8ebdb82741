"""A reading that is kept up with what is heard: nothing is lost, set back or made anew without need."""

from __future__ import annotations

from telemetry.model import AgentSample, Detail, Reading, State
from telemetry.sources.tmux.latest import LatestReading


def agent(number: int, at: float = 100.0, *, running: bool = True, state: State = State.IDLE) -> AgentSample:
    return AgentSample(
        f"agent{number}", running, last_activity=at, reported=state if running else None, detail=Detail(f"%{number}")
    )


def reading(*agents: AgentSample) -> Reading:
    return Reading(agents, session_name="work")


def known(*agents: AgentSample) -> LatestReading:
    latest = LatestReading(quiet_after=10)
    latest.begin_read()
    latest.take(reading(*agents), {}, 100)
    return latest


def test_nothing_is_known_before_the_first_read_and_after_a_failed_one() -> None:
    assert LatestReading(10).glance({}, 100) is None
    latest = known(agent(1))
    latest.lose()
    assert latest.glance({}, 101) is None


def test_who_printed_is_busy_and_all_others_are_the_same_objects() -> None:
    one, two = agent(1), agent(2)
    latest = known(one, two)
    assert latest.printed("%2") is two
    seen = latest.glance({"%2": 150.0}, 151)
    assert seen is not None
    assert seen.agents[0] is one
    assert (seen.agents[1].reported, seen.agents[1].last_activity, seen.agents[1].proven) == (State.BUSY, 150, True)
    assert seen.session_name == "work"
    assert latest.glance({"%2": 150.0}, 152) is seen, "nothing new"


def test_activity_is_never_in_the_future_nor_of_the_stopped() -> None:
    latest = known(agent(1), agent(2, running=False))
    latest.printed("%1")
    latest.printed("%2")
    assert latest.printed("%3") is None
    seen = latest.glance({"%1": 150.0, "%2": 150.0, "%3": 150.0}, 149)
    assert seen is not None
    assert [a.last_activity for a in seen.agents] == [149, 100]


def test_output_long_ago_makes_nobody_busy() -> None:
    latest = known(agent(1))
    latest.printed("%1")
    seen = latest.glance({"%1": 150.0}, 160)
    assert seen is not None
    assert (seen.agents[0].reported, seen.agents[0].last_activity) == (State.IDLE, 150)


def test_doubt_lasts_until_a_read_begins_and_comes_again_beside_it() -> None:
    latest = known(agent(1))
    latest.doubt()
    assert latest.glance({}, 101) is None
    latest.begin_read()
    latest.doubt()
    latest.take(reading(agent(1)), {}, 102)
    assert latest.glance({}, 103) is None
    latest.begin_read()
    latest.take(reading(agent(1)), {}, 104)
    assert latest.glance({}, 105) is not None


def test_what_is_heard_beside_a_read_is_not_set_back_by_it() -> None:
    latest = known(agent(1), agent(2))
    latest.begin_read()
    latest.printed("%1")
    seen = latest.glance({"%1": 150.0}, 150)  # in between
    taken = latest.take(reading(agent(1), agent(2)), {"%1": 150.0}, 151)
    assert seen is not None
    assert taken.agents[0] is seen.agents[0]
    assert taken.agents[0].last_activity == 150


def test_a_read_that_says_the_same_hands_the_same_objects_on() -> None:
    one, two = agent(1), agent(2)
    latest = known(one, two)
    latest.begin_read()
    taken = latest.take(reading(agent(2), agent(1), agent(3)), {}, 101)
    assert taken.agents[0] is two
    assert taken.agents[1] is one
    latest.begin_read()
    again = latest.take(reading(agent(2), agent(1, state=State.BUSY)), {}, 102)
    assert again.agents[0] is two
    assert again.agents[1] == agent(1, state=State.BUSY)


def test_two_agents_of_one_pane_the_one_that_runs_is_meant() -> None:
    latest = known(agent(1)._replace(name="now"), agent(1, running=False)._replace(name="before"))
    assert (latest.printed("%1") or agent(9)).name == "now"
