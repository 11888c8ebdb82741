"""What came of a message, and how it is with a channel: plain values for whoever looks on."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.model import Message
from telemetry.store.values import QueuedMessage


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver one message.

    Attributes:
        message: The message.
        outcome: `delivered`, `retry` (it will be tried again) or `failed` (it won't).
        began: When (Unix s), and `ended`.
        said: What the receiver answered, or why it was not delivered; without secrets.
    """

    message: Message
    outcome: str
    began: float
    ended: float
    said: str


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How it is with one channel.

    Attributes:
        name: Its name.
        on: Whether it is used; one that is off may still hold what was to be sent.
        waiting: Notices that are not in a message yet.
        sending: The message that is being delivered, or None.
        failed: Messages that are not tried again, newest last.
        delivered_at: When a message was delivered last (Unix s), or None: not since the start.
        refused: Why the last message was refused for good, or "": one was delivered since, or none was sent.
    """

    name: str
    on: bool
    waiting: int
    sending: QueuedMessage | None
    failed: tuple[QueuedMessage, ...]
    delivered_at: float | None
    refused: str = ""
