"""Every route: what it answers, and how it refuses."""

from __future__ import annotations

import logging

import pytest

from telemetry.model import AgentSample, AlertLevel, ClusterMetrics, State
from telemetry.sources.base import SourceState
from telemetry.sources.merging import Word
from tests.web.conftest import FakeMonitor, World, agent


def test_metrics_page_with_and_without_gzip(world: World) -> None:
    plain = world.ask("/metrics", headers={"accept-encoding": "identity"})
    assert plain.status_code == 200
    assert plain.headers["content-type"] == "text/plain; version=0.0.4"
    assert "content-encoding" not in plain.headers
    packed = world.ask("/metrics", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)


def test_metrics_are_the_seeds_numbers_summed_and_for_each_cluster(world: World) -> None:
    now = world.clock.now()
    assert world.ask("/api/metrics").json() == {
        "total_agents": 2,
        "running_agents": 1,
        "idle_agents": 0,
        "unhealthy_agents": 1,
        "total_restarts": 3,
        "timestamp": now,
        "clusters": {
            "main": {
                "total_agents": 2,
                "running_agents": 1,
                "idle_agents": 0,
                "unhealthy_agents": 1,
                "total_restarts": 3,
                "timestamp": now,
            }
        },
    }
    world.monitors[1].metrics = ClusterMetrics(5, 4, 1, 1, 2, now - 3)
    both = world.ask("/api/metrics").json()
    assert (both["total_agents"], both["running_agents"], both["total_restarts"]) == (7, 5, 5)
    assert both["timestamp"] == now - 3
    assert world.ask("/api/metrics?cluster=night").json()["total_agents"] == 5


def test_metrics_before_the_first_check_are_no_zeros(world: World) -> None:
    answer = world.ask("/api/metrics?cluster=night")
    assert (answer.status_code, answer.json()) == (503, {"detail": "no check has finished yet"})


def test_alerts_begin_with_the_seeds_fields_newest_first(world: World) -> None:
    alerts = world.ask("/api/alerts").json()["alerts"]
    assert list(alerts[0])[:5] == ["level", "agent_name", "message", "timestamp", "resolved"]
    assert [alert["level"] for alert in alerts] == ["warning", "error"]
    assert alerts[1]["rule"] == "agent_stopped"


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ("level=error", ["error"]),
        ("resolved=false", ["error"]),
        ("resolved=true", ["warning"]),
        ("limit=1", ["warning"]),
        ("level=critical", []),
        ("cluster=night", []),
    ],
)
def test_alerts_are_filtered(world: World, query: str, levels: list[str]) -> None:
    assert [alert["level"] for alert in world.ask(f"/api/alerts?{query}").json()["alerts"]] == levels


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("level=loud", "level: should be 'info', 'warning', 'error' or 'critical'"),
        ("limit=0", "limit: should be greater than or equal to 1"),
        ("limit=1001", "limit: should be less than or equal to 1000"),
        ("limit=many", "limit: should be a valid integer"),
        ("resolved=maybe", "resolved: should be a valid boolean"),
    ],
)
def test_a_wrong_parameter_is_422_with_one_line(world: World, query: str, says: str) -> None:
    answer = world.ask(f"/api/alerts?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(says)


def test_agents_are_told_with_state_reason_and_times(world: World) -> None:
    answer = world.ask("/api/agents").json()
    now = world.clock.now()
    main, night = answer["clusters"]
    assert (answer["now"], main["name"], main["taken_at"], main["monitoring"]) == (now, "main", now, True)
    first, second = main["agents"]
    assert first == {
        "name": "a",
        "role": "",
        "state": "busy",
        "reason": "because",
        "running": True,
        "since": now - 60,
        "idle_time": 4.0,
        "restart_count": 0,
        "last_activity": now - 4,
        "pane_index": None,
        "pid": None,
        "has_work": None,
        "pane_id": "",
        "session_id": "",
        "named": True,
        "exit_status": None,
        "cpu_seconds": None,
        "memory_bytes": None,
        "task": "",
        "folder": "",
        "team": "",
    }
    assert (second["state"], second["running"], second["idle_time"]) == ("stopped", False, 0.0)
    assert (night["taken_at"], night["agents"]) == (None, [])


def test_a_cluster_that_is_not_watched_is_404(world: World) -> None:
    answer = world.ask("/api/agents?cluster=mian")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "no cluster is named 'mian'; watched are: main, night",
    )


