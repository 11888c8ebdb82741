"""What Alertmanager is told: alerts that end by themselves unless they are said again, one for each level."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr

from telemetry.model import AlertLevel, NoticeKind
from telemetry.notify.alertmanager import KIND, LASTS, REFRESH, AlertmanagerOptions, alert_name, alerts
from telemetry.notify.base import DeliveryError
from tests.notify.receivers import Receiver, answer
from tests.notify.samples import FIRED, SURROUNDINGS, message, notice, resolved, trial

NOW = FIRED + 1000


def _at(text: str) -> float:
    assert text.endswith("Z")
    return datetime.fromisoformat(text).timestamp()


def _told(*notices: Any) -> list[dict[str, Any]]:
    return alerts(message(*notices), SURROUNDINGS, NOW)


def test_an_open_alert_ends_four_refreshes_ahead() -> None:
    [told] = _told(notice(kind=NoticeKind.REPEAT, trace_id="ab" * 16))
    assert told["labels"] == {
        "alertname": "OrchestratorAgentStopped",
        "rule": "agent_stopped",
        "cluster": "main",
        "agent_name": "worker-1",
        "role": "builder",
        "severity": "error",
    }
    assert told["annotations"] == {
        "summary": "An agent has stopped",
        "description": "worker-1 has stopped",
        "todo": "Look at its pane, then start it again.",
        "dashboard_url": "https://dash.example/?a=1&b=2",
        "logs_url": "https://logs.example/main/worker-1",
        "trace_url": f"https://traces.example/{'ab' * 16}",
    }
    assert _at(told["startsAt"]) == FIRED
    assert _at(told["endsAt"]) == NOW + 4 * REFRESH == NOW + LASTS
    assert told["generatorURL"] == SURROUNDINGS.dashboard_url


def test_a_resolved_alert_ended_when_it_did() -> None:
    [told] = _told(resolved())
    assert (_at(told["startsAt"]), _at(told["endsAt"])) == (FIRED, FIRED + 200)


def test_the_old_severity_ends_where_the_level_changes() -> None:
    change = notice(kind=NoticeKind.LEVEL, level=AlertLevel.CRITICAL, before=AlertLevel.ERROR, at=NOW)
    now, before = _told(change)
    assert (now["labels"]["severity"], _at(now["endsAt"])) == ("critical", NOW + LASTS)
    assert (before["labels"]["severity"], _at(before["endsAt"])) == ("error", NOW)
    assert {**now["labels"], "severity": ""} == {**before["labels"], "severity": ""}


def test_an_alert_that_is_over_at_another_level_ends_at_both() -> None:
    told = _told(resolved(level=AlertLevel.CRITICAL, before=AlertLevel.ERROR))
    assert {each["labels"]["severity"]: _at(each["endsAt"]) for each in told} == {
        "critical": FIRED + 200,
        "error": FIRED + 200,
    }


def test_none_ends_before_it_starts_and_empty_labels_are_left_out() -> None:
    [told] = _told(resolved(agent="", role="", at=FIRED - 60))
    assert told["startsAt"] == told["endsAt"]
    assert {"agent_name", "role"}.isdisjoint(told["labels"])


@pytest.mark.parametrize(
    ("rule", "name"),
    [("idle", "OrchestratorIdle"), ("cluster_down", "OrchestratorClusterDown"), ("a-b_c", "OrchestratorABC")],
)
def test_names(rule: str, name: str) -> None:
    assert alert_name(rule) == name


def test_a_test_message_is_an_alert_of_its_own_that_is_soon_over() -> None:
    [told] = alerts(trial(), SURROUNDINGS, NOW)
    assert told["labels"] == {"alertname": "OrchestratorTest", "cluster": "main", "severity": "info"}
    assert "Nothing is wrong" in told["annotations"]["description"]
    assert _at(told["endsAt"]) == NOW + 60


@pytest.mark.parametrize("base", ["", "/", "/am/prefix-path", "/am/prefix-path/"])
def test_it_posts_below_the_url_that_is_set(base: str) -> None:
    async def send() -> None:
        async with Receiver(answer(200, ""), answer(400, "cannot use /am/prefix-path")) as receiver:
            options = AlertmanagerOptions(url=SecretStr(receiver.url(base, "me:pass-word@127.0.0.1")))
            manager = KIND.make("am", options, SURROUNDINGS)
            assert manager.refresh == 75.0
            assert await manager.send(message()) == "Alertmanager (127.0.0.1) answered 200 to 1 alert"
            with pytest.raises(DeliveryError) as caught:
                await manager.send(message())
            assert caught.value.final
            assert "pass-word" not in str(caught.value)
            assert ("prefix-path" not in str(caught.value)) or not base.strip("/")
        assert receiver.requests[0].target == f"{base.rstrip('/')}/api/v2/alerts"
        assert receiver.requests[0].headers["authorization"].startswith("Basic ")
        assert len(json.loads(receiver.requests[0].body)) == 1

    asyncio.run(send())


def test_it_is_off_without_a_url() -> None:
    assert not AlertmanagerOptions().is_on()
    with pytest.raises(ValueError, match="no URL"):
        KIND.make("am", AlertmanagerOptions(), SURROUNDINGS)
