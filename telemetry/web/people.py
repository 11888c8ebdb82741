"""What the web needs of whoever tells people; the daemon hands in the real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from telemetry.model import AlertPage, Message, Silence
from telemetry.store import HistoryQuery


class Tried(Protocol):
    """What a test of a channel came to."""

    @property
    def channel(self) -> str:
        """Its name."""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the message."""

    @property
    def said(self) -> str:
        """What it answered, or why it took nothing."""


class Queued(Protocol):
    """A message that is being delivered, or that could not be."""

    @property
    def message(self) -> Message:
        """The message."""

    @property
    def attempts(self) -> int:
        """How often it was tried."""

    @property
    def next_at(self) -> float:
        """Not before then is it tried again (Unix s)."""

    @property
    def error(self) -> str:
        """What the last attempt came to."""


class ChannelState(Protocol):
    """How it is with one channel."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def on(self) -> bool:
        """Whether it is used."""

    @property
    def waiting(self) -> int:
        """Notices that are not in a message yet."""

    @property
    def sending(self) -> Queued | None:
        """The message that is being delivered."""

    @property
    def failed(self) -> Sequence[Queued]:
        """Messages that are not tried again, newest last."""

    @property
    def delivered_at(self) -> float | None:
        """When a message was delivered last (Unix s), or None: not since the start."""


class People(Protocol):
    """Who is told of alerts, and what they say about them."""

    @property
    def silences(self) -> Sequence[Silence]:
        """Those that have not ended."""

    @property
    def channels(self) -> Sequence[ChannelState]:
        """How it is with each channel."""

    def rules_in_force(self) -> list[dict[str, Any]]:
        """Every rule as plain values."""

    async def history(self, query: HistoryQuery) -> AlertPage:
        """Alerts that are over, newest first. Raises `StoreError`."""

    async def silence(self, silence: Silence) -> None:
        """Nobody is told of what matches, until it ends."""

    async def unsilence(self, name: str) -> bool:
        """Ends a silence by its id. False: there is none."""

    async def test(self, channel: str) -> Tried:
        """Sends a marked message. KeyError: no channel that is on has this name."""
