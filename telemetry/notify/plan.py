"""What the pager does by its settings, and the notices that follow from it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.model import AlertLevel, Message, Notice, NoticeKind, OpenAlert
from telemetry.notify.base import Notifier
from telemetry.notify.grouping import Timing
from telemetry.notify.routes import DEFAULT_ROUTES, Route


@dataclass(frozen=True, slots=True)
class Texts:
    """What is said of an alert beside what is wrong: in the language that is set."""

    summary: str = ""
    todo: str = ""
    runbook_url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the pager does; replaced whole when settings are read again.

    Attributes:
        notifiers: Those that are on, by the name of their channel.
        routes: Which alerts go where.
        timing: How notices become messages.
        texts: What is said of an alert.
    """

    notifiers: Mapping[str, Notifier]
    routes: Sequence[Route] = DEFAULT_ROUTES
    timing: Timing = field(default_factory=Timing)
    texts: Callable[[OpenAlert], Texts] = lambda _: Texts()


def notice_of(
    kind: NoticeKind,
    alert: OpenAlert,
    at: float,
    before: AlertLevel | None,
    texts_of: Callable[[OpenAlert], Texts],
) -> Notice:
    """What is to be told of an alert.

    Args:
        kind: What of it.
        alert: As it is now.
        at: When that happened (Unix s).
        before: The level that was told last on the channel, or None.
        texts_of: What is said of it besides.
    """
    texts = texts_of(alert)
    return Notice(
        kind=kind,
        alert_id=alert.id,
        cluster=alert.cluster,
        agent=alert.agent,
        rule=alert.rule,
        level=alert.level,
        message=alert.message,
        since=alert.fired_at,
        at=at,
        role=alert.role,
        before=before,
        trace_id=alert.trace_id,
        summary=texts.summary,
        todo=texts.todo,
        runbook_url=texts.runbook_url,
        note=texts.note,
    )


def test_message(channel: str, now: float) -> Message:
    """A message that says that nothing is wrong: only the channel is tried."""
    notice = Notice(
        kind=NoticeKind.FIRING,
        alert_id=uuid.uuid4().hex[:10],
        cluster="test",
        agent="",
        rule="test",
        level=AlertLevel.INFO,
        message="This is a test of the channel: nothing is wrong.",
        since=now,
        at=now,
    )
    return Message(uuid.uuid4().hex, channel, "test", (notice,), now, test=True)
