"""What waits on disk comes out as it went in, whatever happened to process, files and disk meanwhile."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from telemetry.signals.spool import frames
from telemetry.signals.spool.journal import DAMAGED, MOST_IN_MEMORY, NO_DISK, SPOOL_FULL, Journal
from tests.collector.harness import on_a_small_disk

ROOT = Path(__file__).parents[2]
MOST = 1024 * 1024


class Kept:
    """A journal, with what it said."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self.folder = folder
        self.lost: Counter[str] = Counter()
        self.trouble: list[str] = []
        self.journal = Journal(folder, most, self._lose, lambda error: self.trouble.append(str(error)))
        self.journal.count()

    def _lose(self, reason: str, records: int) -> None:
        self.lost[reason] += records

    def add(self, *numbers: int, length: int = 100) -> None:
        for number in numbers:
            self.journal.append(f"{number:0{length}d}".encode(), 1, packed=False)

    def take(self, most: int = 1_000_000) -> list[int]:
        """Sends what waits."""
        taken: list[int] = []
        while len(taken) < most and (waiting := self.journal.oldest()) is not None:
            taken.append(int(waiting.frame.payload))
            self.journal.done(waiting)
        return taken

    def again(self) -> Kept:
        """As another process finds it after `kill -9`: nothing was closed."""
        return Kept(self.folder)

    @property
    def on_disk(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir())


