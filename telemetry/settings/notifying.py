"""The part of the tree that is about alerts: which rules hold for whom, who is told, when not, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model, model_validator

from telemetry.alerts import CATALOGUE, Rule
from telemetry.fields import A_DAY, A_NAME, STRICT, About, Days, Name, Number, Whole, lower, words
from telemetry.model import AlertLevel
from telemetry.notify import BUILTIN
from telemetry.notify.http import A_URL, SecretUrl
from telemetry.schedule import Hours, parse_hours
from telemetry.settings.ladder import A_LADDER, Ladder

Level = Annotated[AlertLevel, BeforeValidator(lower)]
A_LEVEL = "one of info, warning, error, critical"
Pattern = Annotated[Name, About("a name, or a pattern with * and ?")]
_Wait = Annotated[Number, Field(ge=0, le=604_800)]
A_WAIT = "a number of seconds from 0 to 604800"


def _link(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("no URL")
    return value


def _template(value: str) -> str:
    rest = _link(value)
    for word in ("{cluster}", "{agent}", "{rule}", "{trace_id}"):
        rest = rest.replace(word, "")
    if "{" in rest or "}" in rest:
        raise ValueError("a word in braces that nothing fills in")
    return value


_Template = Annotated[str, AfterValidator(_template)]
A_TEMPLATE = "an http or https URL with any of {cluster}, {agent}, {rule}, {trace_id}"


class _Times(BaseModel):
    """Hours of the week; left out: always."""

    hours: Annotated[str, AfterValidator(lambda v: (parse_hours(v), v)[1]), About("hours as in 22:00-06:00")] = ""
    days: Annotated[
        tuple[str, ...],
        BeforeValidator(words),
        AfterValidator(lambda v: (parse_hours("", v), v)[1]),
        About("days as in mon-fri, or mon,wed,sun"),
    ] = ()
    zone: Annotated[
        str, AfterValidator(lambda v: (parse_hours("", "", v), v)[1]), About("a time zone such as Asia/Tokyo")
    ] = ""
    """Left out: this machine's own."""

    @property
    def times(self) -> Hours:
        """The same, ready for use."""
        return parse_hours(self.hours, self.days, self.zone)


class Maintenance(_Times):
    """Hours in which nobody is told of some alerts."""

    model_config = STRICT
    reason: Annotated[Name, About("a few words")] = "planned"
    cluster: Pattern = "*"
    role: Pattern = "*"
    agent: Pattern = "*"
    rule: Pattern = "*"

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.model_fields_set - {"reason", "zone"}:
            raise ValueError(
                "it must say when (hours, days) or of what (cluster, role, agent, rule); '*' is everything"
            )
        return self


class RouteSetting(_Times):
    """Alerts that match are told on these channels; every route that matches counts."""

    model_config = STRICT
    channels: Annotated[tuple[Name, ...], BeforeValidator(words), About("names of channels, joined by commas")] = ()
    """Left out: every channel that is on."""
    level: Annotated[Level, About(A_LEVEL)] = AlertLevel.WARNING
    cluster: Pattern = "*"
    role: Pattern = "*"
    agent: Pattern = "*"
    rule: Pattern = "*"


class Notify(BaseModel):
    """What all channels have in common."""

    model_config = STRICT
    level: Annotated[Level, About(A_LEVEL, "ORCHESTRATOR_NOTIFY_LEVEL")] = AlertLevel.WARNING
    """From this level on people are told, where no routes are written."""
    language: Annotated[
        Literal["en", "ja"], BeforeValidator(lower), About("en or ja", "ORCHESTRATOR_NOTIFY_LANGUAGE")
    ] = "en"
    group_wait: Annotated[_Wait, About(A_WAIT, "ORCHESTRATOR_NOTIFY_GROUP_WAIT")] = 0.1
    """Seconds from the first alert to its message: what comes within rides along."""
    group_interval: Annotated[_Wait, About(A_WAIT, "ORCHESTRATOR_NOTIFY_GROUP_INTERVAL")] = 10.0
    """Seconds for which followers are gathered."""
    repeat_interval: Annotated[
        Number,
        Field(ge=60, le=604_800),
        About("a number of seconds from 60 to 604800", "ORCHESTRATOR_NOTIFY_REPEAT_INTERVAL"),
    ] = 14_400.0
    """Seconds after which an alert that is still open is told again."""
    dashboard_url: Annotated[
        str, AfterValidator(_link), About("an http or https URL", "ORCHESTRATOR_NOTIFY_DASHBOARD_URL")
    ] = ""
    """The dashboard, as those who read the messages reach it. Left out: as this machine does."""
    logs_url: Annotated[
        _Template,
        About(A_TEMPLATE, "ORCHESTRATOR_NOTIFY_LOGS_URL"),
    ] = ""
    """Where the logs of an alert are to be read."""
    trace_url: Annotated[
        _Template,
        About(A_TEMPLATE, "ORCHESTRATOR_NOTIFY_TRACE_URL"),
    ] = ""
    """The same for the trace of the check that raised it."""


