"""Who may ask: names, origins, and the headers that keep a browser from more."""

from __future__ import annotations

import pytest

from tests.web.conftest import World


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:9000", "[::1]:8000", "[::1]", "192.168.1.5:80", "mon.example"]
)
def test_known_names_and_addresses_are_answered(world: World, host: str) -> None:
    assert world.ask("/api/agents", headers={"host": host}, allowed_hosts=("Mon.Example",)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "monitor", "[evil]", "a:b:c"]
)
def test_a_foreign_name_is_refused(world: World, host: str) -> None:
    answer = world.ask("/api/agents", headers={"host": host})
    assert answer.status_code == 403
    assert "ORCHESTRATOR_DASHBOARD_ALLOWED_HOSTS" in answer.json()["detail"]


def test_among_containers_short_names_are_known_and_domains_are_not(world: World) -> None:
    assert world.ask("/api/agents", headers={"host": "monitor:8000"}, any_short_name=True).status_code == 200
    assert world.ask("/api/agents", headers={"host": "evil.example:8000"}, any_short_name=True).status_code == 403


@pytest.mark.parametrize("host", ["10.42.0.7:8000", "[fd00::7]:8000", "balancer.example", "monitor"])
def test_a_probe_learns_under_any_name_that_the_process_answers_and_no_more(world: World, host: str) -> None:
    answer = world.ask("/healthz", headers={"host": host})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert world.ask("/healthz", "HEAD", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/healthz"), ("GET", "/healthz/"), ("GET", "/readyz")])
def test_nothing_else_is_answered_under_any_name(world: World, method: str, path: str) -> None:
    assert world.ask(path, method, headers={"host": "balancer.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_origins_page_changes_nothing(world: World, headers: dict[str, str]) -> None:
    assert world.ask("/api/monitoring/stop", "POST", headers).status_code == 403
    assert all(monitor.running for monitor in world.monitors)


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8000"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]
)
def test_curl_and_our_own_page_may(world: World, headers: dict[str, str]) -> None:
    assert world.ask("/api/monitoring/stop", "POST", headers).status_code == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/agents", "/nothing", "/static/app.js"])
def test_every_answer_carries_the_safety_headers_and_no_permission(world: World, path: str) -> None:
    headers = world.ask(path, headers={"origin": "http://evil.example"}).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
