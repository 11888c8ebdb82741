"""How a query says what it is about: series and log records by the dashboards' variables.

A series is of one cluster and agent, also where it reaches Prometheus by two paths, so queries aggregate by those and
never show `job` or `instance`.
"""

from __future__ import annotations

from telemetry.signals.semconv import AGENT_NAME, CLUSTER, METRICS, SERVICE_NAME

NAMES = {metric.name: metric.prometheus for metric in METRICS}
"""How Prometheus calls each metric."""

OF_CLUSTER = f'{CLUSTER}=~"$cluster"'
OF_AGENT = f'{AGENT_NAME}=~"$agent"'
BY_AGENT = f"({CLUSTER}, {AGENT_NAME})"

# The environment is an attribute of the sender, which only `target_info` has. Series are left out by what it says of
# them, not let in: a page that Prometheus scrapes by itself has no target_info, and isn't hidden for that.
_ELSEWHERE = 'unless on (job, instance) target_info{deployment_environment_name!~"$environment"}'


def of_agents(name: str, *matchers: str, within: str = "") -> str:
    """Series of the chosen agents, of a metric by its OpenTelemetry name; `within` a function and range: `rate 5m`."""
    return _selected(name, (OF_CLUSTER, OF_AGENT, *matchers), within)


def of_clusters(name: str, *matchers: str, within: str = "") -> str:
    """The same of the chosen clusters."""
    return _selected(name, (OF_CLUSTER, *matchers), within)


def of_monitors(name: str, *matchers: str, within: str = "") -> str:
    """The same of every monitor of the chosen environment: of metrics that belong to no cluster."""
    return _selected(name, matchers, within)


def of_collectors(name: str, within: str = "") -> str:
    """A collector's own metric, by its name in Prometheus; or several, by a regular expression for it."""
    chosen = 'instance=~"$collector"'
    selector = f"{name}{{{chosen}}}" if name.isidentifier() else f'{{__name__=~"{name}",{chosen}}}'
    return _within(selector, within)


def log_records(*stages: str) -> str:
    """Log records of the chosen agents in Loki. What has no such attribute passes while all are chosen."""
    chosen = ('deployment_environment_name=~"$environment"', OF_CLUSTER, OF_AGENT)
    return " | ".join((f'{{service_name="{SERVICE_NAME}"}}', *chosen, *stages))


def _selected(name: str, matchers: tuple[str, ...], within: str) -> str:
    selector = NAMES[name] + (f"{{{','.join(matchers)}}}" if matchers else "")
    return f"{_within(selector, within)} {_ELSEWHERE}"


def _within(selector: str, within: str) -> str:
    """`rate 5m` over the selector: a function and how far it looks back; "" leaves it as it is."""
    function, _, looks_back = within.partition(" ")
    return f"{function}({selector}[{looks_back}])" if within else selector
