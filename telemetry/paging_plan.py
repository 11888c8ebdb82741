"""Settings become what the pager does: which channels, who is told of what, in which words, and when nobody is."""

from __future__ import annotations

from telemetry.alerts import Maintenance, RuleSet
from telemetry.model import OpenAlert
from telemetry.notify import BUILTIN
from telemetry.notify.base import ChannelKind, ChannelOptions, Notifier, Surroundings
from telemetry.notify.grouping import Timing
from telemetry.notify.plan import Plan, Texts
from telemetry.notify.routes import Route
from telemetry.settings import Settings, SettingsError


def channels_on(settings: Settings) -> dict[str, tuple[ChannelKind, ChannelOptions]]:
    """Every channel that has what it needs, by name, with its kind and its settings."""
    channels = settings.channels
    found = [(kind.name, kind, getattr(channels, kind.name)) for kind in BUILTIN]
    for further in channels.more:
        found += [(further.name, kind, options) for kind in BUILTIN if (options := getattr(further, kind.name))]
    return {name: (kind, options) for name, kind, options in found if options.is_on()}


def notifiers_of(settings: Settings, surroundings: Surroundings) -> dict[str, Notifier]:
    """Every channel that is on, by name.

    Raises:
        SettingsError: One can't be made of what is set; one line.
    """
    made: dict[str, Notifier] = {}
    for name, (kind, options) in channels_on(settings).items():
        try:
            made[name] = kind.make(name, options, surroundings)
        except ValueError as error:
            raise SettingsError(f"the channel {name} can't be used: {error}") from None
    return made


def plan_of(settings: Settings, rules: RuleSet, dashboard_url: str, *, outside: bool) -> Plan:
    """What the pager does by these settings.

    Args:
        settings: What is set.
        rules: In force.
        dashboard_url: Of our own dashboard, for links where the settings name none; or "".
        outside: Whether anything may leave this machine.

    Raises:
        SettingsError: A channel can't be made; one line.
    """
    notify = settings.notify
    dashboard = notify.dashboard_url or dashboard_url
    surroundings = Surroundings(notify.language, dashboard, notify.logs_url, notify.trace_url)
    routes = tuple(
        Route(held.channels, held.level, held.cluster, held.role, held.agent, held.rule, held.times)
        for held in settings.routes
    )
    return Plan(
        notifiers=notifiers_of(settings, surroundings) if outside else {},
        routes=routes or (Route(level=notify.level),),
        timing=Timing(notify.group_wait, notify.group_interval, notify.repeat_interval),
        texts=lambda alert: texts_of(alert, rules, surroundings),
    )


def texts_of(alert: OpenAlert, rules: RuleSet, surroundings: Surroundings) -> Texts:
    """What is said of an alert besides what is wrong."""
    rule = rules.for_cluster(alert.cluster).of_agent(alert.agent, alert.role).get(alert.rule)
    if rule is None:
        return Texts()
    japanese = surroundings.language == "ja"
    url = rule.runbook_url
    if not url and surroundings.dashboard_url:
        url = f"{surroundings.dashboard_url.rstrip('/')}/runbooks#{rule.id}"
    note = ""
    if alert.flapping:
        note = (
            "発生と回復を繰り返しています。しばらく安定するまで回復とは通知しません。"
            if japanese
            else "It comes and goes: it is told as over only when it has been quiet for a while."
        )
    return Texts(
        summary=rule.summary_ja if japanese else rule.summary,
        todo=rule.todo_ja if japanese else rule.todo,
        runbook_url=url,
        note=note,
    )


def windows_of(settings: Settings) -> tuple[Maintenance, ...]:
    """The maintenance windows that are set."""
    return tuple(
        Maintenance(held.times, held.reason, cluster=held.cluster, agent=held.agent, role=held.role, rule=held.rule)
        for held in settings.maintenance
    )