class DeadMan(BaseModel):
    """Somebody outside who alarms when we are silent."""

    model_config = STRICT
    url: Annotated[
        SecretUrl,
        About(A_URL, "ORCHESTRATOR_DEADMAN_URL", secret=True),
    ] = None
    """Asked for after each check while all is well, as healthchecks.io and its like want it."""


class History(BaseModel):
    """Alerts that are over."""

    model_config = STRICT
    retention_days: Annotated[Days, About(A_DAY, "ORCHESTRATOR_HISTORY_RETENTION_DAYS")] = 7
    max_mib: Annotated[
        Whole,
        Field(ge=1, le=100_000),
        About("a whole number of MiB from 1 to 100000", "ORCHESTRATOR_HISTORY_MAX_MIB"),
    ] = 64
    """The oldest are dropped where the store would be larger."""


# --- made from tables: a rule or a channel that is added there is a setting here --------------------------------------


def _rule_section(rule: Rule) -> type[BaseModel]:
    """What can be changed of one rule. Left out: as in the catalogue."""
    fields: dict[str, Any] = {
        "enabled": (Annotated[bool | None, About("true or false")], None),
        "for": (Annotated[_Wait | None, About(A_WAIT)], None),
        "keep_firing_for": (Annotated[_Wait | None, About(A_WAIT)], None),
        "runbook_url": (Annotated[str | None, AfterValidator(_optional_link), About("an http or https URL")], None),
    }
    if rule.has_ladder:
        fields["thresholds"] = (Annotated[Ladder | None, About(A_LADDER)], None)
    else:
        fields["level"] = (Annotated[Level | None, About(A_LEVEL)], None)
    if rule.window:
        allowed = About("a number of seconds from 1 to 604800")
        fields["window"] = (Annotated[Annotated[Number, Field(ge=1, le=604_800)] | None, allowed], None)
    return create_model(f"Rule_{rule.id}", __config__=STRICT, **fields)


def _optional_link(value: str | None) -> str | None:
    return value and _link(value)


def _further_channel() -> type[BaseModel]:
    """One more channel of some kind, under a name of its own."""
    fields: dict[str, Any] = {kind.name: (kind.options | None, None) for kind in BUILTIN}
    return create_model("FurtherChannel", __base__=_Further, name=(Annotated[Name, About(A_NAME)], ...), **fields)


class _Further(BaseModel):
    model_config = STRICT

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        kinds = [kind.name for kind in BUILTIN]
        if sum(getattr(self, name) is not None for name in kinds) != 1:
            raise ValueError(f"it must have exactly one of the keys {', '.join(kinds)}")
        return self


if TYPE_CHECKING:

    class Rules(BaseModel):
        """What differs from the catalogue."""

    class FurtherChannel(BaseModel):
        """One more channel."""

        name: str

    class Channels(BaseModel):
        """By which ways people are told."""

        more: tuple[FurtherChannel, ...] = ()

else:
    Rules = create_model(
        "Rules",
        __config__=STRICT,
        **{rule.id: (section, section()) for rule in CATALOGUE for section in [_rule_section(rule)]},
    )
    FurtherChannel = _further_channel()
    Channels = create_model(
        "Channels",
        __config__=STRICT,
        **{kind.name: (kind.options, kind.options()) for kind in BUILTIN},
        more=(
            Annotated[
                tuple[FurtherChannel, ...],
                About("a list of channels: - {name: …, slack: {webhook_url: …}}", secret=True),
            ],
            (),
        ),
    )


class OverrideSetting(BaseModel):
    """Other rules for some: of all that is written for an agent, the last one wins."""

    model_config = STRICT
    cluster: Pattern = "*"
    role: Pattern = "*"
    agent: Pattern = "*"
    rules: Rules
