"""What a person sees in a terminal when asking how it is: the screen at three widths, the exit code, live changes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.cli.live.board import Board
from telemetry.cli.live.following import LostError, Parser
from telemetry.cli.live.lines import Shape, lines, signature
from telemetry.cli.live.overview import Wanted, overview
from telemetry.cli.live.text import as_text, cut, pad, width
from telemetry.cli.status import plain
from telemetry.model import PIPELINE
from tests.cli.boards import NOW, agent, alert, board, channel, cluster, items, taken
from tests.daemons import Daemon, Tmux, daemon, environment, run
from tests.waiting import eventually

WIDTHS = (60, 80, 120)


def screen(*found: dict[str, Any], columns: int = 80, rows: int | None = None, **more: Any) -> str:
    """As it stands on a terminal without colours."""
    seen = overview(items(*found, **more), NOW)
    return as_text(lines(seen, Shape(columns, rows)), colour=False)


def code(*found: dict[str, Any], **more: Any) -> int:
    return overview(items(*found, **more), NOW).code


CROWD = (
    agent("grand_boss", task="plans the release"),
    agent("coding_writing_specialist", "stopped", reason="it was killed by signal 9 in pane %2"),
    agent("日本語のとても長い名前のエージェントその一", "waiting", reason="permission prompt: 実行してもよいですか"),
    agent("indexer", "idle", restart_count=12),
    alert("3f2a9c01de", "coding_writing_specialist", message="agent stopped: it was killed by signal 9 in pane %2"),
    alert("77c2ab0712", "", "critical", message="2 agents are stopped " + "and so on " * 30),
)


@pytest.mark.parametrize("columns", WIDTHS)
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    shown = screen(*CROWD, columns=columns)
    assert max(map(width, shown.splitlines())) <= columns
    for word in ("grand_boss", "coding_", "日本語", "indexer", "3f2a9c01de", "77c2ab0712", "stopped", "waiting", "12"):
        assert word in shown


def test_a_sentence_says_who_and_since_when_with_the_worst_agent_first() -> None:
    shown = screen(*CROWD, columns=120).splitlines()
    told = " ".join(" ".join(shown[:2]).split())
    assert "main: 1 of 4 agents working, 1 idle; coding_writing_specialist stopped 2 min ago" in told
    names = [line.split()[0] for line in shown if line.startswith("  ") and "min " in line and "alert" not in line]
    assert names[0] == "coding_writing_specialist"
    assert names[-3:-1] != names[:2]
    assert shown.index(next(x for x in shown if "indexer" in x)) < shown.index(next(x for x in shown if "plans" in x))


def test_a_sentence_is_wrapped_and_never_cut() -> None:
    names = [f"a_rather_long_name_of_an_agent_{number}" for number in range(3)]
    shown = screen(*(agent(name, "stopped") for name in names), columns=60)
    told = " ".join(shown.split("AGENT")[0].split())
    assert all(f"{name} stopped 2 min ago" in told for name in names)


@pytest.mark.parametrize(
    ("found", "expected", "says"),
    [
        ([agent("a")], 0, "1 of 1 agent working"),
        ([agent("a"), agent("b", "idle")], 0, "1 of 2 agents working, 1 idle"),
        ([agent("a"), agent("b")], 0, "all 2 agents working"),
        ([agent("a", "waiting")], 1, "a waits for a person for 2 min"),
        ([agent("a", "stopped")], 2, "a stopped 2 min ago"),
        ([agent("a", "unresponsive")], 2, "a unresponsive for 2 min"),
        ([agent("a", "unknown")], 3, "a unknown for 2 min"),
        ([agent("a", "unknown"), agent("b", "stopped")], 2, "b stopped 2 min ago"),
        ([], 3, "no agents"),
        ([cluster(taken_at=None)], 3, "no check has finished yet"),
        ([cluster(source_error="no server"), agent("a")], 3, "can't be seen: no server"),
        ([cluster(session_exists=False), agent("a", "stopped")], 2, "the session work is gone"),
        ([cluster(monitoring=False), agent("a")], 3, "monitoring is stopped"),
        ([cluster(taken_at=NOW - 16.0), agent("a")], 3, "the last check was 16 s ago"),
        ([cluster(taken_at=NOW - 14.0), agent("a")], 0, "1 of 1 agent working"),
        ([agent("a"), alert("x", "a", "warning")], 1, "1 open alert"),
        ([agent("a"), alert("x", "a", "error")], 2, "error"),
        ([agent("a"), alert("x", "a", "error", acknowledged=taken("ann", "on it"))], 2, "✓ ann: on it"),
        ([agent("a"), alert("x", "a", "info")], 0, "info"),
        ([agent("a"), alert("x", "a", phase="pending")], 0, "1 of 1 agent working"),
        ([agent("a"), alert("x", "a", suppressed={"reason": "silenced", "detail": "by ann"})], 0, "1 more of which"),
        ([agent("a"), alert("x", "a", suppressed={"reason": "the whole cluster is down", "detail": ""})], 2, "no open"),
        ([agent("a"), channel("slack", failed=[{"error": "404 no_team"}])], 1, "slack: 1 message refused: 404"),
        ([agent("a"), channel("slack", sending={"error": "timed out", "attempts": 3})], 1, "not delivered yet, try 3"),
        ([agent("a"), channel("slack")], 0, "channels: slack"),
        ([agent("a"), {"name": "loki", "state": "failing", "reason": "401"}], 1, "! backend loki: failing: 401"),
        ([agent("a"), {"name": "loki", "state": "ok", "reason": ""}], 0, "backends: loki"),
        ([agent("a"), {"name": "x", "state": "waiting", "reason": "", "ready": True}], 0, "x (waiting)"),
        ([agent("a"), {"name": "x", "state": "waiting", "reason": "stuck", "ready": False}], 1, "x: waiting: stuck"),
    ],
)  # fmt: skip
def test_the_exit_code_and_the_words_say_the_same(found: list[dict[str, Any]], expected: int, says: str) -> None:
    assert code(*found) == expected
    assert says in " ".join(screen(*found, columns=120).split())


def test_a_store_that_fails_is_said() -> None:
    broken = {"store_problem": "the disk is full"}
    assert "! store: the disk is full" in screen(agent("a"), monitor=broken)
    assert code(agent("a"), monitor=broken) == 1


def test_an_alert_about_the_pipeline_counts_and_is_no_agents() -> None:
    failing = alert("x", "loki", "error", cluster=PIPELINE, message="the backend takes nothing: connection refused")
    assert code(agent("a"), failing) == 2
    assert "@pipeline/loki: the backend takes nothing" in screen(agent("a"), failing, columns=120)
    assert code(agent("a"), {**failing, "suppressed": {"reason": "silenced", "detail": "by ann"}}) == 0
    of_cluster = overview(items(agent("a"), failing), NOW, Wanted(cluster="main"))
    assert (of_cluster.alerts, of_cluster.code) == ((), 0)
    assert [one["id"] for one in overview(items(agent("a"), failing), NOW, Wanted(cluster="@*")).alerts] == ["x"]
    found = board(agent("a"), failing)
    told = plain(found, overview(found.items, NOW), "", 2)
    assert [one["id"] for one in told["alerts"]] == ["x"]
    assert [one["name"] for one in told["clusters"]] == ["main"]


def test_damaged_queue_files_are_counted_and_are_no_alarm_by_themselves() -> None:
    found = {"damaged_queue_files": 2}
    assert "the collector set 2 damaged queue files aside" in screen(agent("a"), monitor=found)
    assert code(agent("a"), monitor=found) == 0


def test_a_terminal_that_is_too_low_keeps_the_worst_and_counts_the_rest() -> None:
    many = [agent(f"worker{number:03}") for number in range(200)]
    shown = screen(*many, agent("zoe", "stopped"), rows=24)
    assert len(shown.splitlines()) <= 24
    assert "■ stopped" in shown
    shown_rows = sum("● busy" in line for line in shown.splitlines())
    assert f"and {200 - shown_rows} more (--all" in shown


def test_a_filter_leaves_out_agents_and_says_so() -> None:
    seen = overview(items(*CROWD), NOW, Wanted(agent="*_*", states=("stopped",)))
    shown = as_text(lines(seen, Shape(80)), colour=False)
    assert "coding_writing_specialist" in shown
    assert "3 that the filter leaves out" in shown
    assert "77c2ab0712" not in shown


def test_colours_and_shapes_both_tell_the_state() -> None:
    made = lines(overview(items(*CROWD), NOW), Shape(80))
    assert "\x1b[1;31m■ stopped" in as_text(made, colour=True)
    assert "■ stopped" in as_text(made, colour=False)
    assert "\x1b" not in as_text(made, colour=False)
    assert as_text(made, colour=False, encoding="ascii").isascii()


HOSTILE = "x\x1b[2J\x1b]0;title\x07\n\r\u202e\u2028{red}[bold]"


def test_what_an_agent_wrote_can_neither_move_the_cursor_nor_forge_a_line() -> None:
    evil = agent("ev\x1b[1Ail\nmain: all is well", "stopped", reason=HOSTILE, task=HOSTILE)
    shown = screen(evil, alert("x", "evil", message=HOSTILE, acknowledged=taken(HOSTILE, HOSTILE)), columns=120)
    assert not {c for c in shown if c != "\n" and not c.isprintable()}
    assert not [line for line in shown.splitlines() if line.startswith("main: all is well")]


@given(st.text(), st.integers(1, 40))
def test_a_cut_text_fits_its_columns(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns
    assert width(pad(text, columns)) == columns


def test_only_what_happens_makes_a_new_block() -> None:
    found = items(*CROWD)
    assert signature(overview(found, NOW)) == signature(overview(found, NOW + 3))
    later = {**found, "agent/main/indexer": agent("indexer", "busy", restart_count=12)}
    assert signature(overview(found, NOW)) != signature(overview(later, NOW))


def test_the_daemons_clock_counts() -> None:
    held = Board(lambda: NOW - 3600.0)  # this machine is an hour behind
    held.take("snapshot", {"now": NOW, "items": {}}, "boot-1")
    assert held.now() == NOW


def test_a_board_follows_changes_and_says_since_when_it_is_blind() -> None:
    held = board(agent("a"), agent("b"))
    held.take("change", {"now": NOW, "set": {"agent/main/a": agent("a", "idle")}, "gone": ["agent/main/b"]}, "boot-2")
    assert (held.items["agent/main/a"]["state"], "agent/main/b" in held.items, held.last_id) == (
        "idle",
        False,
        "boot-2",
    )
    assert held.lose("the monitor ended")
    assert not held.lose("the monitor ended")
    assert held.connection.startswith("connection lost since ")
    held.take("hello", {"now": NOW})
    assert held.connection == ""


def test_a_stream_is_read_whatever_its_pieces_are_and_whatever_stands_in_it() -> None:
    value = {"now": 1.5, "text": "a\u2028b\x85c\x0bd"}
    stream = (
        f": hi\nretry: 1000\n\nid: boot-7\nevent: change\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
    )
    for size in (1, 3, 7, len(stream)):
        parser = Parser()
        found = [one for at in range(0, len(stream), size) for one in parser.feed(stream[at : at + size])]
        assert found == [("change", "boot-7", value)]
    with pytest.raises(LostError):
        list(Parser().feed(b"data: nonsense\n\n"))


# --- the program -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta").keep_dead_panes()
    yield server
    server.close()


@pytest.fixture
def watching(tmp_path: Path, tmux: Tmux) -> Iterator[Daemon]:
    arguments = ("dashboard", "--port", "0", "--interval", "0.3", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments) as running:
        eventually(lambda: running.get("/readyz") == {"status": "ready"})
        yield running


class Terminal:
    """A program in a terminal of a given size, and what stands on its screen as text without colours."""

    def __init__(self, home: Path, *arguments: str, columns: int = 80, rows: int = 24) -> None:
        self._master, child = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "telemetry", *arguments],
            env=environment(home, TERM="xterm-256color"),
            cwd=home,
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
        os.close(child)
        self.written = b""

    def resize(self, columns: int, rows: int) -> None:
        """As when a person drags the window's corner."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> str:
        """All that was written so far."""
        while select.select([self._master], [], [], 0)[0]:
            try:
                more = os.read(self._master, 65536)
            except OSError:
                break
            if not more:
                break
            self.written += more
        return self.written.decode("utf-8", "replace")

    def drawing(self) -> list[str]:
        """The lines of the last drawing that is complete."""
        drawn = self.read().rpartition("\x1b[J")[0].rpartition("\x1b[H")[2]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).split("\r\n")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.mark.slow
