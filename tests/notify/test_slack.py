"""Slack's posts: every alert in them, nothing in them but text, and what comes of the answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from telemetry.model import AlertLevel, Message
from telemetry.notify.base import DeliveryError, Surroundings
from telemetry.notify.slack import KIND, MAX_TEXT, Slack, SlackOptions, escape, payload
from tests.notify.receivers import Receiver, answer
from tests.notify.samples import FIRED, HOSTILE, SURROUNDINGS, message, notice, resolved, trial

PATH = "/services/T0000/B1111/tokentoken"


def _texts(value: Any) -> list[str]:
    """Every text in a post, keys left out."""
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in _texts(child)]


def _send(said: bytes, sent: Message | None = None) -> tuple[str, dict[str, Any]]:
    async def send() -> tuple[str, dict[str, Any]]:
        async with Receiver(said) as receiver:
            options = SlackOptions(webhook_url=SecretStr(receiver.url(PATH)))
            slack = KIND.make("slack", options, SURROUNDINGS)
            assert slack.min_interval == 1.0
            told = await slack.send(sent or message())
            [request] = receiver.requests
            assert (request.method, request.target) == ("POST", PATH)
            return told, json.loads(request.body)

    return asyncio.run(send())


def test_an_alert_is_posted_as_the_seed_has_it_with_what_helps() -> None:
    told, post = _send(answer(200, "ok"))
    assert told == "Slack (127.0.0.1) took it"
    [shown] = post["attachments"]
    assert post["text"] == "[ERROR] worker-1: worker-1 has stopped"
    assert {name: shown[name] for name in ("color", "title", "text", "ts")} == {
        "color": "#ff0000",
        "title": "[ERROR] worker-1",
        "text": "worker-1 has stopped",
        "ts": int(FIRED),
    }
    fields = {field["title"]: field["value"] for field in shown["fields"]}
    assert fields["Level"] == "Error"
    assert fields["Cluster"] == "main"
    assert "Since" in fields
    assert fields["What to do"] == "Look at its pane, then start it again."
    assert fields[""] == ("<https://dash.example/?a=1&amp;b=2|Dashboard> · <https://logs.example/main/worker-1|Logs>")


@pytest.mark.parametrize(
    ("told", "colour"),
    [
        (notice(level=AlertLevel.INFO), "#36a64f"),
        (notice(level=AlertLevel.WARNING), "#ff9900"),
        (notice(level=AlertLevel.ERROR), "#ff0000"),
        (notice(level=AlertLevel.CRITICAL), "#990000"),
        (resolved(level=AlertLevel.CRITICAL), "#36a64f"),
    ],
)
def test_the_colours_are_the_seeds(told: Any, colour: str) -> None:
    assert payload(message(told), SURROUNDINGS)["attachments"][0]["color"] == colour


def test_nothing_that_an_agent_says_is_markup_a_mention_or_a_new_line() -> None:
    told = notice(agent=HOSTILE, cluster=HOSTILE, role=HOSTILE, message=HOSTILE, note=HOSTILE)
    post = payload(message(told, *[told] * 30, cluster=HOSTILE), SURROUNDINGS)
    assert post["mrkdwn"] is post["link_names"] is False
    assert all(shown["mrkdwn_in"] == [] for shown in post["attachments"])
    links = {field["value"] for shown in post["attachments"] for field in shown.get("fields", []) if not field["title"]}
    for text in _texts(post):
        if text not in links:
            assert "<" not in text
            assert ">" not in text
        assert "@here" not in text
        assert all(character.isprintable() or character in "\n\u200b" for character in text)
    assert post["attachments"][0]["title"].startswith("[ERROR] &lt;!channel&gt; *bold* `code` @")
    assert "\n" not in post["attachments"][0]["title"]


@given(st.text(), st.integers(min_value=10, max_value=60))
def test_an_escaped_text_holds_no_half_of_an_entity(text: str, limit: int) -> None:
    escaped = escape(text + "<&>" * 30, limit)
    assert len(escaped) <= limit
    rest = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(rest) & set("&<>")


def test_a_link_cannot_be_left() -> None:
    here = Surroundings(dashboard_url="https://d.example/|x><!channel>")
    [shown] = payload(message(), here)["attachments"]
    assert shown["fields"][-1]["value"] == "<https://d.example/%7Cx%3E%3C!channel%3E|Dashboard>"


def test_every_alert_of_a_large_message_is_there_within_slacks_limits() -> None:
    alerts = [notice(agent=f"agent-{number:03d}.", message="m" * 500) for number in range(200)]
    alerts += [resolved(agent=f"over-{number:03d}.") for number in range(100)]
    post = payload(message(*alerts), SURROUNDINGS)
    assert post["text"] == "[ERROR] cluster main: 200 open, 100 resolved"
    assert len(post["attachments"]) <= 100
    assert all(len(shown["text"]) <= MAX_TEXT for shown in post["attachments"])
    said = "\n".join(_texts(post))
    for told in alerts:
        assert told.agent in said


def test_a_test_message_says_so() -> None:
    post = payload(trial(), SURROUNDINGS)
    assert "[TEST]" in post["text"]
    assert "Nothing is wrong" in post["attachments"][0]["text"]


@pytest.mark.parametrize("said", ["ok", "ok\n", '{"success":true}', '{"ok": true}'])
def test_what_takes_slacks_webhooks_may_say_ok_in_its_own_way(said: str) -> None:
    _send(answer(200, said))


@pytest.mark.parametrize("said", ["", "invalid_token", '{"ok": false}', "[]", "no_service /services/T0000/B1111"])
def test_a_200_that_is_not_ok_is_an_error_and_tried_again(said: str) -> None:
    with pytest.raises(DeliveryError, match="not «ok»") as caught:
        _send(answer(200, said))
    assert not caught.value.final
    assert "B1111" not in str(caught.value)


def test_slacks_limit_is_obeyed() -> None:
    with pytest.raises(DeliveryError) as caught:
        _send(answer(429, "rate_limited", Retry_After="30"))
    assert caught.value.retry_after == 30


def test_it_is_off_without_a_url() -> None:
    assert not SlackOptions().is_on()
    assert not SlackOptions(webhook_url=SecretStr(" ")).is_on()
    with pytest.raises(ValueError, match="no URL"):
        KIND.make("slack", SlackOptions(), SURROUNDINGS)
    options = SlackOptions(webhook_url=SecretStr("https://hooks.slack.com/services/x"))
    assert options.is_on()
    assert isinstance(KIND.make("slack", options, SURROUNDINGS), Slack)
    assert "services" not in repr(options)
