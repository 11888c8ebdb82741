"""Links from an agent or an alert to its logs and traces elsewhere: URL templates with placeholders. Pure.

A placeholder is filled in as one component of a URL, so an agent's name can neither add a parameter nor leave the host.
What a template says around it may be structured in turn (JSON in Grafana, Rison in Kibana, queries), and there
a quote would end a text: a name that holds one gets no link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

NAMES = ("cluster", "agent", "rule", "trace_id", "since", "until", "since_ms", "until_ms")
A_TEMPLATE = (
    "an http or https URL, its host without placeholders, with any of "
    + ", ".join(f"{{{name}}}" for name in NAMES)
    + "; another brace is written as %7B or %7D"
)
A_BASE = "an http or https URL without user, query and fragment, such as http://localhost:3000"
A_SITE = "a Datadog site, such as datadoghq.com, datadoghq.eu or us5.datadoghq.com"

_LONGEST = 4_000
_PLACEHOLDER = re.compile(r"\{(" + "|".join(NAMES) + r")\}")
_BASE = re.compile(r"https?://[^\s/?#{}@\"'<>\\]+(?:/[^\s?#{}\"'<>\\]*)?\Z")
_TEMPLATE = re.compile(r"https?://[^\s/?#{}@\"'<>\\]+(?:[/?#][^\s\"<>\\]*)?\Z")
_SITE = re.compile(r"(?=.{4,100}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_ENDS_A_TEXT = re.compile(r"[\"'`\\!]")
_AS_A_COMPONENT = "!~*'()"
"""What JavaScript's encodeURIComponent leaves as it is, besides letters, digits and -_."""

SERVICE = "orchestrator-cc"
"""The `service.name` of our own logs and spans."""


class Link(NamedTuple):
    """Somewhere else to look.

    Attributes:
        name: As it is shown.
        url: A template.
    """

    name: str
    url: str


def checked_template(url: str) -> str:
    """The template, if it is one. ValueError otherwise: `A_TEMPLATE` says what is allowed."""
    rest = _PLACEHOLDER.sub("", url)
    if len(url) > _LONGEST or not _TEMPLATE.match(url) or "{" in rest or "}" in rest:
        raise ValueError("no template of a URL")
    return url


def checked_base(url: str) -> str:
    """The address without its last slash, if it is one. ValueError otherwise: `A_BASE` says what is allowed."""
    if url and (len(url) > _LONGEST or not _BASE.match(url)):
        raise ValueError("no address")
    return url.rstrip("/")


def checked_site(site: str) -> str:
    """The site, if it is one. ValueError otherwise: `A_SITE` says what is allowed."""
    if site and not _SITE.match(site):
        raise ValueError("no site")
    return site


def filled(template: str, values: Mapping[str, str]) -> str:
    """The URL, or "" where a placeholder has no value, or one that could end a text around it."""
    url: list[str] = []
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        value = values.get(found[1]) or ""
        if not value or _ENDS_A_TEXT.search(value):
            return ""
        url += (template[end : found.start()], quote(value, safe=_AS_A_COMPONENT))
        end = found.end()
    return "".join((*url, template[end:]))


def between(since: float, until: float) -> dict[str, str]:
    """The placeholders for a time (Unix s): RFC 3339 and milliseconds."""
    found: dict[str, str] = {}
    for name, at in (("since", since), ("until", until)):
        found[name] = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found[f"{name}_ms"] = str(round(at * 1000))
    return found


def presets(*, grafana: str = "", kibana: str = "", jaeger: str = "", datadog_site: str = "") -> Iterator[Link]:
    """The templates for what our own collector sends to these.

    Args:
        grafana: Where Grafana is, with a data source for Loki whose name or uid is `loki`; or "".
        kibana: Where Kibana is, with a default data view that holds the logs; or "".
        jaeger: Where Jaeger's own pages are; or "".
        datadog_site: Which Datadog, such as us5.datadoghq.com; or "".
    """
    if grafana:
        of_agent = f'{{service_name="{SERVICE}"}} | cluster="\0cluster\0" | agent_name="\0agent\0"'
        of_trace = f'{{service_name="{SERVICE}"}} | trace_id="\0trace_id\0"'
        yield Link("Grafana: logs of the agent", f"{grafana}/explore?schemaVersion=1&panes={_panes(of_agent)}")
        yield Link("Grafana: logs of the check", f"{grafana}/explore?schemaVersion=1&panes={_panes(of_trace)}")
    if kibana:
        of_agent = 'attributes.cluster : "\0cluster\0" and attributes.agent_name : "\0agent\0"'
        yield Link("Kibana: logs of the agent", f"{kibana}/app/discover#/?{_discover(of_agent)}")
        of_trace = 'trace_id : "\0trace_id\0"'
        yield Link("Kibana: logs of the check", f"{kibana}/app/discover#/?{_discover(of_trace)}")
    if jaeger:
        yield Link("Jaeger: trace of the check", f"{jaeger}/trace/{{trace_id}}")
    if datadog_site:
        yield from _datadog(datadog_site)


def _datadog(site: str) -> Iterator[Link]:
    # The first sites are reached as app.…; the later ones by their own name.
    base = f"https://app.{site}" if site.count(".") == 1 else f"https://{site}"
    of_agent = _component(f'service:{SERVICE} @cluster:"\0cluster\0" @agent_name:"\0agent\0"')
    of_trace = _component("@otel.trace_id:\0trace_id\0")
    logs = "&from_ts={since_ms}&to_ts={until_ms}&live=false"
    yield Link("Datadog: logs of the agent", f"{base}/logs?query={of_agent}{logs}")
    yield Link("Datadog: logs of the check", f"{base}/logs?query={of_trace}{logs}")
    yield Link(
        "Datadog: trace of the check",
        f"{base}/apm/traces?query={of_trace}&start={{since_ms}}&end={{until_ms}}&paused=true",
    )


def _panes(expression: str) -> str:
    """One pane of Grafana's Explore over Loki, as JSON in a URL."""
    escaped = expression.replace('"', r"\"")
    query = f'{{"refId":"A","datasource":{{"type":"loki","uid":"loki"}},"expr":"{escaped}"}}'
    times = '{"from":"\0since_ms\0","to":"\0until_ms\0"}'
    return _component(f'{{"logs":{{"datasource":"loki","queries":[{query}],"range":{times}}}}}')


def _discover(query: str) -> str:
    """Kibana's Discover: the time and the query, as Rison behind the fragment."""
    times = "_g=(time:(from:'{since}',to:'{until}'))"
    return f"{times}&_a=(query:(language:kuery,query:'{_component(query)}'))"


def _component(text: str) -> str:
    """The text as one component of a URL; what stands between NULs becomes a placeholder."""
    parts = text.split("\0")
    return "".join(f"{{{part}}}" if number % 2 else quote(part, safe="") for number, part in enumerate(parts))
