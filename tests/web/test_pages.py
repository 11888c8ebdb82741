"""The dashboard's files: from here alone, without markup made of texts."""

from __future__ import annotations

import asyncio
import html
import re
from importlib.resources import files
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from telemetry.alerts import CATALOGUE, RuleChange, RuleSet
from telemetry.model import AlertLevel, AlertPage, State
from telemetry.model.alerts import Reason
from telemetry.rulebook import rows
from tests.web.conftest import BASE, World

STATIC = {
    entry.name: entry.read_text(encoding="utf-8") for entry in files("telemetry.web").joinpath("static").iterdir()
}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/static/app.js", "text/javascript"),
        ("/static/texts_ja.js", "text/javascript"),
        ("/static/phrases_ja.json", "application/json"),
        ("/static/style.css", "text/css"),
        ("/static/icon.svg", "image/svg+xml"),
    ],
)
def test_each_file_is_served_once_and_then_only_when_new(world: World, path: str, kind: str) -> None:
    first = world.ask(path)
    assert first.status_code == 200
    assert first.headers["content-type"].startswith(kind)
    again = world.ask(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_needs_no_other_host_and_no_inline_code() -> None:
    for name, text in STATIC.items():
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text):
            assert address == "http://www.w3.org", (name, address)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", STATIC["index.html"])


def test_texts_never_become_markup() -> None:
    for name, text in STATIC.items():
        if name.endswith(".js"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", text), (
                name
            )


class OnlyRules:
    """Of all that people are asked for, the rules; one of them as hostile as a settings file allows."""

    def rules_in_force(self) -> list[dict[str, Any]]:
        hostile = RuleChange(runbook_url='https://x/"><script>alert(1)</script>').applied_to(CATALOGUE[0])
        return [row.plain() for row in rows(RuleSet((hostile, *CATALOGUE[1:])))]

    async def history(self, query: object) -> AlertPage:
        return AlertPage((), 0)


RULES: Any = OnlyRules()


def test_every_file_that_is_named_is_there(world: World) -> None:
    named = set(re.findall(r'(?:href|src)="(/[^"]+)"', STATIC["index.html"]))
    named |= {f"/static/{name}" for text in STATIC.values() for name in re.findall(r'from "\./([\w.]+)"', text)}
    world.see("night")
    assert asyncio.run(_statuses(world.app(people=RULES), named)) == dict.fromkeys(named, 200)


async def _statuses(app: ASGIApp, paths: set[str]) -> dict[str, int]:
    """What one application answers to each."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        return {path: (await client.get(path)).status_code for path in paths}


def test_the_runbooks_have_a_place_for_each_rule_in_both_languages(world: World) -> None:
    page = world.ask("/runbooks", people=RULES)
    assert page.headers["content-type"].startswith("text/html")
    for rule in CATALOGUE:
        assert f'id="{rule.id}"' in page.text
        assert html.escape(rule.todo) in page.text
        assert rule.todo_ja in page.text
    assert "<script>" not in page.text


def test_both_languages_have_the_same_texts() -> None:
    english, japanese = (re.findall(r'[{,\n] *(\w+|"."|"\w+"):', STATIC[f"texts_{code}.js"]) for code in ("en", "ja"))
    assert len(english) > 150
    assert english == japanese


def test_every_text_that_the_page_asks_for_is_there() -> None:
    wanted = set(re.findall(r'data-(?:text|label|placeholder)="([\w.]+)"', STATIC["index.html"]))
    names = {part for path in wanted for part in path.split(".")}
    assert names
    missing = {name for name in names if not re.search(rf"\b{name}:", STATIC["texts_en.js"])}
    assert not missing


def test_the_page_knows_every_state_and_level_and_the_reasons_by_which_it_folds_alerts_away() -> None:
    for word in (*State, *AlertLevel):
        assert f'{word.value}: "' in STATIC["texts_en.js"]
        assert f'{word.value}: "' in STATIC["texts_ja.js"]
    for reason in (Reason.CLUSTER_DOWN, Reason.AGENT_STOPPED, Reason.REPEATS, Reason.ENDING):
        assert f'"{reason.value}"' in STATIC["alerts.js"]
