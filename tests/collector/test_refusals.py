"""What is wrong is said in one line, with a status that isn't 0, before anything starts."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from telemetry.collector import command, merged_config, sources_dir, validate
from tests.collector.harness import BACKENDS, environment, listens

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
KNOWN = ", ".join(BACKENDS)
NOT_URL = "is not an absolute http:// or https:// URL with a host, such as https://example.com:1234"
NOT_BROKERS = "is not host:port, or several of them with commas between"
REFUSED = [
    ("promethius", {}, f'unknown backend "promethius"; known: {KNOWN}'),
    ("loki,nonsense", {}, f'unknown backend "nonsense"; known: {KNOWN}'),
    ("datadog", {"DD_API_KEY": ""}, "backend datadog needs DD_API_KEY"),
    ("prometheus,loki", {"LOKI_URL": ""}, "backend loki needs LOKI_URL"),
    ("otlp", {"OTLP_BACKEND_URL": "here:9200"}, f'backend otlp: OTLP_BACKEND_URL="here:9200" {NOT_URL}'),
    ("loki", {"LOKI_URL": "http://u:secret@/"}, f'backend loki: LOKI_URL="http://***@/" {NOT_URL}'),
    ("loki", {"LOKI_URL": "http://here:3100/"}, 'backend loki: LOKI_URL="http://here:3100/" must not end in a slash'),
    ("kafka", {"KAFKA_BROKERS": "kafka"}, f'backend kafka: KAFKA_BROKERS="kafka" {NOT_BROKERS}'),
]


@pytest.mark.parametrize(("backends", "extra", "message"), REFUSED)
def test_one_clear_line(
    collector_binary: Path, tmp_path: Path, backends: str, extra: dict[str, str], message: str
) -> None:
    env = environment(tmp_path, **extra)
    done = subprocess.run(
        command(collector_binary, backends=backends), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == f"otelcol-orchestrator: {message}\n"
    assert done.stdout == ""
    assert done.returncode == 2
    assert not listens(env["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])
    assert validate(collector_binary, backends=backends, environ=env) == message


def test_backends_come_from_the_environment(collector_binary: Path, tmp_path: Path) -> None:
    assert (
        validate(collector_binary, environ=environment(tmp_path, BACKENDS="nonsense"))
        == f'unknown backend "nonsense"; known: {KNOWN}'
    )
    assert validate(collector_binary, environ=environment(tmp_path, BACKENDS="")) is None


@pytest.mark.parametrize("backends", BACKENDS)
def test_validate_accepts_every_backend(collector_binary: Path, tmp_path: Path, backends: str) -> None:
    assert validate(collector_binary, backends=backends, environ=environment(tmp_path)) is None


@pytest.mark.parametrize("backends", BACKENDS)
def test_the_same_files_work_by_repeated_flags(collector_binary: Path, tmp_path: Path, backends: str) -> None:
    """As with the stock distribution, which has no `backends:`."""
    config = sources_dir() / "config"
    line = [str(collector_binary), "validate", f"--config=file:{config}/base.yaml"]
    line.append(f"--config=file:{config}/backends/{backends}.yaml")
    done = subprocess.run(line, env=environment(tmp_path), capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_further_file_that_is_wrong_is_one_line_too(collector_binary: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("exporters: {nonsense: {}}\n")
    problem = validate(collector_binary, backends="debug", configs=[wrong], environ=environment(tmp_path))
    assert problem is not None
    assert "nonsense" in problem
    assert "\n" not in problem


def test_the_merged_configuration_hides_secrets(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(
        tmp_path,
        DD_API_KEY="0123456789abcdef0123456789abcdef",
        ELASTICSEARCH_PASSWORD="hunter2-password",
        LOKI_URL="http://someone:hunter2-user@127.0.0.1:1",
        LOKI_HEADERS="{X-Scope-OrgID: hunter2-header}",
        ORCHESTRATOR_COLLECTOR_TOKEN="hunter2-token",
    )
    text = merged_config(collector_binary, backends="datadog,elasticsearch,loki", environ=env)
    assert "otlp_http/loki" in text
    assert "hunter2" not in text
    assert "0123456789abcdef" not in text
