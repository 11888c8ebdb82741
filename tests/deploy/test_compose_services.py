"""deploy/compose: servers are those that tests run, and where others look for them; no secret is in an environment."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from telemetry.clean import is_secret_key
from telemetry.settings.layers import PROFILES
from tests.backends.parts import ELASTICSEARCH, PARTS
from tests.deploy.compose import FOLDER, written

DEPLOY = FOLDER.parent
SERVICES: dict[str, dict[str, Any]] = written()["services"]
NOT_PUBLISHED = {"jaeger": {4317, 4318, 13133}}
"""Where it listens besides; the collector's ports are in its Dockerfile."""
HEALTH = {
    "monitor": "/healthz",  # docs/openapi.json
    "jaeger": "/status",  # its healthcheckv2
    "grafana": "/api/health",
    "elasticsearch": "/_cluster/health",
    "kibana": "/api/status",
}
"""The page by which each says how it is, by its own documentation: most of these images can't be run by a test."""
OF_THEIR_OWN = {"collector", "monitor", "grafana"}
"""Two are built from here, and nothing that tests build is a Grafana: its version stands in its README, too."""
_KEPT_BY = ("ORCHESTRATOR_PROFILE", "PROMETHEUS_RETENTION")
_ADDRESS = re.compile(r"(?:https?://)?([a-z][\w-]*):(\d+)\b(?:/.*)?")
_PARTS = {"elasticsearch-setup": "elasticsearch", "kibana": "elasticsearch"}
"""Of the same release."""


def listens() -> dict[str, set[int]]:
    """The ports of each service in the network of the containers."""
    published = {
        name: {int(port.rpartition(":")[2]) for port in service.get("ports", ())} for name, service in SERVICES.items()
    }
    [exposed] = re.findall(
        r"^EXPOSE (.+)$", (DEPLOY.parent / "otel-collector" / "Dockerfile").read_text(), re.MULTILINE
    )
    published["collector"] |= set(map(int, exposed.split()))
    return {name: ports | NOT_PUBLISHED.get(name, set()) for name, ports in published.items()}


def of_profile(name: str) -> str:
    """How long Prometheus keeps metrics in it."""
    return f"{PROFILES[name]['history', 'retention_days']}d"


def released(part: str) -> str:
    """The version of a server's image that is the same release as the module from which tests build it."""
    version = PARTS[part].version.removeprefix("v")
    if part == "elasticsearch":
        return ELASTICSEARCH
    major, minor, patch = version.split(".")
    if part == "prometheus":  # v0.316.0 is 3.16.0
        return f"{minor[0]}.{int(minor[1:])}.{patch}"
    if part == "jaeger":  # v1.76.0 is 2.13.0: both are released together, the second since 1.63
        return f"{int(major) + 1}.{int(minor) - 63}.{patch}"
    return version


@pytest.mark.parametrize("name", sorted(set(SERVICES) - OF_THEIR_OWN))
def test_servers_are_those_that_tests_run(name: str) -> None:
    part = _PARTS.get(name, name)
    assert SERVICES[name]["image"].rpartition(":")[2].removeprefix("v") == released(part)


@pytest.mark.parametrize("name", ["prometheus", "alertmanager", "loki"])
def test_readmes_name_the_version_that_tests_run(name: str) -> None:
    [version] = re.findall(r"run here with (?:[A-Z]\w+ )?([\d.]+\d)", (DEPLOY / name / "README.md").read_text())
    assert f"{released(name)}.".startswith(f"{version}.")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_secret_stands_in_an_environment(name: str) -> None:
    environ = SERVICES[name].get("environment", {})
    assert not [variable for variable in environ if is_secret_key(variable)]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_secret_is_read_where_it_is_given(name: str) -> None:
    given = {
        f"/run/secrets/{one}" if isinstance(one, str) else one["target"] for one in SERVICES[name].get("secrets", ())
    }
    named = {
        value for value in SERVICES[name].get("environment", {}).values() if str(value).startswith("/run/secrets/")
    }
    config = DEPLOY / name / f"{name}.yml"
    if config.exists():
        named |= {line for line in given if re.search(rf"_file: {re.escape(line)}$", config.read_text(), re.MULTILINE)}
    assert given == named


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_is_asked_how_it_is_where_it_says_so(name: str) -> None:
    test = " ".join(SERVICES[name].get("healthcheck", {}).get("test", ()))
    asked = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/-]*)?", test)
    assert {int(port) for port, _ in asked} <= listens()[name]
    assert [path for _, path in asked if path] == ([HEALTH[name]] if name in HEALTH else [])


def texts(value: Any) -> list[str]:
    """Every text within it."""
    if isinstance(value, dict | list):
        return [text for one in (value.values() if isinstance(value, dict) else value) for text in texts(one)]
    return [value] if isinstance(value, str) else []


def addresses() -> list[tuple[str, str, int]]:
    """Where somebody looks for a server: (who, name, port)."""
    files = [*sorted((FOLDER / "targets").iterdir()), *sorted((DEPLOY / "grafana" / "provisioning").rglob("*.yaml"))]
    looking: dict[str, Any] = {file.stem: yaml.safe_load(file.read_text()) for file in files}
    looking |= {name: service.get("environment", {}) for name, service in SERVICES.items()}
    found = [(who, _ADDRESS.fullmatch(text)) for who, said in looking.items() for text in texts(said)]
    return [(who, match[1], int(match[2])) for who, match in found if match]


def test_every_server_is_looked_for_where_it_listens() -> None:
    found = addresses()
    assert {"collectors", "orchestrator", "collector", "monitor", "kibana"} <= {who for who, *_ in found}
    for who, name, port in found:
        assert port in listens().get(name, ()), f"{who} looks for {name} at {port}"


def test_each_data_source_is_the_server_that_it_is_named_after() -> None:
    text = (DEPLOY / "grafana" / "provisioning" / "datasources" / "orchestrator.yaml").read_text()
    for source in yaml.safe_load(text)["datasources"]:
        published = [int(port.split(":")[1]) for port in SERVICES[source["uid"]]["ports"]]
        assert source["url"] in [f"http://{source['type']}:{port}" for port in published]


def test_the_example_keeps_metrics_as_long_as_its_profile() -> None:
    text = (FOLDER / ".env.example").read_text()
    environ = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert environ["PROMETHEUS_RETENTION"] == of_profile(environ["ORCHESTRATOR_PROFILE"])
    for name in PROFILES:
        assert re.search(rf"\b{name} \({of_profile(name)[:-1]}\b", text), name
    assert "{}, {} or {}".format(*map(of_profile, ("development", "staging", "production"))) in text


def test_without_an_example_metrics_are_kept_as_long_as_the_default_profile_says() -> None:
    text = (FOLDER / "compose.yaml").read_text()
    defaults = {name: set(re.findall(rf"\$\{{{name}:-(\w+)\}}", text)) for name in _KEPT_BY}
    assert {name: len(values) for name, values in defaults.items()} == dict.fromkeys(_KEPT_BY, 1)
    [profile], [retention] = (defaults[name] for name in _KEPT_BY)
    assert retention == of_profile(profile)
