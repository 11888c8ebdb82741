"""What is found wrong with the way of telemetry, and what becomes of it look by look, with time as the test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from telemetry.alerts import CATALOGUE, Controls, Engine, EngineState, Override, RuleChange, RuleSet
from telemetry.alerts.pipeline import Losses, findings_of
from telemetry.alerts.pipeline_rules import PIPELINE_RULES
from telemetry.model import PIPELINE, AlertLevel, Key, Phase, Reason, Silence
from telemetry.picture import Outlet, Outlets, Sending

NOW = 1_800_000_000.0
WARNING, ERROR = AlertLevel.WARNING, AlertLevel.ERROR


def outlet(name: str = "loki", *, failed: int = 0, refused: int = 0, usage: float = 0.0, **more: object) -> Outlet:
    found = Outlet(name, True, {"logs": 5}, {"logs": failed}, {"logs": refused}, {"logs": usage, "traces": 0.0})
    return replace(found, **more)  # type: ignore[arg-type]


def own(*backends: Outlet, **more: object) -> Outlets:
    return replace(Outlets(backends, damaged_files=0, is_own=True), **more)  # type: ignore[arg-type]


@dataclass
class Way:
    """Where telemetry goes, under one engine."""

    rules: RuleSet = field(default_factory=lambda: RuleSet(CATALOGUE, cluster=PIPELINE))
    state: EngineState = field(default_factory=EngineState)
    controls: Controls = field(default_factory=Controls)
    losses: Losses = field(default_factory=dict)
    now: float = NOW
    messages: dict[Key, str] = field(default_factory=dict)
    reasons: Sequence[Reason] = ()

    def look(
        self, outlets: Outlets, sendings: Mapping[str, Sending] | None = None, after: float = 5.0
    ) -> set[tuple[str, str, str, str]]:
        """One look, so many seconds after the last: (change, subject, rule, level) of what happened."""
        self.now += after
        judged = findings_of(outlets, sendings or {}, self.rules, self.losses, self.now)
        self.losses = judged.losses
        outcome = Engine(self.rules).judge(self.state, judged.given, self.controls)
        self.state = outcome.state
        self.messages = {key: alert.message for key, alert in outcome.state.alerts.items()}
        self.reasons = [event.reason for event in outcome.events]
        return {(e.change.value, e.alert.agent, e.alert.rule, e.alert.level.value) for e in outcome.events}

    def looks(self, outlets: Outlets, count: int, after: float = 5.0) -> set[tuple[str, str, str, str]]:
        """So many looks that all see the same."""
        return set().union(*(self.look(outlets, after=after) for _ in range(count)))


def test_all_is_well_and_nothing_is_said() -> None:
    way = Way()
    assert way.looks(own(outlet(usage=0.69), outlet("file")), 100) == set()
    assert way.state.alerts == {}


# --- a backend --------------------------------------------------------------------------------------------------------


def test_a_backend_that_takes_nothing_for_five_minutes_is_told_and_its_end_a_minute_after() -> None:
    way, down = Way(), own(outlet(takes_nothing=True, word="connection refused"), outlet("file"))
    assert way.look(down) == {("pending", "loki", "backend_failing", "error")}
    assert way.looks(down, 59) == set()
    assert way.look(down) == {("fired", "loki", "backend_failing", "error")}
    assert way.messages == {Key("loki", "backend_failing"): "the backend takes nothing: connection refused"}
    well = own(outlet(), outlet("file"))
    assert way.looks(well, 12) == set()
    assert way.look(well) == {("resolved", "loki", "backend_failing", "error")}


def test_a_backend_that_takes_something_in_between_is_not_told() -> None:
    way = Way()
    for _ in range(5):
        way.looks(own(outlet(takes_nothing=True)), 59)
        assert way.look(own(outlet())) == {("dropped", "loki", "backend_failing", "error")}


def test_words_that_change_make_no_news_while_the_level_is_the_same() -> None:
    way = Way()
    way.look(own(outlet(takes_nothing=True)))
    first = way.state.alerts
    way.look(own(outlet(takes_nothing=True, word="503")))
    assert way.state.alerts is first


def test_a_backend_of_which_nobody_can_tell_goes_on_as_it_is() -> None:
    way, unseen = Way(), own(outlet(up=None), damaged_files=None)
    way.looks(own(outlet(takes_nothing=True), damaged_files=1), 61)
    firing = {key for key, alert in way.state.alerts.items() if alert.phase is Phase.FIRING}
    assert firing == {Key("loki", "backend_failing"), Key("collector", "queue_damaged")}
    assert way.looks(unseen, 100) == set()
    assert way.looks(own(outlet()), 13) == {
        ("resolved", "loki", "backend_failing", "error"),
        ("resolved", "collector", "queue_damaged", "warning"),
    }


def test_what_an_earlier_run_left_open_goes_on_when_it_is_seen_again() -> None:
    way, down = Way(), own(outlet(takes_nothing=True))
    way.looks(down, 61)
    after = Way(state=EngineState(alerts=way.state.alerts, memory=way.state.memory), now=way.now)
    assert after.looks(own(outlet(up=None), damaged_files=None), 5) == set()
    assert after.looks(own(outlet()), 2) == set()  # the first looks can't tell that nothing is sent
    assert after.looks(down, 20) == set()
    assert after.state.alerts[Key("loki", "backend_failing")].id == way.state.alerts[Key("loki", "backend_failing")].id


def test_an_alert_about_a_backend_that_is_not_chosen_any_more_ends() -> None:
    way = Way()
    way.looks(own(outlet(takes_nothing=True)), 61)
    assert way.look(own(outlet("file"))) == {("resolved", "loki", "backend_failing", "error")}
    assert way.reasons == [Reason.NOT_CHOSEN]
    assert way.state.found == {}


def test_a_queue_is_told_at_70_and_at_90_percent() -> None:
    way = Way()
    assert way.look(own(outlet(usage=0.7))) == {("fired", "loki", "backend_queue_filling", "warning")}
    assert way.messages[Key("loki", "backend_queue_filling")] == (
        "the collector's queue of logs for this backend is at least 70 % full"
    )
    assert way.look(own(outlet(usage=0.8))) == set()
    assert way.look(own(outlet(usage=0.91))) == {("escalated", "loki", "backend_queue_filling", "error")}
    assert way.look(own(outlet(usage=0.3))) == set()
    assert way.looks(own(outlet(usage=0.3)), 12) == {("resolved", "loki", "backend_queue_filling", "error")}


def test_what_a_backend_did_not_get_is_told_until_15_minutes_after() -> None:
    way = Way()
    assert way.look(own(outlet(failed=1))) == {("fired", "loki", "backend_losing_data", "warning")}
    assert way.messages[Key("loki", "backend_losing_data")] == (
        "at least 1 metric points, log records and spans did not get to this backend within 900 s: "
        "the collector gave it up"
    )
    assert way.look(own(outlet(failed=1, refused=99))) == {("escalated", "loki", "backend_losing_data", "error")}
    assert "turned away" in way.messages[Key("loki", "backend_losing_data")]
    lost = own(outlet(failed=1, refused=99))
    assert way.looks(lost, 178) == set()
    assert way.look(lost) == {("deescalated", "loki", "backend_losing_data", "warning")}  # 99 are left of 100
    assert way.look(lost) == {("resolved", "loki", "backend_losing_data", "warning")}
    assert way.look(own(outlet(failed=2, refused=99))) == {("fired", "loki", "backend_losing_data", "warning")}


def test_a_collector_that_counts_from_nothing_again_has_lost_what_it_says() -> None:
    way = Way()
    way.looks(own(outlet(failed=500)), 181)
    assert way.state.alerts == {}
    assert way.look(own(outlet(failed=0))) == set()
    way = Way()
    way.looks(own(outlet(failed=500)), 181)
    assert way.look(own(outlet(failed=3))) == {("fired", "loki", "backend_losing_data", "warning")}


def test_what_anothers_collector_lost_before_we_looked_is_no_news() -> None:
    way, others = Way(), replace(own(outlet(failed=500)), is_own=False)
    assert way.looks(replace(own(outlet(up=None)), is_own=False), 2) == set()
    assert way.looks(others, 2) == set()
    assert way.look(replace(others, backends=(outlet(failed=501), outlet("es", refused=200)))) == {
        ("fired", "loki", "backend_losing_data", "warning"),
        ("fired", "es", "backend_losing_data", "error"),
    }


def test_what_is_remembered_of_losses_is_bounded() -> None:
    way = Way()
    for number in range(2_000):
        way.look(own(outlet(failed=number)), after=1.0)
    (given_up,) = [held.lately for (_, why), held in way.losses.items() if why == "given_up"]
    assert len(given_up) <= 102
    assert sum(count for _, count in given_up) == pytest.approx(900, abs=15)


# --- the collector and our own records --------------------------------------------------------------------------------


def test_a_damaged_queue_is_told_until_the_collectors_next_start() -> None:
    way = Way()
    assert way.look(own(damaged_files=2)) == {("fired", "collector", "queue_damaged", "warning")}
    assert way.messages[Key("collector", "queue_damaged")] == (
        "files of its queues were damaged, and set aside: 2; what they held was not sent"
    )
    assert way.looks(own(damaged_files=2), 1_000) == set()
    assert way.looks(own(), 13) == {("resolved", "collector", "queue_damaged", "warning")}


def test_a_collector_that_takes_nothing_of_ours_is_told_after_five_minutes() -> None:
    way = Way()
    silent = own(untaken=("logs", "metrics"), problem="not running: it ended with status 1")
    assert way.looks(silent, 61) == {
        ("pending", "collector", "collector_failing", "error"),
        ("fired", "collector", "collector_failing", "error"),
    }
    assert way.messages[Key("collector", "collector_failing")] == (
        "what this monitor sends is not taken: logs NOT taken, metrics NOT taken; "
        "the collector: not running: it ended with status 1"
    )
    assert way.looks(own(), 13) == {("resolved", "collector", "collector_failing", "error")}


def test_a_spool_is_told_as_it_fills_and_only_while_something_waits() -> None:
    way = Way()
    sent = Sending(5, {"spool_full": 0}, waiting=0, waiting_bytes=900, capacity_bytes=1000)
    assert way.look(own(), {"logs": sent}) == set()
    filling = replace(sent, waiting=7)
    assert way.look(own(), {"logs": filling, "traces": replace(sent, waiting=None)}) == {
        ("fired", "spool", "spool_filling", "error")
    }
    assert way.messages[Key("spool", "spool_filling")] == "the part of the spool for logs is at least 90 % full"
    dropped = {"logs": replace(filling, dropped={"spool_full": 40}), "traces": Sending(0, {"refused": 60})}
    assert way.look(own(), dropped) == {("fired", "monitor", "monitor_losing_data", "error")}
    assert way.messages[Key("monitor", "monitor_losing_data")] == (
        "at least 100 log records and spans of this monitor were lost within 900 s: "
        "the spool was full, the collector refused it for good"
    )


# --- what people say --------------------------------------------------------------------------------------------------


def test_settings_change_a_rule_for_one_backend() -> None:
    off = RuleChange(enabled=False)
    higher = RuleChange(levels={WARNING: 10.0, ERROR: 20.0})
    rules = RuleSet(
        CATALOGUE,
        (
            Override({"backend_losing_data": off}, cluster=PIPELINE, agent="file"),
            Override({"backend_queue_filling": higher}, cluster="@*", agent="loki"),
            Override({"backend_queue_filling": off}, cluster="night"),
        ),
        PIPELINE,
    )
    way = Way(rules)
    seen = own(outlet("file", failed=9, usage=0.15), outlet("loki", usage=0.15))
    assert way.look(seen) == {("fired", "loki", "backend_queue_filling", "warning")}


def test_a_silence_keeps_it_quiet_and_open() -> None:
    silence = Silence("51", "mia", "loki moves", NOW, NOW + 3_600, cluster=PIPELINE, agent="loki")
    way = Way(controls=Controls((silence,)))
    way.look(own(outlet(usage=0.8), outlet("es", usage=0.8)))
    told = {key.agent: alert.suppressed for key, alert in way.state.alerts.items()}
    assert told["es"] is None
    assert told["loki"] is not None
    assert told["loki"].detail == "silenced by mia: loki moves"


def test_every_rule_of_the_pipeline_can_be_found() -> None:
    seen = own(outlet(takes_nothing=True, failed=1, usage=0.8), damaged_files=1, untaken=("logs",))
    spool = Sending(0, {"no_disk": 1}, waiting=1, waiting_bytes=8, capacity_bytes=10)
    found = findings_of(seen, {"logs": spool}, RuleSet(), {}, NOW).given.found
    assert {rule for of in found.values() for rule in of} == {rule.id for rule in PIPELINE_RULES}
    off = RuleSet([replace(rule, enabled=False) for rule in CATALOGUE])
    assert not any(findings_of(seen, {"logs": spool}, off, {}, NOW).given.found.values())
