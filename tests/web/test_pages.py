"""The dashboard's files: from here alone, without markup made of texts."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from typing import Any

import pytest

from telemetry.alerts import CATALOGUE, RuleChange, RuleSet
from telemetry.rulebook import rows
from tests.web.conftest import World

STATIC = {
    entry.name: entry.read_text(encoding="utf-8") for entry in files("telemetry.web").joinpath("static").iterdir()
}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/static/app.js", "text/javascript"),
        ("/static/texts.js", "text/javascript"),
        ("/static/sentence.js", "text/javascript"),
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


RULES: Any = OnlyRules()


def test_every_file_that_is_named_is_there(world: World) -> None:
    named = set(re.findall(r'(?:href|src)="(/[^"]+)"', STATIC["index.html"]))
    named |= {f"/static/{name}" for text in STATIC.values() for name in re.findall(r'from "\./([\w.]+)"', text)}
    world.see("night")
    assert {path: world.ask(path, people=RULES).status_code for path in named} == dict.fromkeys(named, 200)


def test_the_runbooks_have_a_place_for_each_rule_in_both_languages(world: World) -> None:
    page = world.ask("/runbooks", people=RULES)
    assert page.headers["content-type"].startswith("text/html")
    for rule in CATALOGUE:
        assert f'id="{rule.id}"' in page.text
        assert html.escape(rule.todo) in page.text
        assert rule.todo_ja in page.text
    assert "<script>" not in page.text


def test_both_languages_have_the_same_texts() -> None:
    keys = [
        set(re.findall(r"^  (\w+):", block, re.MULTILINE))
        for block in re.findall(
            r"const (?:ENGLISH|JAPANESE) = \{(.*?)^\};", STATIC["texts.js"], re.DOTALL | re.MULTILINE
        )
    ]
    assert len(keys) == 2
    assert keys[0] == keys[1] != set()
