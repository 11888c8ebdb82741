"""The real program behind a token, behind a certificate, and under attack."""

from __future__ import annotations

import http.client
import re
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.daemons import Daemon, Tmux, daemon, environment, run
from tests.test_admitting import Files
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SECRET = "a-token-of-somebody"
HUNGRY = 500
HALF_A_HEAD = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n"
HALF_A_BODY = (
    b"POST /api/v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{"
)


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    made = Tmux("alpha", "beta")
    yield made
    made.close()


def _watching(tmux: Tmux, *more: str) -> list[str]:
    return ["dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2", *more]


def _address(running: Daemon) -> tuple[str, int]:
    def look() -> re.Match[str] | None:
        assert running.process.poll() is None, running.said
        return re.search(r"dashboard +(https?)://127\.0\.0\.1:(\d+)", running.said)

    found = eventually(look, what="the first screen")
    assert found is not None
    return found[1], int(found[2])


def _ask(
    port: int, path: str, method: str = "GET", tls: ssl.SSLContext | None = None, body: str = "", **headers: str
) -> tuple[int, str, dict[str, str]]:
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    try:
        connection.request(
            method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def _made(home: Path, *arguments: str) -> str:
    done = run(home, "token", "new", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_first_token_closes_a_running_monitor_and_the_last_ones_end_closes_it_too(
    tmp_path: Path, tmux: Tmux
) -> None:
    with daemon(tmp_path, *_watching(tmux)) as running:
        _, port = _address(running)
        assert _ask(port, "/api/agents")[0] == 200
        token = _made(tmp_path, "--name", "me", "--expires", "1h")
        bearer: dict[str, Any] = {"authorization": f"Bearer {token}"}
        assert _ask(port, "/api/agents")[0] == 401
        assert _ask(port, "/metrics")[0] == 401
        assert _ask(port, "/api/agents", **bearer)[0] == 200
        assert _ask(port, "/api/monitoring/start", "POST", **bearer)[0] == 200
        status, _, headers = _ask(
            port, "/login", "POST", body=f"token={token}", content_type="application/x-www-form-urlencoded"
        )
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert _ask(port, "/api/agents", cookie=cookie)[0] == 200
        done = run(tmp_path, "alerts")  # by the socket, which needs none
        assert done.returncode == 0, done.stderr
        assert run(tmp_path, "token", "revoke", "me").returncode == 0
        assert _ask(port, "/api/agents", **bearer)[0] == 401
        assert _ask(port, "/api/agents", cookie=cookie)[0] == 401
        assert _ask(port, "/api/agents")[0] == 401
        written = running.said + running.out.read_text()
        assert token not in written
        assert cookie.partition("=")[2] not in written


def test_a_heartbeat_from_elsewhere_shows_its_token(tmp_path: Path, tmux: Tmux) -> None:
    token = _made(tmp_path, "--role", "report")
    reader = _made(tmp_path, "--role", "read")
    with daemon(tmp_path, "dashboard", "--source", "push", "--port", "0", "--interval", "0.2") as running:
        _, port = _address(running)
        text = "import telemetry; telemetry.heartbeat('far', 'busy', pid=0)"
        env = environment(tmp_path, ORCHESTRATOR_URL=f"http://127.0.0.1:{port}", ORCHESTRATOR_TOKEN=token)
        subprocess.run([sys.executable, "-c", text], env=env, check=True, timeout=30)

        def known() -> bool:
            return '"far"' in _ask(port, "/api/agents", authorization=f"Bearer {reader}")[1]

        eventually(known, what="the agent")


def test_beyond_loopback_it_wants_a_token_and_says_how_to_get_one(tmp_path: Path, tmux: Tmux) -> None:
    refused = run(tmp_path, *_watching(tmux, "--host", "0.0.0.0"))
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    for word in ("token new", "ORCHESTRATOR_DASHBOARD_TOKEN", "ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE=1"):
        assert word in line
    with daemon(tmp_path, *_watching(tmux, "--host", "0.0.0.0"), ORCHESTRATOR_DASHBOARD_TOKEN=SECRET) as running:
        _, port = _address(running)
        assert _ask(port, "/api/agents")[0] == 401
        assert _ask(port, "/api/agents", authorization=f"Bearer {SECRET}")[0] == 200


@pytest.mark.parametrize("text", ["what is this", ""])
def test_a_file_of_tokens_that_cannot_be_used_keeps_it_from_starting(tmp_path: Path, tmux: Tmux, text: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "tokens").write_text(text)
    (state / "tokens").chmod(0o600 if text else 0o644)
    refused = run(tmp_path, *_watching(tmux, "--state-dir", str(state)))
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert str(state / "tokens") in refused.stderr


def test_https_and_a_new_certificate_at_sighup(tmp_path: Path, tmux: Tmux) -> None:
    files = Files(tmp_path)
    more = {"ORCHESTRATOR_DASHBOARD_TLS_CERT": str(files.cert), "ORCHESTRATOR_DASHBOARD_TLS_KEY": str(files.key)}
    with daemon(tmp_path, *_watching(tmux), **more) as running:
        scheme, port = _address(running)
        assert scheme == "https"
        first = ssl.create_default_context()
        files.authority.configure_trust(first)
        assert _ask(port, "/healthz", tls=first)[0] == 200
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        files.authority.configure_trust(old)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            _ask(port, "/healthz", tls=old)
        with pytest.raises((http.client.HTTPException, OSError)):
            _ask(port, "/healthz")
        files.cert.write_text("junk")
        running.process.send_signal(signal.SIGHUP)
        eventually(lambda: [line for line in running.log if "stays as it was" in line["message"]], what="the complaint")
        assert _ask(port, "/healthz", tls=first)[0] == 200
        renewed = Files(tmp_path)
        running.process.send_signal(signal.SIGHUP)
        second = ssl.create_default_context()
        renewed.authority.configure_trust(second)

        def trusted() -> bool:
            try:
                return _ask(port, "/healthz", tls=second)[0] == 200
            except ssl.SSLError:
                return False

        eventually(trusted, what="the new certificate")
        with pytest.raises(ssl.SSLError):
            _ask(port, "/healthz", tls=first)


def _heartbeat(port: int) -> float:
    _, page, _ = _ask(port, "/metrics")
    found = re.search(r"^orchestrator_monitor_heartbeat_time_seconds\{[^}]*\} (\S+)$", page, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_five_hundred_slow_clients_hold_nothing_up(tmp_path: Path, tmux: Tmux) -> None:
    """Each sends a head that never ends, a byte now and then, or nothing: all are gone after ten seconds."""
    with daemon(tmp_path, *_watching(tmux)) as running:
        _, port = _address(running)
        eventually(lambda: _heartbeat(port), what="the first check")
        process = psutil.Process(running.process.pid)
        files, memory = process.num_fds(), process.memory_info().rss
        attackers = []
        for number in range(HUNGRY):
            attacker = socket.create_connection(("127.0.0.1", port), timeout=10)
            starts = (b"", HALF_A_HEAD, HALF_A_BODY)
            attacker.sendall(starts[number % 3])
            attacker.setblocking(False)
            attackers.append(attacker)
        eventually(lambda: process.num_fds() >= files + HUNGRY, what="all of them connected")
        beats, began = set(), time.monotonic()
        with selectors.DefaultSelector() as waiting:
            for attacker in attackers:
                waiting.register(attacker, selectors.EVENT_READ)

            def all_are_gone() -> bool:
                for key, _ in waiting.select(0):
                    if _is_over(key.fileobj):
                        waiting.unregister(key.fileobj)
                for key in list(waiting.get_map().values()):
                    _trickle(key.fileobj)
                status, _, _ = _ask(port, "/api/agents")
                assert status == 200
                beats.add(_heartbeat(port))
                return not waiting.get_map()

            eventually(all_are_gone, 60, every=0.2, what="the end of all slow clients")
        took = time.monotonic() - began
        assert len(beats) >= 5, f"the check loop kept no beat: {len(beats)} in {took:.1f} s"
        gaps = [later - earlier for earlier, later in zip(sorted(beats), sorted(beats)[1:], strict=False)]
        assert max(gaps) < 5.0, gaps  # checks are due every 0.2 s
        eventually(lambda: process.num_fds() <= files + 2, what="their files closed")
        assert process.memory_info().rss < memory + 64 * 1024 * 1024
        assert not [line for line in running.log if line["level"] in ("warning", "error")]
        for attacker in attackers:
            attacker.close()


def _trickle(attacker: Any) -> None:
    try:
        attacker.send(b"x")
    except OSError:
        return


def _is_over(attacker: Any) -> bool:
    try:
        return not attacker.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True
