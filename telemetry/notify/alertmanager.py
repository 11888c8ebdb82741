"""Prometheus' Alertmanager, which groups, silences and routes by its own rules.

It forgets an alert that isn't said again: each one ends some minutes ahead, and is repeated well before.
An alert is its labels there, the level among them (`severity`): where the level changes, the old one is ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from telemetry.fields import About
from telemetry.model import AlertLevel, Message, Notice
from telemetry.notify import texts
from telemetry.notify.addresses import pieces
from telemetry.notify.base import ChannelKind, ChannelOptions, Surroundings, links
from telemetry.notify.http import Endpoint, HttpNotifier, SecretUrl

REFRESH = 75.0
"""Seconds from one repetition of an open alert to the next."""
LASTS = 4 * REFRESH
"""Seconds after which Alertmanager takes an alert for resolved that isn't repeated: three repetitions may be lost."""
TEST_LASTS = 60.0


class AlertmanagerOptions(ChannelOptions):
    """Alertmanager: on with its URL."""

    url: Annotated[
        SecretUrl,
        About(
            "Alertmanager's own http or https URL, such as http://localhost:9093, not at a link-local or metadata "
            "address",
            "ALERTMANAGER_URL",
            secret=True,
        ),
    ] = None

    def is_on(self) -> bool:
        return self.url is not None


class Alertmanager(HttpNotifier):
    """Posts to `/api/v2/alerts`."""

    refresh: ClassVar[float | None] = REFRESH

    def __init__(
        self,
        channel: str,
        endpoint: Endpoint,
        surroundings: Surroundings,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(channel, endpoint, surroundings)
        self._now = now

    async def send(self, message: Message) -> str:
        told = alerts(message, self._surroundings, self._now())
        answer = await self._endpoint.send(json=told)
        return f"{self._endpoint.name} answered {answer.status} to {len(told)} alert{'s' * (len(told) != 1)}"


def alerts(message: Message, surroundings: Surroundings, now: float) -> list[dict[str, Any]]:
    """What is posted: each alert, and where its level changed, the end of the one with the old level."""
    if message.test:
        return [_test(message, surroundings, now)]
    return [told for notice in message.notices for told in _told(notice, surroundings, now)]


def _told(notice: Notice, surroundings: Surroundings, now: float) -> Iterator[dict[str, Any]]:
    annotations = {
        "summary": notice.summary or texts.title(notice, surroundings.language),
        "description": texts.what_is_wrong(notice, surroundings.language),
        "todo": notice.todo,
        "note": notice.note,
        **{f"{what}_url": url for what, url in links(notice, surroundings)},
    }
    ends = notice.at if notice.resolved else now + LASTS
    yield _alert(_labels(notice, notice.level), annotations, notice.since, ends, surroundings)
    if notice.before is not None and notice.before is not notice.level:
        yield _alert(_labels(notice, notice.before), annotations, notice.since, notice.at, surroundings)


def _labels(notice: Notice, level: AlertLevel) -> dict[str, str]:
    return {
        "alertname": alert_name(notice.rule),
        "rule": notice.rule,
        "cluster": notice.cluster,
        "agent_name": notice.agent,
        "role": notice.role,
        "severity": level.value,
    }


def alert_name(rule: str) -> str:
    """As rules of Prometheus are named: `agent_stopped` is `OrchestratorAgentStopped`."""
    return "Orchestrator" + "".join(word[:1].upper() + word[1:] for word in rule.replace("-", "_").split("_"))


def _alert(
    labels: dict[str, str], annotations: dict[str, str], starts: float, ends: float, surroundings: Surroundings
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "labels": _filled(labels),
        "annotations": _filled(annotations),
        "startsAt": _rfc3339(starts),
        "endsAt": _rfc3339(max(starts, ends)),  # a clock that was set back: Alertmanager refuses what ends first
    }
    if surroundings.dashboard_url:
        told["generatorURL"] = surroundings.dashboard_url
    return told


def _test(message: Message, surroundings: Surroundings, now: float) -> dict[str, Any]:
    labels = {"alertname": "OrchestratorTest", "cluster": message.cluster, "severity": AlertLevel.INFO.value}
    annotations = {
        "summary": texts.headline(message, surroundings.language),
        "description": texts.trial(message, surroundings.language),
    }
    return _alert(labels, annotations, now, now + TEST_LASTS, surroundings)


def _filled(pairs: dict[str, str]) -> dict[str, str]:
    """Without what is empty: to Alertmanager that is the same as not there."""
    return {name: text for name, text in pairs.items() if text}


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make(channel: str, options: AlertmanagerOptions, surroundings: Surroundings) -> Alertmanager:
    """The notifier of a channel that is on.

    Raises:
        ValueError: It is off.
    """
    if options.url is None:
        raise ValueError(f"the channel {channel} has no URL")
    url = options.url.get_secret_value()
    parts = urlsplit(url)
    target = urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/v2/alerts", parts.query, ""))
    return Alertmanager(channel, Endpoint(target, "Alertmanager", secrets=pieces(url)), surroundings)


KIND = ChannelKind("alertmanager", "Prometheus' Alertmanager", AlertmanagerOptions, make)
