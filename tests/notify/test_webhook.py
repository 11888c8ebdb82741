"""The webhook of one's own: the body that is promised, and a signature that a receiver can check."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import SecretStr

from telemetry.model import AlertLevel, Message, NoticeKind
from telemetry.notify.base import DeliveryError
from telemetry.notify.http import Endpoint
from telemetry.notify.webhook import KIND, Webhook, WebhookOptions, body
from tests.notify.receivers import Receiver, Request, answer
from tests.notify.samples import FIRED, HOSTILE, SURROUNDINGS, message, notice, resolved, trial


def _send(sent: Message, *script: bytes, secret: bytes = b"", times: int = 1) -> tuple[str, list[Request]]:
    async def send() -> tuple[str, list[Request]]:
        async with Receiver(*script) as receiver:
            webhook = Webhook("hook", Endpoint(receiver.url("/x"), "the webhook"), SURROUNDINGS, secret, lambda: FIRED)
            for _ in range(times):
                told = await webhook.send(sent)
            return told, receiver.requests

    return asyncio.run(send())


def test_the_body_tells_all_of_a_message() -> None:
    rose = notice(agent=HOSTILE, kind=NoticeKind.LEVEL, before=AlertLevel.WARNING, trace_id="ab" * 16, note="n")
    told, [request] = _send(message(rose, resolved()), answer(204, ""))
    assert told == "the webhook (127.0.0.1) answered 204"
    assert request.headers["content-type"] == "application/json"
    read = json.loads(request.body)
    alerts = read.pop("alerts")
    assert read == {
        "version": "1",
        "id": "a" * 32,
        "channel": "test",
        "cluster": "main",
        "level": "error",
        "resolved": False,
        "test": False,
        "created_at": FIRED,
    }
    assert alerts[0] == {
        "kind": "level",
        "alert_id": "0123456789",
        "cluster": "main",
        "agent": HOSTILE,
        "role": "builder",
        "rule": "agent_stopped",
        "level": "error",
        "before": "warning",
        "message": "worker-1 has stopped",
        "since": FIRED,
        "at": FIRED,
        "trace_id": "ab" * 16,
        "summary": "An agent has stopped",
        "todo": "Look at its pane, then start it again.",
        "runbook_url": "",
        "note": "n",
        "links": {
            "dashboard": "https://dash.example/?a=1&b=2",
            "logs": "https://logs.example/main/" + alerts[0]["links"]["logs"].rpartition("/")[2],
            "trace": f"https://traces.example/{'ab' * 16}",
        },
    }
    assert alerts[1]["kind"] == "resolved"
    assert alerts[1]["before"] is None


def test_a_receiver_can_check_the_signature_and_tell_a_repetition() -> None:
    _, requests = _send(message(), answer(), secret=b"shared secret", times=2)
    for request in requests:
        assert request.headers["x-orchestrator-delivery"] == "a" * 32
        timestamp = request.headers["x-orchestrator-timestamp"]
        assert timestamp == str(int(FIRED))
        expected = hmac.new(b"shared secret", timestamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        assert request.headers["x-orchestrator-signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed() -> None:
    _, [request] = _send(message(), answer())
    assert "x-orchestrator-signature" not in request.headers


def test_a_test_message_says_so() -> None:
    assert json.loads(body(trial(), SURROUNDINGS))["test"] is True


def test_the_secret_is_in_no_reason() -> None:
    async def send() -> str:
        async with Receiver(answer(400, "I know the secret: shared-thing at /hook-path")) as receiver:
            options = WebhookOptions(url=SecretStr(receiver.url("/hook-path")), secret=SecretStr("shared-thing"))
            assert "shared" not in repr(options)
            with pytest.raises(DeliveryError) as caught:
                await KIND.make("hook", options, SURROUNDINGS).send(message())
            assert caught.value.final
            return str(caught.value)

    said = asyncio.run(send())
    assert "shared-thing" not in said
    assert "hook-path" not in said


@pytest.mark.parametrize("given", [{}, {"url": SecretStr("")}, {"secret": SecretStr("x")}])
def test_it_is_off_without_a_url(given: dict[str, Any]) -> None:
    assert not WebhookOptions(**given).is_on()
    with pytest.raises(ValueError, match="no URL"):
        KIND.make("hook", WebhookOptions(**given), SURROUNDINGS)
