"""What goes no further than the door: too long, leading nowhere, no proper JSON; where it counts, over a connection."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from telemetry.listening import listen
from telemetry.serving import WebServer
from telemetry.settings import Dashboard
from telemetry.web.limits import LONGEST_BODY, leads_nowhere, wrong_json
from tests.daemons import Tmux, daemon
from tests.waiting import eventually
from tests.web.conftest import FakeMonitor, World

WELL = [
    b'{"by": "ann"}',
    b"",
    b" \n",
    b"[1, 2.5e3, null]",
    b'{"a": {"b": 1}, "c": {"b": 2}}',
    '{"a": "日本"}'.encode(),
]
WRONG = [
    (b"{", "the body is no JSON: expecting property name enclosed in double quotes (line 1, column 2)"),
    (b'{"by": "ann"', "the body is no JSON: "),
    (b'{"a": NaN}', "the body is no JSON: NaN is no number of JSON"),
    (b"\xff\xfe{", "the body is no JSON: "),
    (b'{"a": 1, "a": 2}', "the body names 'a' twice in one object"),
    (b'[{"x": {"a\\n": 1, "a\\n": 1}}]', r"the body names 'a\n' twice in one object"),
    (b"[" * 100_000, "the body is nested too deeply"),
    (b'{"a":' * 100_000, "the body is nested too deeply"),
]


@pytest.mark.parametrize("body", WELL)
def test_json_that_means_one_thing(body: bytes) -> None:
    assert wrong_json(body) == ""


@pytest.mark.parametrize(("body", "says"), WRONG)
def test_what_is_wrong_with_json_is_one_line(body: bytes, says: str) -> None:
    said = wrong_json(body)
    assert said.startswith(says)
    assert "\n" not in said
    assert len(said) < 200


CLIMBING = [
    "/static/../app.py",
    "/static/..",
    "/static/%2e%2e/app.py",
    "/static/%2E%2E%2Fapp.py",
    "/static/%252e%252e/app.py",
    "/static/%25252e%25252e%25252fapp.py",
    "/static/..%5capp.py",
    "/static/..\\app.py",
    "/static/x%5cy.js",
    "/static/x%255cy.js",
    "/static/app.js%00.css",
    "/static/app.js%2500",
    "/static/app.js%0a",
    "/static//../../etc/passwd",
    "/api/v1/../../etc/passwd",
    "/api/v1/silences/%2e%2e%2f%2e%2e%2fetc",
    "/api/v1/silences/..%5c..%5cetc",
    "/api/v1/agents/%00/events",
    "/api/../static/%2e%2e/app.py",
]


@pytest.mark.parametrize("path", CLIMBING)
def test_a_path_that_climbs_leads_nowhere_over_a_real_connection(served: Served, path: str) -> None:
    answer = served.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'{"detail":"' in answer
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "path", ["/static/app.js", "/api/v1/agents/a..b/events", "/api/v1/agents/a%5cb/events", "/", "/x/..."]
)
def test_a_path_with_points_goes_on(path: str) -> None:
    assert not leads_nowhere(unquote(path), path.encode())


class Served:
    """The application on a real socket, asked with bytes."""

    def __init__(self, port: int) -> None:
        self._port = port

    def raw(self, *parts: bytes) -> bytes:
        """All that comes back, to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            for part in parts:
                connection.sendall(part)
            read = b""
            while more := connection.recv(65_536):
                read += more
            return read


@pytest.fixture(scope="module")
def served() -> Any:
    loop = asyncio.new_event_loop()
    listener = listen(Dashboard(port=0))
    port = listener.getsockname()[1]
    server = WebServer(World(monitors=[FakeMonitor("main")]).app(), listener)
    thread = threading.Thread(target=loop.run_forever)
    loop.call_soon(server.start)
    thread.start()
    yield Served(port)
    asyncio.run_coroutine_threadsafe(server.stop(1.0), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _post(body_headers: str) -> bytes:
    return f"POST /api/v1/monitoring/start HTTP/1.1\r\nHost: localhost\r\n{body_headers}\r\n\r\n".encode()


def test_ten_megabytes_are_refused_at_once_with_a_length_and_without(served: Served) -> None:
    size = 10 * 1024 * 1024
    told = served.raw(_post(f"Content-Length: {size}\r\nExpect: 100-continue"))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert told.endswith(b'{"detail":"the body is longer than 1024 KiB"}')
    assert b"connection: close" in told
    whole = served.raw(_post(f"Content-Length: {size}"), b"x" * size)
    assert whole.startswith(b"HTTP/1.1 413 ")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    chunked = served.raw(_post("Transfer-Encoding: chunked"), chunk * (size // 65_536), b"0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 413 ")


def test_a_body_of_the_longest_length_goes_on(served: Served) -> None:
    answer = served.raw(_post(f"Content-Length: {LONGEST_BODY}\r\nConnection: close"), b" " * LONGEST_BODY)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("request_of", "status", "says"),
    [
        (lambda: f"GET /{'x' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "the address is longer than 8 KiB"),
        (lambda: f"GET /api/v1/alerts?text={'x' * 9000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "the address"),
        (lambda: f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Much: {'x' * 33_000}\r\n\r\n", 431, "the headers are longer"),
        (lambda: "what is this\r\n\r\n", 400, ""),
        (lambda: "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n", 400, ""),
        (
            lambda: "BREW /api/v1/alerts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            405,
            "BREW is no method of this path; allowed: GET",
        ),
    ],
)
def test_what_the_server_itself_refuses_is_json_too(
    served: Served, request_of: Callable[[], str], status: int, says: str
) -> None:
    head, _, body = served.raw(request_of().encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/json" in head
    assert json.loads(body)["detail"].startswith(says)


def test_headers_that_are_longer_still_are_refused_wherever_that_is_noticed(served: Served) -> None:
    """By the server, or where they came in one piece, by us."""
    answer = served.raw(f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Much: {'x' * 70_000}\r\n\r\n".encode())
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431")
    assert b'{"detail":"' in answer


def test_nothing_in_the_tree_is_named_like_what_is_refused() -> None:
    static = Path(__file__).parents[2] / "telemetry" / "web" / "static"
    assert not [path for path in static.rglob("*") if leads_nowhere(f"/static/{path.name}", path.name.encode())]


def _another(look: Callable[[], float], what: str) -> None:
    before = look()
    eventually(lambda: look() > before, what=what)


@pytest.mark.slow
def test_senders_of_ten_megabytes_do_not_hold_up_the_checks(tmp_path: Path) -> None:
    tmux = Tmux("alpha")
    over = threading.Event()
    counted: list[bytes] = []
    try:
        with daemon(tmp_path, "dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2") as running:
            eventually(running.agents, what="a first check")
            sender = Served(int(running.url.rpartition(":")[2]))
            size = 10 * 1024 * 1024
            body = b"x" * size

            def send() -> None:
                while not over.is_set():
                    counted.append(sender.raw(_post(f"Content-Length: {size}"), body)[:12])

            threads = [threading.Thread(target=send) for _ in range(4)]
            for thread in threads:
                thread.start()
            for _ in range(10):
                _another(lambda: float(running.get("/api/agents")["clusters"][0]["taken_at"]), "a check")
                _another(lambda: len(counted), "one that was refused")
            over.set()
            for thread in threads:
                thread.join(30)
            assert set(counted) == {b"HTTP/1.1 413"}
            assert running.get("/readyz") == {"status": "ready"}
    finally:
        over.set()
        tmux.close()
