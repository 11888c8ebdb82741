"""For a minute: whatever Schemathesis makes up from the description, each answer is one that is described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis

from tests.daemons import Daemon
from tests.web import fuzzing

pytestmark = pytest.mark.slow


def test_every_answer_is_one_that_is_described(tmp_path: Path) -> None:
    with fuzzing.world(tmp_path) as running:
        _what_is_there_fits(running)
        fuzzing.fuzz(running, 60, tmp_path, *fuzzing.SAME_EVERY_TIME)


def _what_is_there_fits(running: Daemon) -> None:
    """What made-up values hardly meet: agents and alerts that are there, in the forms that they really have."""
    headers = {"Authorization": f"Bearer {fuzzing.TOKEN}"}
    schema = schemathesis.openapi.from_url(f"{running.url}/api/v1/openapi.json", headers=headers)
    cluster = fuzzing.ask(running, "/api/v1/agents")["clusters"][0]["name"]
    alert = fuzzing.ask(running, "/api/v1/alerts/open")["alerts"][0]["id"]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        *(("GET", path, {}) for path, methods in schema.raw_schema["paths"].items() if _asks_nothing(methods, path)),
        *(
            ("GET", f"/api/v1/agents/{what}", {"query": {"agent": agent, "cluster": cluster}})
            for what in ("one", "explain")
            for agent in ("alpha", "beta", "pushed/one<b>")
        ),
        ("GET", "/api/v1/agents/lines", {"query": {"agent": "alpha"}}),
        ("GET", "/api/v1/alerts", {"query": {"resolved": "true", "text": "a"}}),
        ("GET", "/api/v1/alerts/history", {"query": {"changes": "true"}}),
        ("POST", "/api/v1/alerts/ack", {"body": {"alert": alert, "by": fuzzing.HOSTILE}}),
        ("POST", "/api/v1/silences", {"body": {"reason": fuzzing.HOSTILE, "seconds": 60}}),
        ("POST", "/api/v1/notifications/test", {"body": {}}),
        ("POST", "/api/v1/monitoring/start", {}),
        ("POST", "/api/v1/hooks/claude", {"body": {"hook_event_name": "Stop", "session_id": "s1", "cwd": "/x"}}),
    ]
    for method, path, given in asked:
        if "body" in given:
            given["media_type"] = "application/json"
        answer = schema[path][method].Case(headers=headers, **given).call_and_validate(base_url=running.url)
        assert answer.status_code == 200, (path, given, answer.text)


def _asks_nothing(methods: dict[str, Any], path: str) -> bool:
    """Whether it can be asked as it is, and ends."""
    if "get" not in methods or path == "/api/v1/stream":
        return False
    return not any(parameter.get("required") for parameter in methods["get"].get("parameters", ()))