def test_status_of_a_running_monitor(tmp_path: Path, tmux: Tmux, watching: Daemon) -> None:
    eventually(lambda: run(tmp_path, "status").returncode == 0)
    tmux.kill("alpha")
    eventually(lambda: watching.agents()["alpha"] == "stopped")
    ended = run(tmp_path, "status", COLUMNS="80")
    assert (ended.returncode, ended.stderr) == (2, "")
    assert "alpha stopped" in ended.stdout
    assert max(map(width, ended.stdout.splitlines())) <= 80
    found = json.loads(run(tmp_path, "status", "--json", "--state", "stopped").stdout)
    assert (found["exit_code"], found["running"]) == (2, True)
    assert [one["name"] for one in found["clusters"][0]["agents"]] == ["alpha"]
    shown_id = next(one["id"] for one in found["alerts"] if one["agent"] == "alpha")
    assert shown_id in ended.stdout
    assert run(tmp_path, "alerts", "ack", shown_id, "--by", "ann").returncode == 0
    assert "✓ ann" in run(tmp_path, "status").stdout


@pytest.mark.slow
def test_without_a_monitor_what_the_last_one_left_is_shown(tmp_path: Path, tmux: Tmux, watching: Daemon) -> None:
    tmux.kill("alpha")
    eventually(lambda: run(tmp_path, "status").returncode == 2)
    watching.end()
    ended = run(tmp_path, "status")
    assert ended.returncode == 3
    assert "no monitor runs" in ended.stderr
    assert "alpha: agent stopped" in ended.stdout
    found = json.loads(run(tmp_path, "status", "--json").stdout)
    assert (found["running"], found["exit_code"], found["clusters"]) == (False, 3, [])


