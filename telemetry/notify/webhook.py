"""A webhook of one's own: the message as JSON, signed where a secret is set.

The body is an object; fields are added over time, none is renamed or taken away while `version` is "1":

- `version`: "1".
- `id`: 32 hex digits, the same each time this message is tried again: what was seen before can be dropped.
- `channel`, `cluster`: names.
- `level`: `info`, `warning`, `error` or `critical`, the highest of what is firing.
- `resolved`: whether all of it is over. `test`: whether somebody only tries the channel out.
- `created_at`: Unix seconds, as all times here.
- `alerts`: one object for each alert: `kind` (`firing`, `level`, `repeat`, `resolved`), `alert_id`, `cluster`, `agent`
  ("" for an alert about the cluster), `role`, `rule`, `level`, `before` (the level that was told last, or null),
  `message`, `since`, `at`, `trace_id`, `summary`, `todo`, `runbook_url`, `note`, and `links` (an object of URLs with
  any of `runbook`, `dashboard`, `logs`, `trace`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import SecretStr

from telemetry.fields import About
from telemetry.model import Message
from telemetry.notify.base import ChannelKind, ChannelOptions, Surroundings, links
from telemetry.notify.http import A_URL, Endpoint, HttpNotifier, SecretUrl

VERSION = "1"


class WebhookOptions(ChannelOptions):
    """A webhook: on with a URL."""

    url: Annotated[
        SecretUrl,
        About(
            A_URL,
            "ORCHESTRATOR_WEBHOOK_URL",
            secret=True,
        ),
    ] = None
    secret: Annotated[
        SecretStr | None,
        About("any text that the receiver knows, too", "ORCHESTRATOR_WEBHOOK_SECRET", secret=True),
    ] = None
    """Signs each request. Left out or empty: none is signed."""

    def is_on(self) -> bool:
        return self.url is not None

    def lacks(self) -> str:
        return "ORCHESTRATOR_WEBHOOK_URL" if self.url is None and self.secret is not None else ""


class Webhook(HttpNotifier):
    """Posts JSON; any 2xx is success."""

    def __init__(
        self,
        channel: str,
        endpoint: Endpoint,
        surroundings: Surroundings,
        secret: bytes = b"",
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(channel, endpoint, surroundings)
        self._secret = secret
        self._now = now

    async def send(self, message: Message) -> str:
        content = body(message, self._surroundings)
        timestamp = str(int(self._now()))
        headers = {
            "Content-Type": "application/json",
            "X-Orchestrator-Delivery": message.id,
            "X-Orchestrator-Timestamp": timestamp,
        }
        if self._secret:
            headers["X-Orchestrator-Signature"] = signature(self._secret, timestamp, content)
        answer = await self._endpoint.send(content=content, headers=headers)
        said = self._endpoint.quoted(answer.text)
        return f"{self._endpoint.name} answered {answer.status}{f': {said}' if said else ''}"


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What `X-Orchestrator-Signature` holds: `sha256=` and the HMAC, in hex, of `timestamp`, a dot and the raw body.

    A receiver computes it from the header `X-Orchestrator-Timestamp` and the bytes of the body before it parses them,
    compares with `hmac.compare_digest`, and drops what carries a timestamp minutes from its own clock or an
    `X-Orchestrator-Delivery` that it has dealt with:

        hmac.compare_digest(signature(secret, headers["X-Orchestrator-Timestamp"], body), given)
    """
    return "sha256=" + hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def body(message: Message, surroundings: Surroundings) -> bytes:
    """The request's body, as the module describes it."""
    told: dict[str, Any] = {
        "version": VERSION,
        "id": message.id,
        "channel": message.channel,
        "cluster": message.cluster,
        "level": message.level.value,
        "resolved": message.resolved,
        "test": message.test,
        "created_at": message.created_at,
        "alerts": [{**asdict(notice), "links": dict(links(notice, surroundings))} for notice in message.notices],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def make(channel: str, options: WebhookOptions, surroundings: Surroundings) -> Webhook:
    """The notifier of a channel that is on.

    Raises:
        ValueError: It is off.
    """
    if options.url is None:
        raise ValueError(f"the channel {channel} has no URL")
    secret = options.secret.get_secret_value() if options.secret else ""
    endpoint = Endpoint(options.url.get_secret_value(), "the webhook", secrets=[secret])
    return Webhook(channel, endpoint, surroundings, secret.encode())


KIND = ChannelKind("webhook", "a webhook of one's own, signed JSON", WebhookOptions, make)
