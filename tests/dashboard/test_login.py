"""Signing in and out in a real Chromium: without scripts, from links elsewhere, and against other sites' pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.conftest import AGENTS, House, watched
from tests.dashboard.test_access import violations
from tests.dashboard.visiting import PHONE, Visit

pytestmark = pytest.mark.slow

SECRET = "a-token-of-somebody"
READER = "a-token-that-reads-only"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that asks for a token."""
    tokens: dict[str, Any] = {"ORCHESTRATOR_DASHBOARD_TOKEN": SECRET, "ORCHESTRATOR_DASHBOARD_READ_TOKEN": READER}
    with watched(tmp_path_factory.mktemp("home"), *AGENTS, **tokens) as house:
        yield house


@contextmanager
def _person(browser: Browser, url: str, **context: Any) -> Iterator[Visit]:
    """Somebody whose browser does what it is told, and complains of nothing."""
    own = browser.new_context(**{"locale": "en-GB", **context})
    own.set_default_timeout(10_000)
    try:
        visit = Visit(own.new_page(), url)
        visit.page.goto(url)
        yield visit
        unexpected = [line for line in visit.complaints if "401" not in line and "429" not in line]
        assert not unexpected
    finally:
        own.close()


def _sign_in(page: Page, token: str = SECRET) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_sees_the_agents_and_signs_out(browser: Browser, locked: House) -> None:
    with _person(browser, f"{locked.daemon.url}/?from=a-bookmark") as visit:
        page = visit.page
        assert "/login?next=" in page.url
        _sign_in(page, "not-the-right-one-at-all")
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        _sign_in(page)
        expect(page).to_have_url(f"{locked.daemon.url}/?from=a-bookmark")
        page.locator("body[data-connection=live]").wait_for()
        expect(visit.agent(AGENTS[0])).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
        page.locator("#logout").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto(locked.daemon.url)
        expect(page.get_by_label("Token")).to_be_visible()


def test_without_scripts_the_form_works_all_the_same(browser: Browser, locked: House) -> None:
    with _person(browser, locked.daemon.url, java_script_enabled=False) as visit:
        _sign_in(visit.page, READER)
        expect(visit.page).to_have_url(f"{locked.daemon.url}/")
        assert visit.page.context.cookies()


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": PHONE, "locale": "ja-JP"}])
def test_nothing_keeps_a_person_from_signing_in(browser: Browser, locked: House, context: dict[str, Any]) -> None:
    with _person(browser, locked.daemon.url, **context) as visit:
        assert visit.page.evaluate("document.activeElement.id") == "token"
        assert violations(visit) == []
        assert not visit.is_wider_than_its_screen()
        visit.picture(f"login-{context.get('locale', 'en')}-{context.get('color_scheme', 'light')}")


@contextmanager
def _elsewhere(html: str) -> Iterator[str]:
    """A page of another site."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_link_on_another_site_leads_whoever_has_signed_in_to_the_page(browser: Browser, locked: House) -> None:
    wanted = f"{locked.daemon.url}/?alert=1"
    with _elsewhere(f'<a href="{wanted}">an alert</a>') as other, _person(browser, locked.daemon.url) as visit:
        _sign_in(visit.page)
        expect(visit.page).to_have_url(f"{locked.daemon.url}/")
        stranger = visit.page.context.new_page()
        stranger.goto(other)
        stranger.get_by_text("an alert").click()
        expect(stranger).to_have_url(wanted)
        stranger.locator("body[data-connection=live]").wait_for()


def test_another_sites_page_signs_nobody_in_and_changes_nothing(browser: Browser, locked: House) -> None:
    form = (
        f'<form method="post" action="{locked.daemon.url}/login"><input name="token" value="{READER}">'
        "<button>in</button></form>"
        f'<form method="post" action="{locked.daemon.url}/api/v1/monitoring/stop"><button>stop</button></form>'
    )
    with _elsewhere(form) as other, _person(browser, locked.daemon.url) as visit:
        _sign_in(visit.page)
        expect(visit.page).to_have_url(f"{locked.daemon.url}/")
        before = visit.page.context.cookies()
        for name in ("in", "stop"):
            page = visit.page.context.new_page()
            page.goto(other)
            with page.expect_response("**/*") as answered:
                page.get_by_role("button", name=name).click()
            assert answered.value.status == 403
        assert visit.page.context.cookies() == before
        checked = visit.page.evaluate("fetch('/api/v1/agents').then((answer) => answer.json())")
        assert all(cluster["monitoring"] for cluster in checked["clusters"])
