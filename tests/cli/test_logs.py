"""The daemon's log read backwards from its end, filtered, followed through rotation, and never obeyed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.cli.journal.files import LONGEST_LINE, Growing, backwards, rotated
from telemetry.cli.journal.reading import Journal, names
from telemetry.cli.journal.record import Sought, parse, shown
from telemetry.cli.live.text import as_text
from telemetry.cli.logs import LOG_FILE
from telemetry.daemon import LOG_FILE as DAEMONS
from tests.daemons import environment, run
from tests.waiting import eventually

NOW = time.time()
STATE = ".local/state/orchestrator-telemetry"


def record(message: str, age: float = 0.0, **fields: Any) -> bytes:
    stamp = datetime.fromtimestamp(NOW - age, UTC).isoformat().replace("+00:00", "Z")
    made = {"timestamp": stamp, "level": "info", "message": message, "logger": "telemetry.monitor", "record_id": "1"}
    return json.dumps({**made, "cluster": "main", **fields}, ensure_ascii=False).encode() + b"\n"


def text(line: bytes, **options: Any) -> str:
    return as_text(shown(parse(line), line, **options), colour=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / STATE / "logs"
    folder.mkdir(parents=True)
    return folder / LOG_FILE


def last(path: Path, limit: int = 50, **sought: Any) -> list[str]:
    journal = Journal(path, Sought(**sought))
    try:
        return [known["message"] if known else line.decode() for line, known in journal.last(limit)]
    finally:
        journal.close()


def test_the_daemon_writes_the_file_that_is_read() -> None:
    assert LOG_FILE == DAEMONS


@given(st.lists(st.binary(max_size=30).map(lambda one: one.replace(b"\n", b"")), max_size=30), st.integers(1, 40))
def test_backwards_gives_the_lines_of_a_file_the_last_one_first(
    tmp_path_factory: Any, lines: list[bytes], block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "backwards"
    path.write_bytes(b"\n".join(lines))
    with path.open("rb") as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr("telemetry.cli.journal.files.BLOCK", block)
        found = list(backwards(opened.fileno(), os.fstat(opened.fileno()).st_size))
    assert found == [line for line in reversed(lines) if line.strip()]


def test_the_last_lines_of_a_big_file_cost_as_much_as_those_of_a_small_one(tmp_path: Path) -> None:
    """Counted, not timed: how much of a file of 4 GB (a hole with an end) is read."""
    path = tmp_path / "big"
    with path.open("wb") as opened:
        opened.seek(4 << 30)
        opened.write(b"\n" + b"".join(record(f"line {number}") for number in range(100)))
    read = []
    real = os.pread

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return real(file, size, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", counted)
        assert last(path, 50)[-1] == "line 99"
    assert sum(read) < 1 << 20


def test_a_line_without_an_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * (3 * LONGEST_LINE) + b"\n" + record("after"))
    found = last(path)
    assert found[1] == "after"
    assert len(found[0]) == LONGEST_LINE


def test_rotated_files_are_read_as_far_back_as_is_asked_for(file: Path) -> None:
    for day, number, message in (("2026-01-30", "", "1"), ("2026-01-31", "", "2"), ("2026-01-31", ".1", "3"),
                                 ("2026-01-31", ".2", "4"), ("2026-01-31", ".10", "5")):  # fmt: skip
        file.with_name(f"{file.stem}-{day}{number}.jsonl").write_bytes(record(message))
    file.write_bytes(record("6"))
    file.with_name("other-2026-01-31.jsonl").write_bytes(record("not ours"))
    assert last(file) == ["1", "2", "3", "4", "5", "6"]
    assert last(file, 3) == ["4", "5", "6"]
    assert len(rotated(file)) == 5
    file.unlink()
    assert last(file, 2) == ["4", "5"]


def test_each_filter_keeps_what_it_names(file: Path) -> None:
    file.write_bytes(
        record("old", 7200, agent_name="a")
        + record("warned", 60, agent_name="a", level="warning", trace_id="ab12" + "0" * 28)
        + record("other", 50, agent_name="b", level="error", cluster="night")
        + "{broken ツ\n".encode()
        + record("日本語", 10, agent_name="ä", level="debug")
        + json.dumps({"message": "escaped", "agent_name": "ä"}).encode()
        + b"\n"
    )
    assert last(file, agent="a") == ["old", "warned"]
    assert last(file, agent="ä") == ["日本語", "escaped"]
    assert last(file, since=NOW - 3600) == ["warned", "other", "{broken ツ", "日本語", "escaped"]
    assert last(file, level="warning") == ["warned", "other"]
    assert last(file, cluster="night") == ["other"]
    assert last(file, grep="BROKEN") == ["{broken ツ"]
    assert last(file, trace="AB12") == ["warned"]
    assert last(file, 2) == ["日本語", "escaped"]


@given(st.lists(st.sampled_from(["a", "b", "ä", 'q"', "\\"]), max_size=40), st.integers(1, 700), st.booleans())
def test_what_is_skipped_unread_holds_nothing_that_is_wanted(
    tmp_path_factory: Any, names: list[str], block: int, escaped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "skipped"
    lines = [json.dumps({"message": str(n), "agent_name": one}, ensure_ascii=escaped) for n, one in enumerate(names)]
    path.write_text("".join(f"{one}\n" for one in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("telemetry.cli.journal.files.BLOCK", block)
        for name in ("a", "ä", 'q"', "\\"):
            assert last(path, agent=name) == [str(n) for n, one in enumerate(names) if one == name]


def test_a_search_by_time_ends_where_lines_are_too_old(file: Path) -> None:
    file.write_bytes(b"".join(record(f"old {n}", 9000 - n) for n in range(5000)) + record("new"))
    parsed = []

    def counting(line: bytes) -> Any:
        parsed.append(line)
        return parse(line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("telemetry.cli.journal.reading.parse", counting)
        assert last(file, since=NOW - 60) == ["new"]
    assert len(parsed) < 50


def test_a_record_is_shown_in_one_line_with_what_matters() -> None:
    line = record(
        "told slack",
        agent_name="builder",
        level="error",
        reason="timed out",
        trace_id="abcdef0123",
        pane_index=3,
        empty="",
    )
    told = text(line)
    assert told.endswith("error    builder told slack  reason=timed out trace=abcdef01\n")
    assert "main" in text(line, clusters=True)
    assert "builder builder" not in text(record("builder: busy → idle", agent_name="builder"))


EVIL = "x\x1b[2J\x1b]0;t\x07\r\u202e\u2028\x9b2J"


def test_hostile_text_neither_moves_the_cursor_nor_forges_a_line() -> None:
    for line in (
        record(f"{EVIL}\n12:00:00.000 error    all is lost", agent_name=EVIL, level=EVIL, more={EVIL: [EVIL]}),
        f"no json {EVIL}".encode() + b"\xff\x1b[1A",
        b"[1, 2]",
        b"[" * 100_000,
        json.dumps({"timestamp": [1], "message": {"a": EVIL}, "level": 7, "agent_name": 8, "trace_id": 9}).encode(),
    ):
        told = text(line)
        assert not {c for c in told if c != "\n" and not c.isprintable()}
        assert [one for one in told.splitlines()[1:] if not one.startswith("    │ ")] == []


def grown(follower: Growing) -> list[str]:
    return [json.loads(line)["message"] for line in follower.lines()]


def test_following_survives_rotation_removal_and_truncation(file: Path) -> None:
    follower = Growing(file, -1, 0)
    assert grown(follower) == []
    file.write_bytes(record("1"))
    assert grown(follower) == ["1"]
    with file.open("ab") as opened:
        opened.write(record("2")[:-5])
        opened.flush()
        assert grown(follower) == []
        opened.write(record("2")[-5:] + record("3"))
    # rotated twice before the next look
    file.rename(file.with_name(f"{file.stem}-2026-01-31.jsonl"))
    file.write_bytes(record("4"))
    file.rename(file.with_name(f"{file.stem}-2026-01-31.1.jsonl"))
    file.write_bytes(record("5"))
    assert grown(follower) == ["2", "3", "4", "5"]
    file.write_bytes(record(""))
    assert grown(follower) == [""]
    file.unlink()
    assert grown(follower) == []
    file.write_bytes(record("6"))
    assert grown(follower) == ["6"]
    follower.close()


def test_nothing_is_lost_between_the_last_lines_and_the_first_new_one(file: Path) -> None:
    file.write_bytes(record("1") + record("2")[:-9])
    journal = Journal(file, Sought())
    assert [known and known["message"] for _, known in journal.last(10)] == ["1"]
    with file.open("ab") as opened:
        opened.write(record("2")[-9:])
    follower = journal.follow()
    assert [known and known["message"] for _, known in follower.more()] == ["2"]
    follower.close()


def test_names_are_those_of_the_last_lines_each_once(file: Path) -> None:
    lines = [record("x", agent_name=name, cluster="night") for name in ("b", "a", "b", 7, "", "e\x1b[31mvil")]
    file.write_bytes(b"".join(lines) + b"{torn\n" + record("about nobody"))
    assert names(file, "agent_name") == ["a", "b", "e\\x1b[31mvil"]
    assert names(file, "cluster") == ["main", "night"]
    assert names(file.with_name("none"), "cluster") == []


# --- the program -----------------------------------------------------------------------------------------------------


@pytest.fixture
def following(tmp_path: Path, file: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    file.write_bytes(record("before"))
    out = tmp_path / "out"
    with out.open("wb") as opened:
        program = subprocess.Popen(
            [sys.executable, "-m", "telemetry", "logs", "-f"], env=environment(tmp_path), cwd=tmp_path, stdout=opened
        )
    yield program, out
    program.kill()
    program.wait()


@pytest.mark.slow
def test_following_in_a_process_of_its_own(file: Path, following: tuple[subprocess.Popen[bytes], Path]) -> None:
    program, out = following
    eventually(lambda: "before" in out.read_text())
    file.rename(file.with_name(f"{file.stem}-2026-01-31.jsonl"))
    file.write_bytes(record("after the rotation"))
    eventually(lambda: "after the rotation" in out.read_text())
    program.send_signal(signal.SIGINT)
    assert program.wait(10) == 0


@pytest.mark.slow
def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, file: Path) -> None:
    ended = run(tmp_path, "logs")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "there is no log yet" in ended.stderr
    file.write_bytes(record("hi", agent_name="a") + b"torn")
    for arguments, says in (
        (("--level", "loud"), "--level is 'loud': it must be one of debug, info"),
        (("--since", "yesterday"), "--since is 'yesterday': it must be a time such as"),
    ):
        ended = run(tmp_path, "logs", *arguments)
        assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
        assert says in ended.stderr
    assert run(tmp_path, "logs", "a").stdout.endswith("info     a hi\n")
    assert run(tmp_path, "logs", "--json").stdout == record("hi", agent_name="a").decode()


@pytest.mark.slow
def test_an_agent_that_the_log_knows_nothing_of_is_told_with_those_that_it_knows(tmp_path: Path, file: Path) -> None:
    file.write_bytes(record("hi", agent_name="a") + record("ho", 7200, agent_name="b"))
    for arguments, says in (
        (("nobody",), f"no line of an agent named 'nobody' in {file}; agents seen: a, b"),
        (("nobody", "--json", "--since", "1m"), f"no line of an agent named 'nobody' in {file}; agents seen: a, b"),
        (("a", "--cluster", "night"), f"no line of a cluster named 'night' in {file}; clusters seen: main"),
    ):
        ended = run(tmp_path, "logs", *arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"orchestrator-telemetry: {says}\n"
    quiet = run(tmp_path, "logs", "b", "--since", "1h")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.slow
def test_following_an_agent_that_the_log_knows_nothing_of_says_that_it_waits(tmp_path: Path, file: Path) -> None:
    file.write_bytes(record("hi", agent_name="a"))
    out, complaints = tmp_path / "out", tmp_path / "complaints"
    with out.open("wb") as opened, complaints.open("wb") as told:
        program = subprocess.Popen(
            [sys.executable, "-m", "telemetry", "logs", "later", "-f"],
            env=environment(tmp_path),
            cwd=tmp_path,
            stdout=opened,
            stderr=told,
        )
    try:
        eventually(lambda: "agents seen: a: waiting for one\n" in complaints.read_text())
        with file.open("ab") as log:
            log.write(record("here I am", agent_name="later"))
        eventually(lambda: "here I am" in out.read_text())
        program.send_signal(signal.SIGINT)
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.wait()