def test_alive_even_where_nothing_is_ready(world: World) -> None:
    assert world.ask("/healthz").json() == {"status": "ok"}
    answer = world.ask("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"detail": "cluster night: no check has finished yet"})


def test_ready_while_every_monitors_check_is_fresh(world: World) -> None:
    world.see("night")
    assert world.ask("/readyz").status_code == 200
    world.clock.advance(15)
    assert world.ask("/readyz").status_code == 200
    world.clock.advance(1)
    answer = world.ask("/readyz")
    assert answer.status_code == 503
    assert "cluster main: the last check finished 16 s ago, 15 s are allowed" in answer.json()["detail"]


def test_not_ready_while_monitoring_is_stopped(world: World) -> None:
    world.see("night")
    world.ask("/api/monitoring/stop?cluster=night", "POST")
    answer = world.ask("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"detail": "cluster night: monitoring is stopped"})
    world.ask("/api/monitoring/start", "POST")
    assert world.ask("/readyz").status_code == 200


def test_what_probes_ask_is_answered_without_a_body_too(world: World) -> None:
    for path, status in (("/metrics", 200), ("/healthz", 200), ("/readyz", 503)):
        answer = world.ask(path, "HEAD")
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer.headers["content-type"] == world.ask(path).headers["content-type"]


def test_a_check_of_ten_seconds_ago_is_fresh_whatever_the_interval(world: World) -> None:
    world.monitors = [FakeMonitor("main", check_interval=1.0)]
    world.clock.advance(10)
    assert world.ask("/readyz").status_code == 200
    world.clock.advance(1)
    assert world.ask("/readyz").status_code == 503


def test_starting_and_stopping_is_idempotent_and_answers_the_state(world: World) -> None:
    assert world.ask("/api/monitoring/stop", "POST").json() == {
        "message": "monitoring stopped",
        "monitoring": False,
        "clusters": {"main": False, "night": False},
    }
    assert world.ask("/api/monitoring/stop", "POST").json()["message"] == "monitoring was not running"
    assert world.ask("/api/monitoring/start?cluster=main", "POST").json()["clusters"] == {"main": True, "night": False}
    assert world.ask("/api/monitoring/start", "POST").json()["monitoring"] is True
    assert world.ask("/api/monitoring/start", "POST").json()["message"] == "monitoring was already running"
    assert [monitor.starts for monitor in world.monitors] == [1, 1]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/api/monitoring/start", 405),
        ("POST", "/metrics", 405),
        ("DELETE", "/api/alerts", 405),
    ],
)
def test_what_is_not_there_is_json_and_no_200(world: World, method: str, path: str, status: int) -> None:
    answer = world.ask(path, method)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_a_fault_is_500_without_its_words_and_a_log_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault = RuntimeError("the password is swordfish")
    with caplog.at_level(logging.ERROR, "telemetry.web.guard"):
        answer = world.ask("/metrics")
    assert (answer.status_code, answer.json()) == (500, {"detail": "internal error: the log says more"})
    (record,) = caplog.records
    assert record.getMessage() == "GET /metrics failed"
    assert record.exc_info is not None


def test_levels_are_an_alerts_own_words(world: World) -> None:
    world.monitors[0].alerts[1].level = AlertLevel.CRITICAL
    assert world.ask("/api/alerts?level=critical").json()["alerts"][0]["level"] == "critical"


def said(source: str, directness: int, sample: AgentSample, at: float, *used_for: str) -> Word:
    return Word(source, directness, sample, at, used_for)


def test_an_agent_is_explained_by_every_sources_word(world: World) -> None:
    now = world.clock.now()
    monitor = world.monitors[0]
    monitor.said = (
        said("claude", 1, AgentSample("x", running=True, reported=State.WAITING, pid=7), now - 2, "life", "state"),
        said("tmux", 3, AgentSample("a", running=True, reported=State.BUSY, pid=7), now - 5),
        said("process", 0, AgentSample("a", running=True, pid=7), now + 1),
    )
    answer = world.ask("/api/agents/explain?agent=a").json()
    (told,) = answer["explanations"]
    assert (told["cluster"], told["name"], told["state"], told["reason"]) == ("main", "a", "busy", "because")
    assert told["deaths_are_seen"] == "at once, by pidfd: 1 process"
    assert [(w["source"], w["calls_it"], w["age"], w["says"], w["believed_for"]) for w in told["words"]] == [
        ("claude", "x", 2.0, "waiting", ["life", "state"]),
        ("tmux", "a", 5.0, "busy", []),
        ("process", "a", 0.0, "runs", []),
    ]
    assert told["disagreement"] == (
        "claude says waiting, tmux says busy, process says runs: claude is nearest to the agent"
    )


@pytest.mark.parametrize(
    ("words", "disagree"),
    [
        ([(True, State.BUSY), (True, None)], False),
        ([(True, State.BUSY), (True, State.UNKNOWN)], False),
        ([(False, None), (True, None)], True),
        ([(False, None), (True, State.IDLE)], True),
        ([(True, None), (True, None)], False),
    ],
)
def test_who_only_knows_that_a_process_runs_contradicts_nobody(
    world: World, words: list[tuple[bool, State | None]], disagree: bool
) -> None:
    now = world.clock.now()
    world.monitors[0].said = tuple(
        said(f"s{at}", at, AgentSample("a", running=running, reported=state), now)
        for at, (running, state) in enumerate(words)
    )
    (told,) = world.ask("/api/agents/explain?agent=a").json()["explanations"]
    assert bool(told["disagreement"]) is disagree


