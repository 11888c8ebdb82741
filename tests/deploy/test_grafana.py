"""deploy/grafana: what can be said of it without a server."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml

from telemetry import links
from telemetry.alerts.rules import AGENT_IDLE
from telemetry.model import State
from telemetry.signals.semconv import METRICS, Kind
from tests.deploy import grafana, promql
from tools.dashboards import files
from tools.dashboards.collector_metrics import COLLECTOR_METRICS

SEED = {
    "Agent Status": "orchestrator_agent_up",
    "Agent Restarts": "rate(orchestrator_agent_restarts_total[5m])",
    "Cluster Alerts": "rate(orchestrator_cluster_alerts_total[5m])",
}
WITHOUT_NUMBERS = {"logs"}
EACH = pytest.mark.parametrize("path", grafana.DASHBOARDS, ids=lambda path: path.stem)
_SELECTION = re.compile(r"\{[^}]*\}")


def known_metrics() -> set[str]:
    """The catalogue's, the collector's own, and target_info, which says who sends."""
    ours = {metric.prometheus for metric in METRICS}
    buckets = {f"{metric.prometheus}_bucket" for metric in METRICS if metric.kind is Kind.HISTOGRAM}
    return ours | buckets | {metric.name for metric in COLLECTOR_METRICS} | {"target_info"}


def test_the_files_are_fresh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["dashboards", "--check"])
    assert files.main() == 0, capsys.readouterr().err


def test_a_file_that_is_not_fresh_is_told_and_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "DEPLOY", tmp_path)
    monkeypatch.setattr(files, "FILES", {"some/place.json": lambda: "fresh"})
    monkeypatch.setattr("sys.argv", ["dashboards", "--check"])
    assert files.main() == 1
    assert capsys.readouterr().err == "not fresh: some/place.json; run: make dashboards\n"
    assert not list(tmp_path.iterdir())

    monkeypatch.setattr("sys.argv", ["dashboards"])
    assert files.main() == 0
    assert (tmp_path / "some" / "place.json").read_text() == "fresh"


def test_every_dashboard_that_lies_there_is_written_by_the_command() -> None:
    lying = {str(path.relative_to(files.DEPLOY)) for path in grafana.DASHBOARDS}
    assert lying == {name for name in files.FILES if name.startswith("grafana/")}


def test_dashboards_have_names_of_their_own() -> None:
    dashboards = [grafana.read(path) for path in grafana.DASHBOARDS]
    assert sorted(one["title"] for one in dashboards) == ["Agent", "Pipeline", "orchestrator-cc Dashboard"]
    assert len({one["uid"] for one in dashboards}) == len(dashboards)
    assert all(len(one["uid"]) <= 40 and one.get("id") is None for one in dashboards)


@EACH
def test_every_panel_says_what_it_is(path: Path) -> None:
    dashboard = grafana.read(path)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in grafana.panels(dashboard)]
    for panel in grafana.panels(dashboard):
        assert panel["title"].strip()
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["title"] in ("Alerts", "Logs") or titles.count(panel["title"]) == 1
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), panel["title"]
        if panel["type"] not in WITHOUT_NUMBERS:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@EACH
def test_panels_lie_beside_each_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in grafana.read(path)["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@EACH
def test_data_sources_are_chosen_never_fixed(path: Path) -> None:
    dashboard = grafana.read(path)
    sources = {f"${{{one['name']}}}": one["query"] for one in _variables(dashboard) if one["type"] == "datasource"}
    named = list(_data_sources(dashboard))
    assert named
    assert {(source["uid"], source["type"]) for source in named} <= set(sources.items())


@EACH
def test_every_variable_is_there_and_used(path: Path) -> None:
    dashboard = grafana.read(path)
    asked = [query for query in grafana.queries() if query.dashboard == dashboard["title"]]
    used = {name for query in asked for name in query.variables}
    chosen = [one["name"] for one in _variables(dashboard) if one["type"] == "query"]
    assert used == set(chosen)
    assert {"environment", "cluster"} <= used
    # one that others depend on stands before them
    for name, later in pairwise(chosen):
        question = next(query for query in asked if query.asked_by == f"variable {name}")
        assert later not in question.variables


def test_the_seeds_panels_ask_what_the_seed_asked() -> None:
    [overview] = [one for one in map(grafana.read, grafana.DASHBOARDS) if one["title"] == "orchestrator-cc Dashboard"]
    asked = {panel["title"]: panel["targets"][0]["expr"] for panel in grafana.panels(overview)}
    for title, query in SEED.items():
        assert query in _SELECTION.sub("", asked[title])


def test_only_metrics_that_exist_are_named() -> None:
    known, named = known_metrics(), set()
    for query in grafana.queries():
        if query.kind == "label_values":
            selector = query.text.removeprefix("label_values(").removesuffix(")").rpartition(",")[0]
            named |= promql.metrics(selector)
        elif query.kind == "prometheus":
            names, patterns = promql.metrics(query.text), promql.patterns(query.text)
            matched = {pattern: {name for name in known if re.fullmatch(pattern, name)} for pattern in patterns}
            assert all(matched.values()), query
            assert names or patterns, query
            named |= names.union(*matched.values())
    assert named - known == set()
    # and what is listed as the collector's is really shown
    assert {metric.name for metric in COLLECTOR_METRICS} - named == set()


def test_every_metric_of_the_catalogue_is_shown_somewhere() -> None:
    shown = {name for query in grafana.queries() if query.kind == "prometheus" for name in promql.metrics(query.text)}
    missing = {metric.prometheus for metric in METRICS} - {name.removesuffix("_bucket") for name in shown}
    # the collector's own page says the same, for each collector
    assert missing == {"orchestrator_otlp_sent_total", "orchestrator_collector_damaged_files_total"}


def test_the_lines_of_idle_time_are_the_alerts_thresholds() -> None:
    for path in grafana.DASHBOARDS:
        for panel in grafana.panels(grafana.read(path)):
            if panel["title"] == "Idle Time":
                defaults = panel["fieldConfig"]["defaults"]
                values = [step["value"] for step in defaults["thresholds"]["steps"]]
                assert values == [None, *AGENT_IDLE.levels.values()]
                assert defaults["custom"]["thresholdsStyle"] == {"mode": "dashed"}


def test_the_state_timeline_has_a_number_and_a_colour_for_each_state() -> None:
    [overview] = [one for one in map(grafana.read, grafana.DASHBOARDS) if one["title"] == "orchestrator-cc Dashboard"]
    [strip] = [panel for panel in grafana.panels(overview) if panel["type"] == "state-timeline"]
    [mapping] = strip["fieldConfig"]["defaults"]["mappings"]
    assert {one["text"] for one in mapping["options"].values()} == {state.value for state in State}
    for number, shown in mapping["options"].items():
        assert re.search(rf'\n{number} \* \(\w+\{{[^}}]*state="{shown["text"]}"', strip["targets"][0]["expr"])
        assert shown["color"]


def test_a_trace_id_leads_to_its_trace() -> None:
    [history] = [
        panel
        for panel in grafana.panels(grafana.read(grafana.FOLDER / "dashboards" / "orchestrator-cc.json"))
        if panel["title"] == "Alert History"
    ]
    [link] = next(
        one["value"]
        for override in history["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "Trace"
        for one in override["properties"]
        if one["id"] == "links"
    )
    assert "${__value.raw}" in link["url"]  # as Grafana must find it, not escaped
    panes = json.loads(parse_qs(urlsplit(unquote(link["url"])).query)["panes"][0])
    [pane] = panes.values()
    assert pane["datasource"] == "${traces}"
    assert pane["queries"] == [
        {"refId": "A", "datasource": {"type": "jaeger", "uid": "${traces}"}, "query": "${__value.raw}"}
    ]


def test_links_lead_to_dashboards_that_exist() -> None:
    uids = {grafana.read(path)["uid"] for path in grafana.DASHBOARDS}
    text = "".join(path.read_text() for path in grafana.DASHBOARDS)
    led_to = set(re.findall(r'"/d/([^?"]+)\?', text))
    assert led_to == {"orchestrator-agent"}
    assert led_to <= uids


def test_the_monitors_link_leads_to_the_agent_that_was_meant() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (grafana.FOLDER / "README.md").read_text(), re.DOTALL)
    [link] = yaml.safe_load(block)["links"]
    values = {"cluster": "a&b", "agent": "grand boss", **links.between(1.0, 2.5)}
    address = urlsplit(links.filled(links.checked_template(link["url"]), values))
    agent = grafana.read(grafana.FOLDER / "dashboards" / "agent.json")
    assert address.path == f"/d/{agent['uid']}"
    chosen = {"var-cluster": ["a&b"], "var-agent": ["grand boss"], "from": ["1000"], "to": ["2500"]}
    assert parse_qs(address.query) == chosen
    assert {"cluster", "agent"} <= {one["name"] for one in _variables(agent)}


def test_provisioned_data_sources_are_what_dashboards_and_links_look_for() -> None:
    text = (grafana.FOLDER / "provisioning" / "datasources" / "orchestrator.yaml").read_text()
    sources = {one["uid"]: one for one in yaml.safe_load(text)["datasources"]}
    assert {uid: one["type"] for uid, one in sources.items()} == {
        "prometheus": "prometheus",
        "loki": "loki",
        "jaeger": "jaeger",
        "alertmanager": "alertmanager",
        "elasticsearch": "elasticsearch",
    }
    assert [uid for uid, one in sources.items() if one.get("isDefault")] == ["prometheus"]
    [derived] = sources["loki"]["jsonData"]["derivedFields"]
    assert derived["datasourceUid"] in sources
    # Grafana fills in variables of its environment here: one of its own needs a second dollar
    assert derived["url"] == "$${__value.raw}"
    assert (derived["matcherType"], derived["matcherRegex"]) == ("label", "trace_id")


def test_the_provider_finds_the_dashboards_where_the_readme_puts_them() -> None:
    text = (grafana.FOLDER / "provisioning" / "dashboards" / "orchestrator.yaml").read_text()
    [provider] = yaml.safe_load(text)["providers"]
    assert provider["type"] == "file"
    assert f":{provider['options']['path']}:ro" in (grafana.FOLDER / "README.md").read_text()


def _variables(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    variables: list[dict[str, Any]] = dashboard["templating"]["list"]
    return variables


def _data_sources(value: Any) -> list[dict[str, Any]]:
    """Every reference to a data source, wherever it stands."""
    if isinstance(value, dict):
        here = [value["datasource"]] if isinstance(value.get("datasource"), dict) else []
        return here + [found for one in value.values() for found in _data_sources(one)]
    return [found for one in value for found in _data_sources(one)] if isinstance(value, list) else []
