"""deploy/elasticsearch: by profile, by Elastic's own types, and on the real Elasticsearch as far as that goes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.collector import sources_dir
from telemetry.settings.layers import PROFILES
from tests.backends import needs
from tests.backends.elasticsearch import Elasticsearch
from tests.deploy import kibana
from tests.deploy.fetch import elasticsearch_types, typescript
from tests.deploy.stand_in import StandIn, standing_in

FOLDER = Path(__file__).parents[2] / "deploy" / "elasticsearch"
LIFECYCLES = sorted((FOLDER / "lifecycle").glob("*.json"))
COMPONENT = "orchestrator-telemetry@custom"
POLICY = "orchestrator-telemetry"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def index_template() -> Path:
    return sources_dir() / "elasticsearch" / "index-template.json"


# --- what needs no server -------------------------------------------------------------------------------------------


def test_each_profile_keeps_records_for_as_long_as_the_monitor_does() -> None:
    kept = {path.stem: read(path)["policy"]["phases"]["delete"]["min_age"] for path in LIFECYCLES}
    assert kept == {name: f"{settings['log', 'retention_days']}d" for name, settings in PROFILES.items()}


def test_the_index_template_takes_what_the_component_says_and_does_without() -> None:
    template = read(index_template())
    assert template["composed_of"] == template["ignore_missing_component_templates"] == [COMPONENT]
    assert read(FOLDER / "component-template.json")["template"]["settings"] == {"index.lifecycle.name": POLICY}


def test_what_kibana_objects_name_is_among_them() -> None:
    objects = kibana.objects()
    there = {(one["type"], one["id"]) for one in objects}
    assert len(there) == len(objects)
    assert {kind for kind, _ in there} == {"index-pattern", "search", "visualization", "dashboard"}
    for one in objects:
        assert {(reference["type"], reference["id"]) for reference in one["references"]} <= there
        text = json.dumps(one["attributes"])
        assert set(re.findall(r'indexRefName\\": \\"([^"\\]+)', text)) <= {ref["name"] for ref in one["references"]}
    [dashboard] = [one for one in objects if one["type"] == "dashboard"]
    named = {
        f"{panel['panelIndex']}:{panel['panelRefName']}" for panel in json.loads(dashboard["attributes"]["panelsJSON"])
    }
    assert named == {reference["name"] for reference in dashboard["references"]}


def test_data_views_hold_what_the_index_template_is_for() -> None:
    views = {one["attributes"]["title"] for one in kibana.objects() if one["type"] == "index-pattern"}
    assert views == set(read(index_template())["index_patterns"])


# --- load.sh, against a stand-in for both servers -------------------------------------------------------------------


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as standing:
        yield standing


def load(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C", **environ}
    return subprocess.run(
        [str(FOLDER / "load.sh"), *arguments], env=environ, capture_output=True, text=True, timeout=30, check=False
    )


def test_load_puts_everything_in_the_order_in_which_it_is_needed(stand_in: StandIn) -> None:
    done = load("production", ELASTICSEARCH_URL=f"{stand_in.url}/", KIBANA_URL=stand_in.url)
    assert done.stdout.splitlines() == [
        "lifecycle (production): there",
        "component template: there",
        "index template: there",
        "Kibana objects: there",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert [(method, path) for method, path, *_ in stand_in.taken] == [
        ("PUT", f"/_ilm/policy/{POLICY}"),
        ("PUT", f"/_component_template/{COMPONENT}"),
        ("PUT", "/_index_template/orchestrator"),
        ("POST", "/api/saved_objects/_import?overwrite=true"),
    ]
    files = [FOLDER / "lifecycle" / "production.json", FOLDER / "component-template.json", index_template()]
    assert [body for *_, body in stand_in.taken[:3]] == [path.read_bytes() for path in files]
    assert kibana.FILE.read_bytes() in stand_in.taken[3][3]


@pytest.mark.parametrize(
    ("said", "header"),
    [
        ({}, None),
        ({"ELASTICSEARCH_API_KEY": "a-key"}, "ApiKey a-key"),
        ({"ELASTICSEARCH_USER": "somebody", "ELASTICSEARCH_PASSWORD": '"\\word'}, "Basic c29tZWJvZHk6Ilx3b3Jk"),
    ],
)
def test_load_says_who_it_is(stand_in: StandIn, said: dict[str, str], header: str | None) -> None:
    done = load("staging", ELASTICSEARCH_URL=stand_in.url, **said)
    assert done.returncode == 0, done.stderr
    assert [headers.get("Authorization") for _, _, headers, _ in stand_in.taken] == [header] * 3


def test_load_says_what_was_refused_and_stops(stand_in: StandIn) -> None:
    stand_in.refused = "/_component_template"
    done = load("development", ELASTICSEARCH_URL=stand_in.url)
    assert done.returncode == 1
    assert re.fullmatch(
        r"load\.sh: component template was not taken: .*it is not as it should be.*\n", done.stderr, re.DOTALL
    )
    assert len(stand_in.taken) == 2


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        ((), {"ELASTICSEARCH_URL": "http://nobody"}, "usage: load.sh development|production|staging\n"),
        (("prod",), {"ELASTICSEARCH_URL": "http://nobody"}, "usage: load.sh development|production|staging\n"),
        (("staging",), {}, "load.sh: ELASTICSEARCH_URL is not set; such as https://elasticsearch:9200\n"),
    ],
)
def test_load_says_what_it_needs(arguments: tuple[str, ...], environ: dict[str, str], told: str) -> None:
    done = load(*arguments, **environ)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


# --- Elastic's own types, and the real server -----------------------------------------------------------------------


def types_say(folder: Path, *given: tuple[str, Path | str]) -> str:
    """What TypeScript says of JSON as requests of Elasticsearch's API, each by its name there; "" for good ones."""
    shutil.copy(elasticsearch_types(), folder / "types.d.ts")
    lines = ["import type * as t from './types'"]
    for number, (name, what) in enumerate(given):
        text = what if isinstance(what, str) else what.read_text()
        lines.append(f"export const given{number}: Omit<t.{name}Request, 'name'> = {text}")
    (folder / "check.ts").write_text("\n".join(lines))
    compiler = [needs.required("node"), str(typescript()), "--noEmit", "--strict", "--skipLibCheck", "check.ts"]
    said = subprocess.run(compiler, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return said.stdout + said.stderr


@pytest.mark.slow
def test_elastics_own_types_know_everything_in_them(tmp_path: Path) -> None:
    """Lifecycle policies are not in the jars that are published: no Elasticsearch here takes one."""
    component, template = FOLDER / "component-template.json", index_template()
    good = [("ClusterPutComponentTemplate", component), ("IndicesPutIndexTemplate", template)]
    assert types_say(tmp_path, *good, *(("IlmPutLifecycle", path) for path in LIFECYCLES)) == ""
    wrong = LIFECYCLES[0].read_text().replace("max_age", "max_aeg")
    said = types_say(tmp_path, ("IlmPutLifecycle", wrong))
    assert "'\"max_aeg\"' does not exist in type 'IlmRolloverAction'" in said


@pytest.mark.slow
def test_the_index_template_takes_the_component_and_does_without(elasticsearch: Elasticsearch) -> None:
    """The component with a setting that this Elasticsearch knows: it has no lifecycles."""
    template = json.loads(index_template().read_text().replace(COMPONENT, f"{COMPONENT}-test"))
    component = {"template": {"settings": {"index.refresh_interval": "7s"}}}
    found = []
    for number in range(2):
        template |= {"index_patterns": [f"logs-composed{number}-*"]}
        elasticsearch.send_json("PUT", f"/_index_template/composed{number}", json=template | {"priority": 700 + number})
        elasticsearch.send_json(
            "POST", f"/logs-composed{number}-default/_doc", json={"@timestamp": 1, "body": {"text": "hello"}}
        )
        [one] = elasticsearch.get_json(f"/logs-composed{number}-default/_settings").values()
        found.append(one["settings"]["index"])
        elasticsearch.send_json("PUT", f"/_component_template/{COMPONENT}-test", json=component)
    assert [one.get("refresh_interval") for one in found] == [None, "7s"]
    assert [one["mapping"]["ignore_malformed"] for one in found] == ["true", "true"]
