"""Links to elsewhere: which templates are taken, what comes of a value, and that ours are well-formed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.links import NAMES, SERVICE, between, checked_template, filled, presets
from telemetry.settings import SettingsError, load
from telemetry.signals.semconv import SERVICE_NAME

VALUES = {
    "cluster": "main",
    "agent": "coding writer/1 & co",
    "rule": "agent_stopped",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    **between(1_800_000_000.0, 1_800_003_600.5),
}
FOLDER_FILE = "orchestrator-telemetry.yaml"


def ours() -> dict[str, str]:
    """Our own templates, filled, by name."""
    made = presets(
        grafana="https://grafana.example/sub",
        kibana="http://kibana:5601",
        jaeger="http://j",
        datadog_site="datadoghq.eu",
    )
    return {link.name: filled(checked_template(link.url), VALUES) for link in made}


def test_grafana_explores_loki() -> None:
    for name, expression in (
        ("agent", '{service_name="orchestrator-cc"} | cluster="main" | agent_name="coding writer/1 & co"'),
        ("check", f'{{service_name="orchestrator-cc"}} | trace_id="{VALUES["trace_id"]}"'),
    ):
        url = urlsplit(ours()[f"Grafana: logs of the {name}"])
        assert (url.scheme, url.netloc, url.path) == ("https", "grafana.example", "/sub/explore")
        query = parse_qs(url.query, strict_parsing=True)
        assert query["schemaVersion"] == ["1"]
        (pane,) = json.loads(query["panes"][0]).values()
        assert pane["queries"][0]["expr"] == expression
        assert pane["range"] == {"from": "1800000000000", "to": "1800003600500"}


def test_kibana_discovers() -> None:
    url = urlsplit(ours()["Kibana: logs of the agent"])
    assert (url.netloc, url.path) == ("kibana:5601", "/app/discover")
    state = dict(part.split("=", 1) for part in url.fragment.removeprefix("/?").split("&"))
    assert unquote(state["_g"]) == "(time:(from:'2027-01-15T08:00:00.000Z',to:'2027-01-15T09:00:00.500Z'))"
    asked = """attributes.cluster : "main" and attributes.agent_name : "coding writer/1 & co\""""
    assert unquote(state["_a"]) == f"(query:(language:kuery,query:'{asked}'))"
    assert VALUES["trace_id"] in ours()["Kibana: logs of the check"]


def test_jaeger_and_datadog() -> None:
    found = ours()
    assert found["Jaeger: trace of the check"] == f"http://j/trace/{VALUES['trace_id']}"
    logs = urlsplit(found["Datadog: logs of the agent"])
    assert (logs.netloc, logs.path) == ("app.datadoghq.eu", "/logs")
    assert parse_qs(logs.query) == {
        "query": ['service:orchestrator-cc @cluster:"main" @agent_name:"coding writer/1 & co"'],
        "from_ts": ["1800000000000"],
        "to_ts": ["1800003600500"],
        "live": ["false"],
    }
    trace = urlsplit(found["Datadog: trace of the check"])
    assert trace.path == "/apm/traces"
    assert parse_qs(trace.query)["query"] == [f"@otel.trace_id:{VALUES['trace_id']}"]
    (regional, *_) = presets(datadog_site="us5.datadoghq.com")
    assert regional.url.startswith("https://us5.datadoghq.com/")


def test_the_service_is_the_one_that_speaks() -> None:
    assert SERVICE == SERVICE_NAME


def test_nothing_set_brings_no_links() -> None:
    assert list(presets()) == []


@pytest.mark.parametrize("missing", ["", None])
def test_a_link_without_its_value_is_left_out(missing: str | None) -> None:
    values = {**VALUES, "trace_id": missing or ""} if missing is not None else {"agent": "a"}
    assert filled("http://j/trace/{trace_id}", values) == ""
    assert filled("http://j/{agent}", values).startswith("http://j/")


