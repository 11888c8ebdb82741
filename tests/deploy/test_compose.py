"""deploy/compose: every subset of backends is sound and closed, and the collector takes the choice that was made.

The images that can only be pulled are not run here: README.md says what was.
"""

from __future__ import annotations

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry.collector import build as build_collector
from telemetry.collector import sources_dir, validate
from telemetry.settings import load as load_settings
from tests.backends.datadog import DatadogRecorder
from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.deploy.compose import FOLDER, PROFILES, SUBSETS, load, of_the_collector, project, services
from tests.waiting import eventually

ALWAYS = {"collector", "monitor", "jaeger"}
OF = {
    "prometheus": {"prometheus", "alertmanager", "grafana"},
    "loki": {"loki", "grafana"},
    "elk": {"elasticsearch", "kibana", "elasticsearch-setup"},
    "datadog": set(),
}
OURS = {"collector", "monitor"}
NOT_READ_ONLY = {"elasticsearch"}
WITHOUT_HEALTH = {"loki", "elasticsearch-setup"}
"""One has no program that could ask; the other ends."""
VERSION = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    return project(*PROFILES)


def test_what_secrets_are_missing_is_made_and_what_is_there_stays(tmp_path: Path) -> None:
    script = tmp_path / "secrets.sh"
    script.write_text((FOLDER / "secrets.sh").read_text())

    def run() -> str:
        return subprocess.run(["sh", script], capture_output=True, text=True, timeout=30, check=True).stdout

    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "slack_url").write_text("https://hooks.slack.com/services/mine\n")
    said = run()
    made = {file.name: file for file in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(yaml.safe_load((FOLDER / "compose.yaml").read_text())["secrets"])
    assert made["slack_url"].read_text() == "https://hooks.slack.com/services/mine\n"
    token = made["dashboard_token"].read_text()
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    assert token not in said
    assert run() == "", "a second time nothing is made"
    assert made["dashboard_token"].read_text() == token


def test_the_folder_of_secrets_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets.sh").write_text((FOLDER / "secrets.sh").read_text())
    (tmp_path / "secrets").mkdir(mode=0o755)  # as somebody made it for a key of their own
    subprocess.run(["sh", tmp_path / "secrets.sh"], capture_output=True, timeout=30, check=True)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    ignored = (FOLDER / ".gitignore").read_text().splitlines()
    assert {"secrets/", ".env"} <= set(ignored)


def test_the_dockerfile_copies_what_its_context_has() -> None:
    root = FOLDER.parents[1]
    let_in = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE):
        copied |= set(line.split())
    assert copied == let_in
    assert all((root / name).exists() for name in copied)


def test_the_monitors_image_is_no_roots() -> None:
    build, image = (FOLDER / "Dockerfile").read_text().split("\nFROM ${PYTHON}\n")
    assert "--require-hashes" in build
    assert re.findall(r"^USER (.+)$", image, re.MULTILINE) == ["10001:10001"]
    assert "-o 10001 -g 10001 /var/lib/orchestrator-telemetry" in image
    assert re.findall(r"^(?:RUN|COPY|ADD) (\S+)", image, re.MULTILINE) == ["--from=build", "install"]
    assert image.endswith('\nENTRYPOINT ["orchestrator-telemetry"]\nCMD ["dashboard"]\n')


def test_the_example_has_every_variable() -> None:
    compose = (FOLDER / "compose.yaml").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE))
    assert named == set(re.findall(r"\$\{([A-Z_]+)", compose)) - {"ORCHESTRATOR_VERSION"}


def test_our_images_are_of_this_version() -> None:
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    for service in OURS:
        assert compose[service]["image"].endswith(f":${{ORCHESTRATOR_VERSION:-{version('orchestrator-telemetry')}}}")
    manifest = yaml.safe_load((sources_dir() / "manifest.yaml").read_text())
    assert manifest["dist"]["version"] == version("orchestrator-telemetry")


def test_grafanas_own_readme_starts_the_same_grafana() -> None:
    image = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["grafana"]["image"]
    assert f" {image}\n" in (FOLDER.parent / "grafana" / "README.md").read_text()


# --- what docker compose's own library says -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("chosen", SUBSETS, ids="-".join)
def test_every_subset_starts_what_it_needs(chosen: tuple[str, ...]) -> None:
    found = services(*chosen)
    assert set(found) == ALWAYS.union(*(OF[name] for name in chosen))
    for service in ("collector", "monitor"):
        assert found[service]["environment"]["BACKENDS"] == ",".join(("jaeger", *chosen))


@pytest.mark.slow
def test_profiles_of_which_the_collector_knows_nothing_are_refused() -> None:
    said = load("loki")
    assert said.returncode == 1
    assert (
        "set it to backends (prometheus,loki,elk,datadog) in deploy/compose/.env instead of using --profile"
        in said.stderr
    )


