"""What every server here promises: it starts, restarts, ends, and is never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.backends.pages import page_of_metrics
from tests.backends.prometheus import Prometheus
from tests.backends.server import ServerError, start_all
from tests.waiting import NotInTimeError, eventually

pytestmark = pytest.mark.slow


class Broken(Prometheus):
    """A server that ends at once."""

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        return [*super().command(built), "--no-such-flag"]


def test_a_restart_keeps_port_and_data_even_after_a_power_cut(tmp_path: Path) -> None:
    with Prometheus(tmp_path) as server:
        port, old = server.ports["http"], server.pid
        server.kill()
        with pytest.raises(httpx.ConnectError):
            server.request("GET", "/-/ready")
        server.start()
        assert (server.ports["http"], server.running) == (port, True)
        assert server.pid != old
    assert not server.running


def test_several_start_side_by_side_and_none_stays_where_one_fails(tmp_path: Path) -> None:
    first, second = Prometheus(tmp_path / "1"), Prometheus(tmp_path / "2")
    start_all([first, second])
    assert first.ports != second.ports
    for server in (first, second):
        assert server.query("1")
        server.stop()

    with pytest.raises(ServerError):
        start_all([first, Broken(tmp_path / "3")])
    assert not first.running


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="no-such-flag"):
        Broken(tmp_path).start()


def test_a_taken_port_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    server = Prometheus(tmp_path)
    with page_of_metrics() as page:
        server.ports = {"http": int(page.rpartition(":")[2])}
        server.start()
    try:
        assert server.url != f"http://{page}"
        assert server.query("1")[0].value == 1
    finally:
        server.stop()


def test_a_server_dies_with_its_starter(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from tests.backends.datadog import DatadogRecorder\n"
        "server = DatadogRecorder(pathlib.Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=root,
        env=env,
        check=False,
    )
    pid = int(answer.stdout)

    def gone() -> bool:
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"

    assert eventually(gone)


def test_waiting_gives_the_last_reason() -> None:
    def never() -> bool:
        raise AssertionError("one is not two")

    with pytest.raises(NotInTimeError, match=r"the moon was not so within 0.1 s; .*one is not two"):
        eventually(never, 0.1, what="the moon")
