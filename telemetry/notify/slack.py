"""Slack, and whatever takes the same incoming webhooks (Mattermost, Rocket.Chat, Discord with /slack)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, SecretStr

from telemetry.fields import About
from telemetry.model import AlertLevel, Message, Notice
from telemetry.notify import texts
from telemetry.notify.base import ChannelKind, ChannelOptions, DeliveryError, Language, Surroundings
from telemetry.notify.http import Endpoint, HttpNotifier, secret_url

COLOURS = {
    AlertLevel.INFO: "#36a64f",
    AlertLevel.WARNING: "#ff9900",
    AlertLevel.ERROR: "#ff0000",
    AlertLevel.CRITICAL: "#990000",
}
RESOLVED_COLOUR = "#36a64f"
FULL = 20
"""Alerts that get an attachment each; the others a line each, so that no post comes near Slack's 100 attachments."""
MAX_TEXT = 3000
"""Characters of an attachment's text, as it is sent."""
_MAX_LINE = 300
_CALLS_EVERYBODY = re.compile(r"@(?=(?:channel|here|all|everyone)\b)", re.IGNORECASE)


class SlackOptions(ChannelOptions):
    """Slack: on with the URL of a webhook."""

    webhook_url: Annotated[
        SecretStr | None,
        AfterValidator(secret_url),
        About(
            "the http or https URL of an incoming webhook, without a user name, and not at a link-local or metadata "
            "address",
            "SLACK_WEBHOOK_URL",
            secret=True,
        ),
    ] = None

    def is_on(self) -> bool:
        return self.webhook_url is not None


class Slack(HttpNotifier):
    """Posts one attachment for each alert."""

    min_interval: ClassVar[float] = 1.0  # Slack's own limit for one webhook

    async def send(self, message: Message) -> str:
        answer = await self._endpoint.send(json=payload(message, self._surroundings))
        if not _is_ok(answer.text):
            said = self._endpoint.quoted(answer.text) or "nothing"
            raise DeliveryError(f"{self._endpoint.name} answered {answer.status} but not «ok»: {said}")
        return f"{self._endpoint.name} took it"


def _is_ok(text: str) -> bool:
    text = text.strip()
    if text.lower() == "ok":
        return True
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and (answer.get("ok") is True or answer.get("success") is True)


def payload(message: Message, surroundings: Surroundings) -> dict[str, Any]:
    """The post that tells all of a message."""
    return {
        "text": escape(texts.headline(message, surroundings.language)),
        "attachments": list(_attachments(message, surroundings)),
        # Nothing here is markup but our own links, and nothing that an agent names is fetched or called.
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _attachments(message: Message, surroundings: Surroundings) -> Iterator[dict[str, Any]]:
    language = surroundings.language
    if text := texts.trial(message, language):
        yield _attachment(RESOLVED_COLOUR, texts.headline(message, language), text, message.created_at)
    notices = texts.by_weight(message.notices)
    for notice in notices[:FULL]:
        shown = _attachment(
            colour(notice), texts.title(notice, language), texts.what_is_wrong(notice, language), notice.at
        )
        shown["fields"] = list(_fields(notice, surroundings))
        yield shown
    for head, group in groupby(notices[FULL:], key=lambda notice: (colour(notice), _tag(notice))):
        shade, tag = head
        for text in _packed(_line(notice, language) for notice in group):
            shown = _attachment(shade, f"[{tag}]", "", message.created_at)
            yield shown | {"text": text, "fallback": text}


def _attachment(shade: str, title: str, text: str, at: float) -> dict[str, Any]:
    return {
        "color": shade,
        "title": escape(title),
        "text": escape(texts.one_line(text), MAX_TEXT),
        "fallback": escape(f"{title}: {texts.one_line(text)}", MAX_TEXT),
        "ts": int(at),
        "mrkdwn_in": [],  # * _ ~ ` in an agent's text are themselves
    }


def _fields(notice: Notice, surroundings: Surroundings) -> Iterator[dict[str, Any]]:
    for name, text in texts.facts(notice, surroundings.language).items():
        yield {
            "title": texts.label(name, surroundings.language),
            "value": escape(text, MAX_TEXT),
            "short": name not in ("todo", "note"),
        }
    links = [f"<{_url(url)}|{name}>" for name, url in texts.labelled_links(notice, surroundings)]
    if links:
        yield {"title": "", "value": " · ".join(links), "short": False}


def colour(notice: Notice) -> str:
    """Of an alert, by its level."""
    return RESOLVED_COLOUR if notice.resolved else COLOURS[notice.level]


def _tag(notice: Notice) -> str:
    return texts.tag(notice.level, resolved=notice.resolved)


def _line(notice: Notice, language: Language) -> str:
    """One alert among many: what it is about and its rule whole, of its message what fits."""
    subject, rule = texts.one_line(notice.subject), texts.one_line(notice.rule)
    wrong = texts.one_line(texts.what_is_wrong(notice, language))
    return escape(f"{subject} – {rule}: {wrong}", max(_MAX_LINE, len(escape(subject + rule)) + 10))


def _packed(lines: Iterable[str]) -> Iterator[str]:
    """The lines in texts that are as long as may be."""
    text = ""
    for line in lines:
        if text and len(text) + 1 + len(line) > MAX_TEXT:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield text


def escape(text: str, limit: int = MAX_TEXT) -> str:
    """Text as it is shown: no mention, link or command can be written with it. Cut to `limit` as sent.

    Slack itself makes no mention of `@here`, but Mattermost and Discord do: an invisible space keeps it from that.
    """
    text = _CALLS_EVERYBODY.sub("@\u200b", text)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(escaped) <= limit:
        return escaped
    return re.sub(r"&[a-z]{0,3}$", "", escaped[: limit - 1]) + "…"


def _url(url: str) -> str:
    """A link's target, which can't end its link."""
    return re.sub(r"[<>|\s]", lambda found: f"%{ord(found[0]):02X}", url).replace("&", "&amp;")


def make(channel: str, options: SlackOptions, surroundings: Surroundings) -> Slack:
    """The notifier of a channel that is on.

    Raises:
        ValueError: It is off.
    """
    if options.webhook_url is None:
        raise ValueError(f"the channel {channel} has no URL")
    return Slack(channel, Endpoint(options.webhook_url.get_secret_value(), "Slack"), surroundings)


KIND = ChannelKind("slack", "Slack, or what takes Slack's webhooks", SlackOptions, make)