def test_nobody_of_that_name_is_a_404(world: World) -> None:
    answer = world.ask("/api/agents/explain?agent=zzz")
    assert (answer.status_code, answer.json()) == (404, {"detail": "no agent is named 'zzz'"})
    assert world.ask("/api/agents/explain?agent=a&cluster=night").status_code == 404
    assert world.ask("/api/agents/explain").status_code == 422


def test_how_it_is_with_each_source(world: World) -> None:
    now = world.clock.now()
    world.monitors[0].sources = (
        SourceState("tmux", 3, "", now - 4, "events from 1 session"),
        SourceState("claude", 0, "no answer within 60 s", 0.0, ""),
    )
    main, night = world.ask("/api/sources").json()["clusters"]
    assert main == {
        "cluster": "main",
        "deaths_are_seen": "at once, by pidfd: 1 process",
        "sources": [
            {"source": "tmux", "agents": 3, "error": "", "age": 4.0, "events": "events from 1 session"},
            {"source": "claude", "agents": 0, "error": "no answer within 60 s", "age": None, "events": ""},
        ],
    }
    assert night["sources"] == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/healthz", "GET, HEAD"),
        ("DELETE", "/api/alerts", "GET"),
        ("GET", "/api/monitoring/start", "POST"),
        ("POST", "/static/app.js", "GET, HEAD"),
    ],
)
def test_another_method_is_answered_with_all_that_the_path_has(
    world: World, method: str, path: str, allowed: str
) -> None:
    answer = world.ask(path, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {"detail": f"{method} is no method of this path; allowed: {allowed}"}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (
            "/api/alerts?levle=error",
            "'levle' is no parameter here; allowed are: level, resolved, cluster, agent, rule,",
        ),
        ("/api/v1/alerts?limit=1&limit=2", "limit: given more than once"),
        ("/api/rules?x", ""),
        ("/api/openapi.json?pretty=1", "'pretty' is no parameter here; it takes none"),
        ("/api/agents?%1b%5b31m=1", "'' is no parameter here; "),
        ("/api/alerts?text=" + "x" * 201, "text: string should have at most 200 characters"),
        ("/api/alerts?since=nan", "since: "),
        ("/api/alerts?until=-1", "until: should be greater than or equal to 0"),
        ("/api/alerts?since=200.5&until=100", "since: 200.5 must not be after until, which is 100 (Unix seconds)"),
        ("/api/alerts?text=%ff", "text: isn't UTF-8 text"),
        ("/api/alerts?agent=%ed%a0%80", "agent: isn't UTF-8 text"),
        ("/api/agents?%ff=1", "a parameter's name: isn't UTF-8 text"),
        ("/api/alerts?text=%00", "text: holds the control character \\x00, which nothing here holds"),
        ("/api/agents?text=a%1b%5b31m", "text: holds the control character \\x1b, "),
        ("/api/agents/one?agent=%c2%9b", "agent: holds the control character \\x9b, "),
        ("/api/agents?cluster=a%0db", "cluster: holds the control character \\r, "),
    ],
)
def test_a_parameter_that_is_not_known_is_named_with_those_that_are(world: World, path: str, says: str) -> None:
    answer = world.ask(path)
    assert answer.status_code == (422 if says else 404)
    assert answer.json()["detail"].startswith(says)


@pytest.mark.parametrize(
    "query", ["text=%e6%97%a5+%f0%9f%98%80", "text=a%0ab%09", "text=", "since=1&until=1", "text=+"]
)
def test_what_a_message_may_hold_can_be_looked_for(world: World, query: str) -> None:
    assert world.ask(f"/api/alerts?{query}").status_code == 200


def test_agents_are_chosen_by_state_and_text(world: World) -> None:
    def names(query: str) -> list[str]:
        return [
            held["name"] for shown in world.ask(f"/api/agents?{query}").json()["clusters"] for held in shown["agents"]
        ]

    assert names("") == ["a", "b"]
    assert names("state=stopped") == ["b"]
    assert names("text=BECAUSE") == ["a", "b"], "its reason"
    assert names("text=b&state=busy") == ["a"]
    assert names("text=nothing+of+that+kind") == []
    assert [shown["name"] for shown in world.ask("/api/agents?state=idle").json()["clusters"]] == ["main", "night"]
    assert world.ask("/api/agents?state=tired").status_code == 422


def test_one_agent_is_told_alone(world: World) -> None:
    now = world.clock.now()
    told = world.ask("/api/agents/one?agent=b").json()
    assert (told["now"], told["cluster"], told["agent"]["name"], told["agent"]["state"]) == (
        now,
        "main",
        "b",
        "stopped",
    )
    missing = world.ask("/api/agents/one?agent=c&cluster=main")
    assert (missing.status_code, missing.json()["detail"]) == (404, "no agent is named 'c'")
    world.see("night", agent("b", State.BUSY, now))
    both = world.ask("/api/agents/one?agent=b")
    assert (both.status_code, both.json()["detail"]) == (
        422,
        "cluster: several have an agent of this name (main, night); name one",
    )
    assert world.ask("/api/agents/one?agent=b&cluster=night").json()["agent"]["state"] == "busy"