@pytest.mark.slow
def test_the_example_of_an_environment_is_sound() -> None:
    lines = [line for line in (FOLDER / ".env.example").read_text().splitlines() if line and line[0] != "#"]
    environ = dict(line.split("=", 1) for line in lines)
    chosen = environ.pop("COMPOSE_PROFILES").split(",")
    assert set(services(*chosen, **environ)) == ALWAYS.union(*(OF[name] for name in chosen))


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["development", "staging", "production"])
def test_each_profile_reaches_what_keeps_data(profile: str) -> None:
    retention = (FOLDER.parent / "prometheus" / f"{profile}.env").read_text().strip().partition("=")[2]
    found = services(*PROFILES, ORCHESTRATOR_PROFILE=profile, PROMETHEUS_RETENTION=retention)
    loki = (FOLDER.parent / "loki" / f"{profile}.env").read_text().strip().partition("=")[2]
    assert found["loki"]["environment"]["LOKI_RETENTION"] == loki
    assert f"--storage.tsdb.retention.time={retention}" in found["prometheus"]["command"]
    assert found["elasticsearch-setup"]["entrypoint"][-1] == profile
    assert found["monitor"]["environment"]["ORCHESTRATOR_PROFILE"] == profile


@pytest.mark.slow
def test_every_service_is_confined(everything: dict[str, Any]) -> None:
    for name, service in everything["services"].items():
        assert VERSION.fullmatch(service["image"]), name
        assert int(service["user"].partition(":")[0]) > 0, name
        assert service.get("read_only", False) is (name not in NOT_READ_ONLY), name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) <= 2 << 30, name
        assert 0 < service["cpus"] <= 2, name
        assert service["pids_limit"] > 0, name
        assert ("healthcheck" in service) is (name not in WITHOUT_HEALTH), name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ())), name


@pytest.mark.slow
def test_what_is_mounted_is_there_and_nothing_of_it_can_be_changed(everything: dict[str, Any]) -> None:
    mounts = [mount for service in everything["services"].values() for mount in service.get("volumes", ())]
    binds = [mount for mount in mounts if mount["type"] == "bind"]
    assert binds
    for mount in binds:
        assert Path(mount["source"]).exists(), mount["source"]
        assert mount["read_only"], mount["source"]
    named = {mount["source"] for mount in mounts if mount["type"] == "volume"}
    assert named == set(everything["volumes"])


@pytest.mark.slow
def test_secrets_come_from_files(everything: dict[str, Any]) -> None:
    for name, secret in everything["secrets"].items():
        assert secret["file"] == str(FOLDER / "secrets" / name)
    used = {one["source"] for service in everything["services"].values() for one in service.get("secrets", ())}
    assert used == set(everything["secrets"])


@pytest.mark.slow
def test_the_monitor_takes_its_environment(everything: dict[str, Any], tmp_path: Path) -> None:
    environ = everything["services"]["monitor"]["environment"]
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef")
    token.chmod(0o600)
    loaded = load_settings(environ={**environ, "ORCHESTRATOR_DASHBOARD_TOKEN_FILE": str(token)}, cwd=tmp_path)
    assert loaded.warnings == ()
    assert loaded.settings.backends == ("jaeger", *PROFILES)


@pytest.mark.slow
def test_prometheus_finds_the_services_by_their_names(everything: dict[str, Any]) -> None:
    files = sorted((FOLDER / "targets").iterdir())
    assert [file.name for file in files] == sorted(
        file.name for file in (FOLDER.parent / "prometheus" / "targets").iterdir()
    )
    named = [target for file in files for group in yaml.safe_load(file.read_text()) for target in group["targets"]]
    assert {target.partition(":")[0] for target in named} == {"collector", "alertmanager"}
    assert {"collector", "alertmanager"} <= set(everything["services"])


# --- what our own collector says ------------------------------------------------------------------------------------


KEY = f"{DatadogRecorder.api_key}\n"  # as an editor leaves it


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [*((one,) for one in PROFILES), PROFILES], ids="-".join)
def test_the_collector_takes_the_choice(chosen: tuple[str, ...], tmp_path: Path) -> None:
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), **of_the_collector(tmp_path, *chosen, key=KEY)}
    assert validate(build_collector(print), environ=environ) is None


@pytest.mark.slow
def test_a_key_that_nobody_put_into_its_file_is_asked_for(tmp_path: Path) -> None:
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), **of_the_collector(tmp_path, "datadog", key="")}
    assert validate(build_collector(print), environ=environ) == "backend datadog needs DD_API_KEY"


@pytest.mark.slow
def test_datadogs_key_comes_from_its_file(tmp_path: Path) -> None:
    with DatadogRecorder(tmp_path / "datadog", only_key=DatadogRecorder.api_key) as datadog:
        (tmp_path / "compose").mkdir()
        to_datadog = dict.fromkeys(("DD_OTLP_URL", "DD_METRICS_URL", "DD_TRACES_URL"), datadog.url)
        environ = environment(tmp_path) | of_the_collector(tmp_path / "compose", "datadog", key=KEY) | to_datadog
        del environ["DD_API_KEY"]
        with running(build_collector(print), "", environ) as collector:
            assert otlp.send(collector.url("HTTP"), "logs", otlp.logs("by a key from a file")) == 200
            eventually(lambda: datadog.logs("by a key from a file"), what="the record")
