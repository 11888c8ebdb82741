"""What the source says when tmux isn't there, won't answer, or the store fails."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from telemetry.sources.base import SourceError
from telemetry.sources.tmux.client import TmuxClient
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource
from telemetry.store import Store
from tests.sources.real_tmux import eventually, is_dead
from tests.sources.watching import START, Watcher, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.real_tmux import TmuxServer


@pytest.fixture
def fake_tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake: a shell script called tmux, first in PATH; the test writes what it does."""
    folder = tmp_path / "fake"
    folder.mkdir()
    script = folder / "tmux"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return script


def test_no_server_and_none_is_started(tmux: TmuxServer) -> None:
    for session in ("work", None):
        watcher = Watcher(tmux, session=session)
        assert watcher.read() == {}
        assert watcher.reading.session_exists is (session is None)  # a session that was never named can not be gone
    assert not tmux.runs()
    assert not tmux.socket().exists()


def test_socket_that_nobody_listens_on(tmux: TmuxServer) -> None:
    tmux.session()
    server = int(tmux("display-message", "-p", "#{pid}"))
    os.kill(server, 9)
    eventually(lambda: is_dead(server), "the server is killed")
    assert tmux.socket().exists()
    watcher = Watcher(tmux)
    watcher.read()
    assert not watcher.reading.session_exists
    assert not tmux.runs()


def test_server_that_goes_takes_all_agents_down(tmux: TmuxServer, tmp_path: Path) -> None:
    tmux.name_pane(tmux.session(), "worker")
    watcher = Watcher(tmux, Store(tmp_path / "state.db"))
    watcher.read()
    tmux("kill-server")
    eventually(lambda: not tmux.runs(), "the server ends")
    watcher.close()
    again = Watcher(tmux, Store(tmp_path / "state.db"))
    agent = again.read(5)["worker"]
    assert (agent.running, agent.reason) == (False, "no tmux server runs")
    assert not again.reading.session_exists


def test_sessions_are_left_alone(tmux: TmuxServer) -> None:
    tmux.session(size="77x13")
    watcher = Watcher(tmux)
    before = tmux(
        "list-sessions", "-F", "#{session_name} #{session_attached} #{session_windows} #{window_width}x#{window_height}"
    )
    for at in range(3):
        watcher.read(at)
    after = tmux(
        "list-sessions", "-F", "#{session_name} #{session_attached} #{session_windows} #{window_width}x#{window_height}"
    )
    assert before == after == "work 0 1 77x13"
    assert tmux("list-clients") == ""