def test_first_in_first_out_also_after_a_kill(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add(*range(3000))
    assert kept.journal.records == 3000
    assert kept.take(1000) == [*range(1000)]
    after = kept.again()
    assert after.journal.records == 2000
    after.add(3000, 3001)
    assert after.take() == [*range(1000, 3002)]
    assert after.journal.empty
    assert after.again().take() == []
    assert not after.lost


def test_nothing_but_the_place_is_left_when_all_is_sent(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for number in range(5000):  # a collector that lives: the file is begun anew, and never grows far
        kept.add(number)
        assert kept.take() == [number]
        assert kept.on_disk < 300_000
    kept.journal.close()
    assert [file.name for file in tmp_path.iterdir()] == ["cursor"]
    assert kept.again().take() == []


def test_a_lost_place_means_twice_never_not_at_all(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add(*range(100))
    kept.take(40)
    (tmp_path / "cursor").write_bytes(b"torn")
    assert kept.again().take() == [*range(100)]


def test_a_copy_that_is_made_while_it_goes_on_has_all_that_waited_then(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "spool")
    kept.add(*range(2000))
    kept.take(500)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in sorted(kept.folder.iterdir(), reverse=True):  # the cursor first, so what is sent meanwhile comes again
        with contextlib.suppress(FileNotFoundError):  # it was sent to its end
            shutil.copy2(file, copy)
        kept.add(*range(2000, 2100))
        kept.take(100)
    found = Kept(copy).take()
    assert set(range(kept.take(1)[0], 2000)) <= set(found)


def test_a_torn_tail_costs_the_torn_one_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add(*range(5))
    (file,) = tmp_path.glob("*.otlp")
    whole = file.read_bytes()
    one = len(whole) // 5
    for length in range(4 * one + 1, len(whole)):
        (tmp_path / "cursor").unlink(missing_ok=True)
        for old in tmp_path.glob("*.otlp"):
            old.unlink()
        file.write_bytes(whole[:length])
        after = kept.again()
        after.add(5)
        assert after.take() == [0, 1, 2, 3, 5]
        assert after.lost == {DAMAGED: 1}


def test_damage_in_the_middle_costs_what_is_damaged_and_no_more(tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311 - places, no secrets
    for round_ in range(200):
        folder = tmp_path / str(round_)
        kept = Kept(folder)
        kept.add(*range(20))
        (file,) = folder.glob("*.otlp")
        data = bytearray(file.read_bytes())
        place, length = dice.randrange(len(data)), dice.randrange(1, 300)
        data[place : place + length] = dice.randbytes(len(data[place : place + length]))
        file.write_bytes(data)
        one = len(data) // 20
        hit = {*range(place // one, min(19, (place + length - 1) // one) + 1)}
        after = kept.again()
        taken = after.take()
        assert taken == sorted(taken)
        assert set(range(20)) - hit <= set(taken)
        assert after.lost[DAMAGED] >= (1 if len(taken) < 20 else 0)


def test_damage_over_a_border_counts_what_can_be_told_of_both(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for _ in range(4):
        kept.journal.append(b"7" * 1000, 100, packed=False)
    (file,) = tmp_path.glob("*.otlp")
    data = bytearray(file.read_bytes())
    border = len(data) // 2
    data[border - 32 : border + 32] = bytes(64)
    file.write_bytes(data)
    after = kept.again()
    assert after.take() == [int("7" * 1000)] * 2
    assert after.lost == {DAMAGED: 101}  # of the request whose head is gone nothing is known but that it was there


def test_whatever_is_in_a_file_starts(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\0" * 5000, frames.MAGIC * 500, b"not this" * 100), start=1):
        (tmp_path / f"{number:012d}.otlp").write_bytes(content)
    (tmp_path / "other.otlp").write_bytes(b"foreign")
    (tmp_path / "000000000009.otlp").mkdir()
    (tmp_path / "000000000010.otlp").symlink_to(tmp_path / "other.otlp")
    kept = Kept(tmp_path)
    kept.add(1, 2)
    assert kept.take() == [1, 2]
    assert kept.lost[DAMAGED]
    assert not kept.trouble
    assert (tmp_path / "other.otlp").exists()


def test_a_full_spool_lets_the_oldest_go_and_counts_them(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for number in range(3000):
        kept.add(number, length=1000)
        assert kept.on_disk <= MOST
    lost = kept.lost[SPOOL_FULL]
    assert kept.journal.records + lost == 3000
    after = kept.again()  # what was counted by another process is counted by this one too, when it must go
    after.add(*range(3000, 4000), length=1000)
    assert after.on_disk <= MOST
    assert after.journal.records + after.lost[SPOOL_FULL] + lost == 4000
    taken = after.take()
    assert taken == [*range(4000 - len(taken), 4000)]
    assert len(taken) > MOST / 1021 * 0.9


def test_one_that_is_larger_than_the_whole_is_counted(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add(1)
    kept.add(2, length=2 * MOST)
    assert kept.take() == [1]
    assert kept.lost == {SPOOL_FULL: 1}


def test_one_that_goes_while_it_is_being_sent_takes_no_other_along(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.add(0, length=1000)
    sending = kept.journal.oldest()
    assert sending is not None
    kept.add(*range(1, 3000), length=1000)
    kept.journal.done(sending)
    taken = kept.take()
    assert taken == [*range(3000 - len(taken), 3000)]


def test_without_a_folder_memory_must_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(tmp_path / "file" / "spool")
    kept.add(*range(3000), length=1000)
    assert kept.trouble
    assert kept.journal.size <= MOST_IN_MEMORY
    assert kept.journal.records + kept.lost[NO_DISK] == 3000
    taken = kept.take()
    assert taken == [*range(3000 - len(taken), 3000)]
    kept.add(7)
    kept.journal.close()
    assert kept.lost[NO_DISK] + len(taken) == 3001


FULL_DISK = """
import sys
from pathlib import Path
from tests.spool.test_journal import Kept
folder, ballast = Path(sys.argv[1]) / "spool", Path(sys.argv[1]) / "ballast"
kept = Kept(folder)
kept.add(*range(50))
try:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
except OSError:
    pass
kept.add(*range(50, 1000))
ballast.unlink()
kept.add(*range(1000, 1010))
assert kept.trouble and "No space" in kept.trouble[0], kept.trouble
assert kept.take() == [*range(1010)], kept.lost
assert not kept.lost
kept.journal.close()
print(sorted(file.name for file in folder.iterdir()))
"""


def test_a_full_disk_costs_neither_order_nor_what_memory_can_hold(tmp_path: Path) -> None:
    done = subprocess.run(
        [*on_a_small_disk(tmp_path, "64k"), sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "['cursor']\n"), done.stderr


@pytest.mark.parametrize("again", [1, 3])
def test_only_its_owner_can_read_it(tmp_path: Path, again: int) -> None:
    for _ in range(again):
        kept = Kept(tmp_path / "spool")
        kept.add(1)
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "spool").iterdir()} == {0o600}
