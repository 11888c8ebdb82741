"""Telling people: which channels there are, what leaves when, and that it arrives."""

from telemetry.notify import alertmanager, apprise, email, slack, webhook
from telemetry.notify.base import ChannelKind

BUILTIN: tuple[ChannelKind, ...] = (slack.KIND, email.KIND, webhook.KIND, alertmanager.KIND, apprise.KIND)
"""Every kind of channel. A new one is a file and its place here: settings, commands and documentation follow."""

__all__ = ["BUILTIN", "ChannelKind"]