def test_tmux_is_missing(tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    watcher = Watcher(tmux)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(SourceError, match=r"^tmux was not found: it isn't installed, or not in PATH$"):
            watcher.read()


def test_tmux_that_may_not_be_run(tmux: TmuxServer, fake_tmux: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tmux.write_text("not a program")
    monkeypatch.setenv("PATH", str(fake_tmux.parent))
    with pytest.raises(SourceError, match=r"^tmux can't be started: Exec format error$"):
        Watcher(tmux).read()


@pytest.mark.slow
def test_hanging_tmux_is_given_up_and_killed(tmux: TmuxServer, fake_tmux: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    fake_tmux.write_text(f"#!/bin/sh\nsleep 1000 &\necho $$ $! > {pids}\nwait\n")
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"^tmux gave no answer within 0.5 s: the server at test-[0-9a-f]+ hangs$"):
        Watcher(tmux, timeout=0.5).read()
    assert time.monotonic() - started < 5
    for pid in pids.read_text(encoding="ascii").split():
        eventually(lambda pid=pid: is_dead(int(pid)), "it is killed with what it started")  # type: ignore[misc] # a loop's lambda


def test_loop_goes_on_while_tmux_hangs(tmux: TmuxServer, fake_tmux: Path) -> None:
    fake_tmux.write_text("#!/bin/sh\nexec sleep 1000\n")

    async def longest_stall() -> float:
        source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work", timeout=0.5))
        reading = asyncio.ensure_future(source.read(START))
        longest, last = 0.0, time.monotonic()
        while not reading.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        with pytest.raises(SourceError):
            await reading
        await source.close()
        return longest

    assert asyncio.run(longest_stall()) < 0.25


def test_close_ends_a_call_under_way(tmux: TmuxServer, fake_tmux: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    fake_tmux.write_text(f"#!/bin/sh\necho $$ > {pid}\nexec sleep 1000\n")

    async def close_meanwhile() -> None:
        source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work", timeout=60))
        reading = asyncio.ensure_future(source.read(START))
        await asyncio.to_thread(eventually, lambda: pid.exists() and pid.read_text(encoding="ascii"), "it is called")
        await source.close()
        with pytest.raises(SourceError):
            await reading
        with pytest.raises(RuntimeError):
            await source.read(START)

    asyncio.run(close_meanwhile())
    assert is_dead(int(pid.read_text(encoding="ascii")))


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (
            "echo 'error connecting to /x (Permission denied)' >&2; exit 1",
            "tmux failed: error connecting to /x (Permission denied)",
        ),
        ("echo 'usage: tmux [-2CluvV]' >&2; exit 1", "this tmux is too old: version 3.2 or newer is needed"),
        ("printf 'bad\\033[31m\\nmore' >&2; exit 1", "tmux failed: bad"),
        ("exit 7", "tmux failed with status 7 and said nothing"),
        ("head -c 100000 /dev/urandom; exit 0", "tmux failed with status 0 and said nothing"),
    ],
)  # fmt: skip
def test_other_failures_are_one_clear_line(tmux: TmuxServer, fake_tmux: Path, says: str, message: str) -> None:
    fake_tmux.write_text(f"#!/bin/sh\ncat > /dev/null\n{says}\n")
    with pytest.raises(SourceError) as caught:
        Watcher(tmux).read()
    text = str(caught.value)
    assert text.startswith(message)
    assert text.isprintable()


def test_answer_in_an_unknown_form(tmux: TmuxServer, fake_tmux: Path) -> None:
    # The mark stands in the script the fake is given.
    fake_tmux.write_text(
        "#!/bin/sh\nm=$(grep -o '[0-9a-f]\\{32\\}' | head -1)\necho \"${m}Pnonsense${m}.\"\necho ${m}E\n"
    )
    with pytest.raises(SourceError, match=r"^tmux lists a pane in a way this program doesn't know"):
        Watcher(tmux).read()


def test_a_failed_check_forgets_nobody(tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmux.name_pane(tmux.session(), "worker")
    watcher = Watcher(tmux)
    watcher.read()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(SourceError):
            watcher.read(5)
    assert running(watcher.read(10)) == {"worker"}


def test_client_takes_only_pane_ids(tmux: TmuxServer) -> None:
    tmux.session()
    client = TmuxClient(tmux.socket_name, None, "work")
    answer = client.ask(["%0; kill-server", "work:", "%x", "%0\nkill-server"])
    assert answer.screens == {}
    assert tmux.runs()


def test_socket_by_path(tmux: TmuxServer) -> None:
    tmux.name_pane(tmux.session(), "worker")
    options = TmuxOptions(socket_path=str(tmux.socket()), session="work")

    async def read() -> set[str]:
        source = TmuxSource(options)
        reading = await source.read(START)
        await source.close()
        return {agent.name for agent in reading.agents}

    assert asyncio.run(read()) == {"worker"}


class TestStoreThatFails:
    def test_corrupt_file_is_reported_once_and_watching_goes_on(self, tmux: TmuxServer, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        path.write_bytes(b"this is no database" * 100)
        pane = tmux.session()
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux, Store(path))
        for at in range(0, 200, 5):
            assert running(watcher.read(at)) == {"worker"}
        tmux("respawn-pane", "-k", "-t", pane)
        assert watcher.read(200)["worker"].restart_count == 1
        assert watcher.problems == [f"the store {path} can't be used: file is not a database"]
        assert watcher.source.problem == watcher.problems[0]
        assert path.read_bytes().startswith(b"this is no database"), "a file we can't read is not overwritten"

    def test_what_was_remembered_joins_when_the_lock_is_gone(self, tmux: TmuxServer, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        pane = tmux.session()
        gone = tmux.split()
        tmux.name_pane(pane, "worker")
        tmux.name_pane(gone, "gone")
        first = Watcher(tmux, Store(path))
        first.read()
        tmux("respawn-pane", "-k", "-t", pane)
        first.read(1)
        first.close()
        tmux("kill-pane", "-t", gone)
        other = sqlite3.connect(path)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")  # in WAL mode a lock alone keeps no reader out
        other.execute("BEGIN EXCLUSIVE")
        watcher = Watcher(tmux, Store(path, lock_timeout=0.05))
        tmux("respawn-pane", "-k", "-t", pane)
        assert running(watcher.read(10)) == set(watcher.read(11)) == {"worker"}
        tmux("respawn-pane", "-k", "-t", pane)
        watcher.read(12)
        assert len(watcher.problems) == 1
        assert "locked" in watcher.problems[0]
        other.rollback()
        other.close()
        agents = watcher.read(60)
        assert agents["worker"].restart_count == 3, "one before, one while away, one while it was locked"
        assert agents["gone"].reason == f"pane {gone} is gone"
        assert watcher.source.problem == ""

    def test_store_that_is_locked_for_a_while_later_gets_everything(self, tmux: TmuxServer, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        pane = tmux.session()
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux, Store(path, lock_timeout=0.05))
        watcher.read()
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        tmux("respawn-pane", "-k", "-t", pane)
        assert watcher.read(5)["worker"].restart_count == 1
        other.rollback()
        other.close()
        watcher.read(60)
        assert Store(path).restarts("work")["worker"].count == 1

    def test_nothing_is_written_when_nothing_changed(self, tmux: TmuxServer, tmp_path: Path) -> None:
        tmux.name_pane(tmux.session(), "worker")
        path = tmp_path / "state.db"
        watcher = Watcher(tmux, Store(path))
        watcher.read()
        watcher.read(1)
        wal = path.with_name("state.db-wal")
        before = wal.stat().st_mtime_ns, wal.stat().st_size
        for at in range(2, 30):
            watcher.read(at)
        assert (wal.stat().st_mtime_ns, wal.stat().st_size) == before
