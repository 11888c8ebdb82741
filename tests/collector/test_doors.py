"""Who may send: nobody without the token or certificate that is asked for; what they sent reaches no backend."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from telemetry.collector import command, sources_dir, validate
from tests.collector import doors, otlp
from tests.collector.harness import environment, listens, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
REMEDY = (
    "set ORCHESTRATOR_COLLECTOR_TOKEN or ORCHESTRATOR_COLLECTOR_TOKEN_FILE, or for mTLS "
    "ORCHESTRATOR_COLLECTOR_TLS_CLIENT_CA with ORCHESTRATOR_COLLECTOR_TLS_CERT and ORCHESTRATOR_COLLECTOR_TLS_KEY"
)


def bodies(folder: Path) -> list[str]:
    """The bodies of the log records that the backend `file` has."""
    path = folder / "files" / "logs.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        record["body"]["stringValue"]
        for line in lines
        for resource in json.loads(line)["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


def test_only_the_token_opens(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_TOKEN="open-sesame-0123456789")
    with running(collector_binary, "file", env) as collector:
        url = collector.url("HTTP")
        wrong = ["", "Bearer", "Bearer open-sesame-012345678", "open-sesame-0123456789", "Basic b3BlbjpzZXNhbWU="]
        for header in wrong:
            assert otlp.send(url, "logs", otlp.logs("refused"), **({"Authorization": header} if header else {})) == 401
        for token in ("", "open-sesame", "open-sesame-0123456789x"):
            assert doors.by_grpc(collector, doors.protobuf("refused"), token=token) == "UNAUTHENTICATED"
        assert otlp.send(url, "logs", otlp.logs("http"), Authorization="Bearer open-sesame-0123456789") == 200
        assert doors.by_grpc(collector, doors.protobuf("grpc"), token="open-sesame-0123456789") == "OK"
        eventually(lambda: len(bodies(tmp_path)) == 2)
        assert collector.stop() == 0
        assert "open-sesame" not in "".join(collector.lines)
    assert sorted(bodies(tmp_path)) == ["grpc", "http"]


def test_a_token_file_is_read_again(collector_binary: Path, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("old-token for the hosts of last year\nnew-token\n")
    file.chmod(0o644)
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_TOKEN_FILE=str(file))
    with running(collector_binary, "file", env) as collector:
        url = collector.url("HTTP")

        def answer(token: str) -> int:
            return otlp.send(url, "logs", otlp.logs(token), Authorization=f"Bearer {token}")

        assert [answer("old-token"), answer("new-token"), answer("for")] == [200, 200, 401]
        other = tmp_path / "other"
        other.write_text("new-token\n")
        other.replace(file)
        eventually(lambda: answer("old-token") == 401)
        assert answer("new-token") == 200
        file.unlink()
        file.write_text("newest-token\n")
        file.chmod(0o600)
        eventually(lambda: answer("newest-token") == 200)
        assert answer("new-token") == 401
        assert collector.stop() == 0
    said = [line for line in collector.lines if "may be read by everybody on this machine: chmod 600" in line]
    assert any(f'"file": "{file}", "rights": "0644"' in line for line in said)
    assert "-token" not in "".join(collector.lines)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, trustme.CA, Path]:
    """The one that the collector trusts, another one, and a folder for files."""
    return trustme.CA(), trustme.CA(), tmp_path_factory.mktemp("certificates")


def test_only_a_certificate_of_the_authority_opens(
    collector_binary: Path, tmp_path: Path, authorities: tuple[trustme.CA, trustme.CA, Path]
) -> None:
    ours, others, folder = authorities
    authority = folder / "ca.pem"
    ours.cert_pem.write_to_path(authority)
    server = doors.write(ours.issue_cert("127.0.0.1"), folder, "server")
    right = doors.write(ours.issue_cert("sender.example"), folder, "right")
    wrong = doors.write(others.issue_cert("sender.example"), folder, "wrong")
    env = environment(
        tmp_path,
        ORCHESTRATOR_COLLECTOR_TLS_CERT=str(server[0]),
        ORCHESTRATOR_COLLECTOR_TLS_KEY=str(server[1]),
        ORCHESTRATOR_COLLECTOR_TLS_CLIENT_CA=str(authority),
    )

    with running(collector_binary, "file", env) as collector:
        for own in (None, wrong):
            with pytest.raises(httpx.TransportError):
                doors.by_https(collector, authority, own)
            refused = doors.by_grpc(collector, doors.protobuf("refused"), authority=authority, own=own)
            assert refused == "UNAVAILABLE"
        with pytest.raises((AssertionError, httpx.TransportError)):  # in the clear
            assert otlp.send(collector.url("HTTP"), "logs", otlp.logs("refused")) == 200
        assert doors.by_https(collector, authority, right) == 200
        assert doors.by_grpc(collector, doors.protobuf("grpc"), authority=authority, own=right) == "OK"
        eventually(lambda: len(bodies(tmp_path)) == 2)
    assert "refused" not in bodies(tmp_path)


def test_a_renewed_certificate_needs_no_restart(
    collector_binary: Path, tmp_path: Path, authorities: tuple[trustme.CA, trustme.CA, Path]
) -> None:
    ours, others, folder = authorities
    trusted = {name: folder / f"{name}-ca.pem" for name in ("ours", "others")}
    ours.cert_pem.write_to_path(trusted["ours"])
    others.cert_pem.write_to_path(trusted["others"])
    cert, key = doors.write(ours.issue_cert("127.0.0.1"), tmp_path, "server")
    env = environment(
        tmp_path,
        ORCHESTRATOR_COLLECTOR_TLS_CERT=str(cert),
        ORCHESTRATOR_COLLECTOR_TLS_KEY=str(key),
        ORCHESTRATOR_COLLECTOR_TLS_RELOAD="10ms",
    )
    with running(collector_binary, "file", env) as collector:
        assert doors.by_https(collector, trusted["ours"]) == 200
        doors.write(others.issue_cert("127.0.0.1"), tmp_path, "server")

        def renewed() -> bool:
            try:
                return doors.by_https(collector, trusted["others"]) == 200
            except httpx.TransportError:
                return False

        eventually(renewed)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({}, f'the collector: ORCHESTRATOR_COLLECTOR_HOST="0.0.0.0" takes data from other machines: {REMEDY}'),
        (
            {"ORCHESTRATOR_COLLECTOR_PUBLISHED_ON": "10.0.0.1"},
            f'the collector: ORCHESTRATOR_COLLECTOR_PUBLISHED_ON="10.0.0.1" takes data from other machines: {REMEDY}',
        ),
        (
            {"ORCHESTRATOR_COLLECTOR_TLS_CERT": "/x"},
            "the collector: ORCHESTRATOR_COLLECTOR_TLS_CERT needs ORCHESTRATOR_COLLECTOR_TLS_KEY",
        ),
    ],
)
def test_an_open_door_is_refused_by_the_binary_itself(
    collector_binary: Path, tmp_path: Path, extra: dict[str, str], words: str
) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_HOST="0.0.0.0", **extra)
    done = subprocess.run(
        command(collector_binary, backends="debug"), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stderr, done.returncode) == (f"otelcol-orchestrator: {words}\n", 2)
    assert not listens(env["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])


def test_a_file_of_ones_own_cannot_open_the_door_by_mistake(collector_binary: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("receivers: {otlp/second: {protocols: {http: {endpoint: '0.0.0.0:0'}}}}\n")
    env = environment(tmp_path)
    problem = validate(collector_binary, backends="debug", configs=[own], environ=env)
    assert problem is not None
    assert problem.endswith(f'the OTLP receiver\'s host="0.0.0.0" takes data from other machines: {REMEDY}')
    base = sources_dir() / "config" / "base.yaml"
    line = [str(collector_binary), f"--config=file:{base}"]
    wide = env | {"ORCHESTRATOR_COLLECTOR_HOST": "0.0.0.0"}
    done = subprocess.run(line, env=wide, capture_output=True, text=True, timeout=30, check=False)
    assert REMEDY in done.stderr
    assert done.returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own needs root")
def test_published_on_loopback_it_starts_in_a_network_of_its_own(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(
        tmp_path,
        ORCHESTRATOR_COLLECTOR_HOST="0.0.0.0",
        ORCHESTRATOR_COLLECTOR_PUBLISHED_ON="127.0.0.1",
    )
    script = 'ip link set lo up && mount -t sysfs sysfs /sys && exec "$@"'
    with running(
        collector_binary, "debug", env, ["unshare", "--net", "--mount", "sh", "-c", script, "sh"]
    ) as collector:
        inside = ["nsenter", "--target", str(collector.process.pid), "--net", str(collector_binary), "healthcheck"]
        assert subprocess.run(inside, env=env, timeout=30, check=False).returncode == 0
