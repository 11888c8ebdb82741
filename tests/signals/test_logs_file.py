"""The log file: rotated by day and by size, kept for a number of days, never losing a line."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from telemetry.signals.log_file import FileSink

DAY = 86_400
NOON = 1_793_577_600 + DAY // 2
"""2026-11-02T12:00:00Z."""


def sink(path: Path, now: float = NOON, **options: Any) -> FileSink:
    return FileSink(path, **{"retention_days": 7, "max_bytes": 10_000, "max_total_bytes": 10**9, "now": now, **options})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "orchestrator-telemetry.jsonl"


def test_only_the_owner_reads_it(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o666)
    sink(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_folder_is_the_owners_too(path: Path) -> None:
    sink(path).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_new_day_a_new_file(path: Path) -> None:
    file = sink(path)
    file.write(b"monday\n", {}, NOON)
    file.write(b"still monday\n", {}, NOON + DAY / 2 - 0.001)
    file.write(b"tuesday\n", {}, NOON + DAY / 2)
    file.write(b"friday\n", {}, NOON + 4 * DAY)
    file.close()
    assert path.read_text() == "friday\n"
    assert (path.parent / "orchestrator-telemetry-2026-11-02.jsonl").read_text() == "monday\nstill monday\n"
    assert (path.parent / "orchestrator-telemetry-2026-11-03.jsonl").read_text() == "tuesday\n"
    assert len(names(path.parent)) == 3


def test_a_day_without_lines_leaves_no_file(path: Path) -> None:
    file = sink(path)
    file.write(b"x\n", {}, NOON + 3 * DAY)
    file.close()
    assert names(path.parent) == [path.name]


def test_too_big_is_rotated_within_the_day(path: Path) -> None:
    file = sink(path, max_bytes=10)
    for number in range(4):
        file.write(f"line {number}\n".encode(), {}, NOON)
    file.write(b"longer than the limit itself\n", {}, NOON)
    file.close()
    assert path.read_text() == "longer than the limit itself\n"
    rotated = ["orchestrator-telemetry-2026-11-02" + suffix for suffix in ("", ".1", ".2", ".3")]
    assert [(path.parent / f"{name}.jsonl").read_text() for name in rotated] == [f"line {n}\n" for n in range(4)]


def test_a_file_of_an_earlier_day_is_rotated_at_start(path: Path) -> None:
    sink(path).close()
    path.write_text("old\n")
    os.utime(path, (NOON - 2 * DAY, NOON - 2 * DAY))
    file = sink(path)
    file.write(b"new\n", {}, NOON)
    file.close()
    assert names(path.parent) == ["orchestrator-telemetry-2026-10-31.jsonl", path.name]
    assert path.read_text() == "new\n"


@pytest.mark.parametrize("days", [7, 30, 90])
def test_old_files_are_deleted_at_start_and_at_rotation(path: Path, days: int) -> None:
    sink(path).close()
    folder = path.parent
    old = folder / "orchestrator-telemetry-2025-01-01.jsonl"
    others = [folder / name for name in ("orchestrator-telemetry-2025-01-01.json", "x-2025-01-01.jsonl",
              "orchestrator-telemetry-2025-02-31.jsonl")]  # fmt: skip
    for one in (old, *others):
        one.touch()
    file = sink(path, retention_days=days)
    assert not old.exists()
    assert all(other.exists() for other in others)
    for day in range(days + 3):
        file.write(f"{day}\n".encode(), {}, NOON + day * DAY)
    file.close()
    kept = [name for name in names(folder) if "-2026-" in name or "-2027-" in name]
    assert len(kept) == days


def test_all_files_together_have_a_limit(path: Path) -> None:
    file = sink(path, max_bytes=10, max_total_bytes=35)
    for number in range(20):
        file.write(f"line  {number:02}\n".encode(), {}, NOON)
    file.close()
    assert names(path.parent) == [
        "orchestrator-telemetry-2026-11-02.16.jsonl",
        "orchestrator-telemetry-2026-11-02.17.jsonl",
        "orchestrator-telemetry-2026-11-02.18.jsonl",
        path.name,
    ]


def test_after_a_crash_the_next_line_stands_alone(path: Path) -> None:
    sink(path).close()
    path.write_bytes(b'{"half": ')
    file = sink(path)
    file.write(b"{}\n", {}, NOON)
    file.write(b"{}\n", {}, NOON)
    file.close()
    assert path.read_bytes() == b'{"half": \n{}\n{}\n'


def test_a_disk_that_fills_up_in_the_middle_of_a_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sink(path)
    room = [4]
    really = os.write

    def write(number: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        done = really(number, data[: room[0]])
        room[0] -= done
        return done

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        file.write(b"123456\n", {}, NOON)
    room[0] = 1000
    file.write(b"next\n", {}, NOON)
    file.close()
    assert path.read_bytes() == b"1234\nnext\n"


def test_removed_or_rotated_by_somebody_else(path: Path) -> None:
    file, other = sink(path), sink(path)
    file.write(b"1\n", {}, NOON)
    path.unlink()
    file.write(b"2\n", {}, NOON + 2)
    assert path.read_text() == "2\n"
    other.write(b"3\n", {}, NOON + 3)
    other.write(b"4\n", {}, NOON + DAY)
    file.write(b"5\n", {}, NOON + DAY)
    file.close()
    other.close()
    assert path.read_text() == "4\n5\n"
    assert (path.parent / "orchestrator-telemetry-2026-11-02.jsonl").read_text() == "2\n3\n"


def test_a_folder_in_which_nothing_can_be_renamed_loses_no_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sink(path, max_bytes=10)

    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "rename", refuse)
    file.write(b"12345678\n", {}, NOON)
    with pytest.raises(PermissionError):
        file.write(b"second\n", {}, NOON)
    file.write(b"third\n", {}, NOON + 1)
    with pytest.raises(PermissionError):
        file.write(b"tried again\n", {}, NOON + 61)
    assert path.read_text() == "12345678\nsecond\nthird\ntried again\n"
    file.close()


def test_closed_is_closed(path: Path) -> None:
    file = sink(path)
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x\n", {}, NOON)


def test_the_clock_set_back(path: Path) -> None:
    file = sink(path)
    file.write(b"1\n", {}, NOON)
    file.write(b"2\n", {}, NOON - 5 * DAY)
    file.close()
    assert path.read_text() == "1\n2\n"


def _write_many(path: Path, who: int) -> None:
    file = sink(path, max_bytes=2_000)
    for number in range(500):
        file.write(f"{who} {number}\n".encode(), {}, NOON + number / 100)
    file.close()


def test_several_processes_on_one_file_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_many, args=(path, who)) for who in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    lines = [line for file in path.parent.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{who} {number}" for who in range(4) for number in range(500))
    assert len(names(path.parent)) > 3
