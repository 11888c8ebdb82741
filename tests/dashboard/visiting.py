"""A real Chromium on our page, which fails a test for anything a person would find in the browser's console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright

from tests.daemons import ROOT

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
ARTIFACTS = Path(os.environ.get("ORCHESTRATOR_TEST_ARTIFACTS") or ROOT / "test-artifacts")
"""Where screenshots are kept for people: outside of what is committed."""
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own browser."""
    program = shutil.which("chromium")
    assert program, "these tests need Chromium, as `chromium` on the PATH (Debian: chromium fonts-noto-cjk)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One person on the page.

    Attributes:
        page: The browser's page.
        complaints: What went wrong in it: errors in the console, violations of the policy, requests to other hosts.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"another host was asked: {request.url}")

    def agent(self, name: str) -> Locator:
        """An agent's row or card."""
        exact = self.page.get_by_role("button").get_by_text(name, exact=True)
        return self.page.locator(".agent").filter(has=exact)

    def state(self, name: str) -> Locator:
        """The word for an agent's state."""
        return self.agent(name).locator(".state")

    def alert(self, text: str) -> Locator:
        """An open alert that says this."""
        return self.page.locator("#alerts-list .alert").filter(has_text=text)

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keeps a screenshot for people."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=whole, animations="disabled")

    def is_wider_than_its_screen(self) -> bool:
        """Whether somebody had to scroll sideways."""
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return bool(wide)


@contextmanager
def visiting(browser: Browser, url: str, **context: Any) -> Iterator[Visit]:
    """The page, opened; afterwards nothing may have gone wrong in it."""
    own = browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", "color_scheme": "light", **context})
    own.set_default_timeout(10_000)
    try:
        visit = Visit(own.new_page(), url)
        visit.page.goto(url)
        visit.page.locator("body[data-connection=live]").wait_for()
        visit.page.locator(".agent").first.wait_for()
        yield visit
        assert not visit.complaints
    finally:
        own.close()