@pytest.mark.slow
def test_a_wrong_flag_is_one_line(tmp_path: Path) -> None:
    for arguments, says in (
        (("--state", "asleep"), "--state is 'asleep'"),
        (("--watch", "--json"), "don't go together"),
    ):
        ended = run(tmp_path, "status", *arguments)
        assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
        assert says in ended.stderr


@pytest.mark.slow
def test_watching_shows_a_death_in_place_the_lost_connection_and_the_new_one(
    tmp_path: Path, tmux: Tmux, watching: Daemon
) -> None:
    terminal = Terminal(tmp_path, "status", "--watch")
    try:
        eventually(lambda: "of 2 agents working" in terminal.read(), what="the first screen")
        tmux.kill("alpha")
        eventually(lambda: "alpha stopped" in terminal.read(), what="the death")
        assert max(map(width, terminal.drawing())) > 50
        terminal.resize(44, 12)
        terminal.process.send_signal(signal.SIGWINCH)  # it is no child of this terminal's session leader
        eventually(lambda: max(map(width, terminal.drawing())) <= 44, what="another width")
        assert len(terminal.drawing()) <= 12
        watching.end()
        eventually(lambda: "connection lost since" in terminal.read(), what="the loss")
        assert "· not live ·" in terminal.drawing()[0]
        arguments = ("dashboard", "--port", "0", "--interval", "0.3", "--tmux-socket", tmux.socket)
        with daemon(tmp_path, *arguments):
            eventually(lambda: "· live ·" in terminal.drawing()[0], what="the new connection")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(10) == 0
        written = terminal.read()
        assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
        assert written.rstrip().endswith("\x1b[?1049l")
        assert "Traceback" not in written
    finally:
        terminal.close()


@pytest.mark.slow
def test_watching_in_a_pipe_writes_a_block_for_each_change(tmp_path: Path, tmux: Tmux, watching: Daemon) -> None:
    out = tmp_path / "watched"
    with out.open("w") as file:
        program = subprocess.Popen(
            [sys.executable, "-m", "telemetry", "status", "--watch"],
            env=environment(tmp_path),
            cwd=tmp_path,
            stdout=file,
        )
    try:
        eventually(lambda: "of 2 agents working" in out.read_text())
        tmux.kill("beta")
        eventually(lambda: "beta stopped" in out.read_text())
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
        assert "\x1b" not in out.read_text()
    finally:
        program.kill()
        program.wait()
    assert watching.process.poll() is None
