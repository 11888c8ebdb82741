"""What agents write is data wherever it is shown: in JSON, on the runbooks' page, in /metrics, in errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from telemetry.model import Alert, AlertLevel, State
from telemetry.signals.exposition import Exposition
from tests.web.conftest import World, agent
from tests.web.test_pages import RULES

SCRIPT = "</script><script>alert('1')</script><img src=x onerror=alert(1)>"
TEXTS = [
    SCRIPT,
    '"; drop table agents; --',
    'a"} 1\norchestrator_agent_up{agent_name="b',
    "\u202eevil\u2066",
    "=cmd|' /C calc'!A0",
    "{{constructor.constructor('alert(1)')()}}",
    "x" * 128,
    "日本語 🚀",
]


@pytest.fixture(params=TEXTS)
def hostile(request: Any, world: World) -> tuple[World, str]:
    """An agent that is called so, and writes it wherever it can."""
    text: str = request.param
    now = world.clock.now()
    world.see("main", agent(text, State.WAITING, now, role=text, reason=text)._replace(reason=text))
    world.monitors[0].alerts = [Alert(AlertLevel.ERROR, text, text, now, cluster="main", rule="agent_stopped")]
    return world, text


def test_json_gives_it_back_as_it_was_and_no_browser_takes_it_for_a_page(hostile: tuple[World, str]) -> None:
    world, text = hostile
    for path in ("/api/v1/agents", "/api/v1/alerts", "/api/v1/state"):
        answer = world.ask(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert text in _texts(json.loads(answer.content)), path


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values()), set(value))
    if isinstance(value, list):
        return set().union(*map(_texts, value))
    return {value} if isinstance(value, str) else set()


def test_metrics_hold_it_in_one_label_of_one_line(hostile: tuple[World, str]) -> None:
    world, text = hostile
    page = Exposition(world.picture).render(world.clock.now()).decode()
    names = {
        sample.labels.get("agent_name")
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.labels.get("cluster") == "main"
    }
    assert names - {None} == {text}


def test_an_error_that_names_it_is_one_line_of_json(hostile: tuple[World, str]) -> None:
    world, text = hostile
    from urllib.parse import quote

    for path in (f"/api/agents/explain?agent=no{quote(text, safe='')}", f"/api/agents?cluster={quote(text, safe='')}"):
        answer = world.ask(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/json"
        detail = answer.json()["detail"]
        assert not {"\n", "\x1b", "\u202e", "\u2066"} & set(detail)


def test_the_runbooks_show_nothing_of_an_agent(hostile: tuple[World, str]) -> None:
    world, text = hostile
    page = world.ask("/runbooks", people=RULES).text
    assert text not in page
    assert "<script" not in page
