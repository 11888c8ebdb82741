"""Models of the answers about alerts, silences, channels and rules."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from telemetry.model import AlertLevel, Phase
from telemetry.web.schema import Described

_CLUSTER = "The cluster's name."
_TRACE = 'The trace of the check that raised it (32 hex digits), or "".'


class Alert(Described):
    """An alert as the seed knows it; its five fields first."""

    level: AlertLevel = Field(description="The level it has, or had when it was over.")
    agent_name: str = Field(description="The agent it is about; the cluster's name where it is about the cluster.")
    message: str = Field(description="What is wrong, in one line.")
    timestamp: float = Field(description="When it fired (Unix s).")
    resolved: bool = Field(description="Whether it is over.")
    cluster: str = Field(description=_CLUSTER)
    rule: str = Field(description="The rule's id; `state_changed` for a change of state.")
    resolved_at: float | None = Field(description="When it was over (Unix s); null while it is open.")
    trace_id: str = Field(description=_TRACE)
    id: str = Field(description='Names this firing; "" for a change of state.')
    acknowledged_by: str = Field(description='Who takes care of it, or "".')
    suppressed: str = Field(description='Why people are not told of it at present, in words, or "".')


class Alerts(Described):
    """One page of alerts, the one that fired last first."""

    alerts: list[Alert] = Field(description="The page.")
    total: int = Field(description="How many match in all.", ge=0)
    limit: int = Field(description="At most so many are on a page.", ge=1)
    offset: int = Field(description="How many newer ones were left out.", ge=0)
    over_from: Literal["store", "memory"] = Field(
        description="Where those that are over come from: the history in the store, or the last 1,000 of each cluster "
        "in memory, where there is no store or it can't be used."
    )


class AlertHistory(Described):
    """One page of the history, the one that was over last first."""

    alerts: list[Alert] = Field(description="The page.")
    total: int = Field(description="How many match in all.", ge=0)


class Acknowledged(Described):
    """Who takes care of an alert."""

    by: str = Field(description="Who.")
    at: float = Field(description="Since when (Unix s).")
    note: str = Field(description='For those who read it, or "".')
    level: AlertLevel = Field(description="The alert's level at that time.")
    holds: bool = Field(description="False when the level has risen since: then people are told again.")


class Suppressed(Described):
    """Why people are not told of an alert at present."""

    reason: str = Field(description="Why, as one of a few fixed texts.")
    detail: str = Field(description="The same in full, with who and why where a person did it.")


class OpenAlert(Described):
    """An alert while it is open, with all that is known of it."""

    id: str = Field(description="Names this firing.")
    cluster: str = Field(description=_CLUSTER)
    agent: str = Field(description='The agent it is about; "" for the cluster itself.')
    agent_name: str = Field(description="The same for people: the cluster's name for the cluster itself.")
    rule: str = Field(description="The rule's id.")
    level: AlertLevel = Field(description="The level it has now.")
    message: str = Field(description="What is wrong, in one line.")
    phase: Phase = Field(description="Where it is in its life; `dismissed`: a person resolved it, its cause goes on.")
    since: float = Field(description="When its cause was first seen (Unix s).")
    fired_at: float | None = Field(description="When it fired (Unix s); null while it is pending.")
    changed_at: float = Field(description="When it got the level it has (Unix s).")
    role: str = Field(description='The agent\'s role, or "".')
    flapping: bool = Field(description="It came and went so often that it is kept open until it is quiet for longer.")
    trace_id: str = Field(description=_TRACE)
    acknowledged: Acknowledged | None = Field(description="Who takes care of it; null: nobody.")
    suppressed: Suppressed | None = Field(description="Why people are not told; null: they are.")


class OpenAlerts(Described):
    """What is open now, the worst first."""

    now: float = Field(description="The time of the answer (Unix s).")
    alerts: list[OpenAlert] = Field(description="The alerts.")


class Silence(Described):
    """What nobody is told of, for a time."""

    id: str = Field(description="Eight hex digits.")
    author: str = Field(description="Who wants it so.")
    reason: str = Field(description="Why.")
    starts_at: float = Field(description="From then on (Unix s).")
    ends_at: float = Field(description="Until then (Unix s).")
    cluster: str = Field(description="A name, or a pattern with `*` and `?`, that the alert's cluster matches.")
    agent: str = Field(description='The same for the agent; "" and `*` also mean alerts about the cluster itself.')
    rule: str = Field(description="The same for the rule's id.")
    active: bool = Field(description="Whether it holds now.")


class Silences(Described):
    """Those that have not ended, by when they end."""

    now: float = Field(description="The time of the answer (Unix s).")
    silences: list[Silence] = Field(description="The silences.")


class Ended(Described):
    """A silence that was ended."""

    ended: str = Field(description="Its id.")


class Undelivered(Described):
    """A message that is not delivered."""

    id: str = Field(description="32 hex digits; the same at each attempt.")
    cluster: str = Field(description=_CLUSTER)
    created_at: float = Field(description="When it was put together (Unix s).")
    alerts: list[str] = Field(description="What it tells, a line for each alert.")
    attempts: int = Field(description="How often it was tried.", ge=0)
    next_at: float = Field(description="Not before then is it tried again (Unix s).")
    error: str = Field(description='What the last attempt came to; "" before the first.')


class Channel(Described):
    """How it is with one channel."""

    channel: str = Field(description="Its name.")
    on: bool = Field(description="Whether it is used.")
    waiting: int = Field(description="How many notices are not in a message yet.", ge=0)
    sending: Undelivered | None = Field(description="The message that is being delivered; null: none.")
    failed: list[Undelivered] = Field(description="Messages that are not tried again, the newest last.")
    delivered_at: float | None = Field(description="When it last delivered (Unix s); null: not since the start.")


class Channels(Described):
    """How it is with each channel."""

    channels: list[Channel] = Field(description="The channels.")


class Tried(Described):
    """What the test of a channel came to."""

    channel: str = Field(description="Its name.")
    delivered: bool = Field(description="Whether the receiver took the message.")
    said: str = Field(description="What it answered, or why it took nothing.")


class Tests(Described):
    """What the tests came to."""

    results: list[Tried] = Field(description="One for each channel that was tried.")


class Rule(Described):
    """A rule in force."""

    rule: str = Field(description="Its id.")
    holds_for: str = Field(description="For whom: `everybody`, or the patterns of an override.")
    enabled: bool = Field(description="Whether it is on.")
    watches: str = Field(description='What its thresholds count, such as seconds; "" where being so is enough.')
    levels: dict[AlertLevel, float] = Field(
        description="From which value on it has which level; 0: being so is enough."
    )
    for_: float = Field(alias="for", description="How long its cause must last until it fires, in seconds.")
    keep_firing_for: float = Field(description="How long its cause must be over until it is resolved, in seconds.")
    window: float | None = Field(description="Over how long it counts, in seconds; null where it counts nothing.")
    summary: str = Field(description="What it means, in English.")
    todo: str = Field(description="What to do, in English.")
    summary_ja: str = Field(description="What it means, in Japanese.")
    todo_ja: str = Field(description="What to do, in Japanese.")
    runbook_url: str = Field(description='Where more is written, or "".')


class Rules(Described):
    """The rules in force, each followed by what differs from it for some."""

    rules: list[Rule] = Field(description="The rules.")