@pytest.mark.parametrize("name", ['a","queries":[{"x":1}],"b":"', "a'),x:(y:'b", "a\\", "`b`", "wow!"])
def test_a_name_that_could_end_a_text_gets_no_link(name: str) -> None:
    assert filled("http://g/?q=%22{agent}%22", {"agent": name}) == ""


@given(st.text(min_size=1, max_size=40))
def test_a_value_stays_one_component(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    url = filled("https://logs.example/path?q={agent}&b=1", {"agent": name})
    if url:
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "logs.example", "/path", "")
        query = parts.query.split("&")
        assert query[1:] == ["b=1"]
        assert unquote(query[0].removeprefix("q=")) == name
    else:
        assert re.search(r"[\"'`\\!]", name)


def loaded(folder: Path, text: str, **environ: str) -> list[dict[str, str]]:
    (folder / FOLDER_FILE).write_text(text)
    settings = load({}, {"HOME": str(folder), **environ}, folder).settings
    return [{"name": link.name, "url": link.url} for link in settings.links] + [
        {"name": link.name, "url": link.url} for link in settings.link_to.links()
    ]


def test_settings_take_templates_and_bases(tmp_path: Path) -> None:
    text = "links:\n- {name: Wiki, url: 'https://wiki.example/{rule}?since={since_ms}'}\n"
    found = loaded(tmp_path, text, ORCHESTRATOR_JAEGER_URL="http://jaeger:16686/")
    assert found == [
        {"name": "Wiki", "url": "https://wiki.example/{rule}?since={since_ms}"},
        {"name": "Jaeger: trace of the check", "url": "http://jaeger:16686/trace/{trace_id}"},
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://x/{agnt}",
        "https://x/{agent",
        "https://x/agent}",
        "https://x/{{agent}}",
        "https://x/{}",
        "https://{agent}.example/",
        "https://{agent}/",
        "javascript:alert(1)//{agent}",
        "//x/{agent}",
        "ftp://x/{agent}",
        "x/{agent}",
        "https://",
        "https://user:pw@x/",
        "https://x/a b",
        'https://x/"onclick=1',
        "https://x/<script>",
        "https://x\\@y/",
        "https://x/" + "a" * 5000,
        "",
    ],
)
def test_a_wrong_template_is_named_with_what_is_allowed(tmp_path: Path, url: str) -> None:
    text = "links:\n- {name: a, url: 'https://x/{agent}'}\n- {name: b, url: " + json.dumps(url) + "}\n"
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    said = str(caught.value)
    assert "\n" not in said
    assert "links[1].url is " in said
    assert "it must be an http or https URL" in said
    assert all(f"{{{name}}}" in said for name in NAMES)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ORCHESTRATOR_GRAFANA_URL", "grafana:3000", "an http or https URL"),
        ("ORCHESTRATOR_GRAFANA_URL", "http://u:p@grafana", "without user"),
        ("ORCHESTRATOR_KIBANA_URL", "http://kibana/?x={agent}", "an http or https URL"),
        ("ORCHESTRATOR_JAEGER_URL", "javascript:alert(1)", "an http or https URL"),
        ("ORCHESTRATOR_DATADOG_SITE", "https://datadoghq.com", "a Datadog site"),
        ("ORCHESTRATOR_DATADOG_SITE", "evil.com/#", "a Datadog site"),
    ],
)
def test_a_wrong_base_is_named_by_its_variable(tmp_path: Path, variable: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, "", **{variable: value})
    said = str(caught.value)
    assert said.startswith(variable)
    assert allowed in said
    assert "\n" not in said


def test_a_list_that_is_none(tmp_path: Path) -> None:
    for text in ("links: 5", "links: [https://x]", "links: [{name: a}]", "links: [{name: a, url: 'http://x', x: 1}]"):
        with pytest.raises(SettingsError) as caught:
            loaded(tmp_path, text)
        assert "links" in str(caught.value)
