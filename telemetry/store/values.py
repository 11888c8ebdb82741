"""What the store keeps of alerts and of what is to be told, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from telemetry.model import Alert, AlertLevel, AlertMemory, Key, Message, Notice, OpenAlert, Silence


class ToldKey(NamedTuple):
    """Which alert was told on which channel."""

    cluster: str
    agent: str
    rule: str
    channel: str


@dataclass(frozen=True, slots=True)
class Told:
    """The level that was told last, and when (Unix s)."""

    level: AlertLevel
    at: float


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """A notice that waits to be put into a message. `seq` is its place in the order."""

    seq: int
    channel: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that is being delivered, or that could not be.

    Attributes:
        message: The message.
        attempts: How often it was tried.
        next_at: Not before then is it tried again (Unix s).
        error: What the last attempt came to, in one line without secrets; "" before the first.
        failed: It is not tried again.
    """

    message: Message
    attempts: int = 0
    next_at: float = 0.0
    error: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """All that the store holds, but for the history."""

    alerts: Mapping[str, Mapping[Key, OpenAlert]] = field(default_factory=dict)
    memory: Mapping[str, AlertMemory] = field(default_factory=dict)
    told: Mapping[ToldKey, Told] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    notices: tuple[QueuedNotice, ...] = ()
    messages: tuple[QueuedMessage, ...] = ()


@dataclass
class Changes:
    """What one transaction changes: all of it, or nothing."""

    alerts: list[OpenAlert] = field(default_factory=list)
    gone: list[tuple[str, Key]] = field(default_factory=list)
    memory: dict[str, AlertMemory] = field(default_factory=dict)
    told: dict[ToldKey, Told] = field(default_factory=dict)
    untold: list[ToldKey] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    silences_gone: list[str] = field(default_factory=list)
    notices: list[QueuedNotice] = field(default_factory=list)
    notices_gone: list[int] = field(default_factory=list)
    messages: list[QueuedMessage] = field(default_factory=list)
    messages_gone: list[str] = field(default_factory=list)
    history: list[Alert] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What of the history is wanted. A field that is left out chooses all.

    Attributes:
        level: Only this level.
        cluster: Only this cluster.
        agent: Only this agent (for an alert about a cluster: its name).
        rule: Only this rule; `state_changed` for changes of state.
        text: Part of the message, in any case.
        since: Over at this time or later (Unix s); with `by_firing`, fired.
        until: Over before this time; with `by_firing`, fired.
        limit: At most so many.
        offset: Leave out so many of the newest.
        changes: Whether changes of state are wanted too.
        by_firing: Those that fired last come first, rather than those that were over last.
    """

    level: AlertLevel | None = None
    cluster: str | None = None
    agent: str | None = None
    rule: str | None = None
    text: str = ""
    since: float | None = None
    until: float | None = None
    limit: int = 100
    offset: int = 0
    changes: bool = False
    by_firing: bool = False
