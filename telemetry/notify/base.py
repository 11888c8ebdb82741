"""What a channel is: a way by which messages reach people, with its settings beside its code.

A channel is one file with an options model and a `Notifier`, and one line in `BUILTIN` (telemetry/notify/__init__.py).
It only sends: what is sent when, in which order and how often it is tried again is the pager's business.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from telemetry.fields import STRICT
from telemetry.model import Message, Notice

Language = Literal["en", "ja"]


class DeliveryError(Exception):
    """A message was not delivered. Its text is one line for people, without any secret (no webhook URL, no password).

    Attributes:
        final: Trying again can't help: the message is kept and shown, not retried.
        retry_after: Seconds after which the receiver asked to be tried again, or None: the pager's own pace.
    """

    def __init__(self, reason: str, *, final: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.final = final
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every channel may say in its messages.

    Attributes:
        language: Of the texts.
        dashboard_url: Where a person finds the dashboard, or "".
        logs_url: A template for the logs of an alert, with any of {cluster}, {agent}, {rule}, {trace_id}; or "".
        trace_url: The same for its trace; or "".
    """

    language: Language = "en"
    dashboard_url: str = ""
    logs_url: str = ""
    trace_url: str = ""


class ChannelOptions(BaseModel):
    """The settings of one channel. A subclass adds fields; each carries an `About`, a secret one is a SecretStr."""

    model_config = STRICT

    def is_on(self) -> bool:
        """Whether all is set that the channel needs; otherwise it is off."""
        raise NotImplementedError

    def lacks(self) -> str:
        """The variable that is missing, where some of what the channel needs is set and it is off for that; else ""."""
        return ""


class Notifier(ABC):
    """Sends messages by one channel. Made once, used by one task, never for two messages at once."""

    min_interval: ClassVar[float] = 0.0
    """Seconds from one message to the next, at least."""
    refresh: ClassVar[float | None] = None
    """Where the receiver forgets what isn't said again (Alertmanager): open alerts are repeated after so many seconds,
    also those somebody takes care of. None: the pager's own pace."""
    timeout: ClassVar[float] = 10.0
    """Seconds after which an attempt is given up."""

    def __init__(self, channel: str) -> None:
        self.channel = channel

    @abstractmethod
    async def send(self, message: Message) -> str:
        """Delivers one message.

        Returns:
            What the receiver answered, in one line, without secrets.

        Raises:
            DeliveryError: It was not delivered, or may not have been.
        """

    async def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Has ready what the first message would have to wait for.

        Raises:
            OSError: It can't; the first message will say so again.
        """

    async def close(self) -> None:  # noqa: B027 - most hold nothing
        """Gives back what it holds."""


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """One kind of channel.

    Attributes:
        name: As in settings: `slack`.
        summary: What it is, in one line.
        options: Its settings.
        make: (name of the channel, options, surroundings) → a notifier.
    """

    name: str
    summary: str
    options: type[ChannelOptions]
    make: Callable[[str, Any, Surroundings], Notifier]


def links(notice: Notice, surroundings: Surroundings) -> list[tuple[str, str]]:
    """Where more is to be seen of one alert: (what, URL), what being `runbook`, `dashboard`, `logs` or `trace`.

    Values are escaped for a URL; a template with a word in braces that isn't known is left out of none: it stays as
    it is. A link that needs a trace id is left out where there is none.
    """
    from urllib.parse import quote

    found = [("runbook", notice.runbook_url), ("dashboard", surroundings.dashboard_url)]
    values = {
        "{cluster}": notice.cluster,
        "{agent}": notice.agent,
        "{rule}": notice.rule,
        "{trace_id}": notice.trace_id,
    }
    for what, template in (("logs", surroundings.logs_url), ("trace", surroundings.trace_url)):
        if "{trace_id}" in template and not notice.trace_id:
            continue
        for word, value in values.items():
            template = template.replace(word, quote(value, safe=""))  # noqa: PLW2901 - filled in step by step
        found.append((what, template))
    return [(what, url) for what, url in found if url]
