"""Files that aren't what they should be: each is one line with its name, and none holds up or hides the others."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.model import State
from telemetry.sources.base import SourceError
from telemetry.sources.claude import shelf as claude_shelf
from telemetry.sources.claude.files import LARGEST
from tests.sources.claude.world import World, a_session, a_task, a_team

if TYPE_CHECKING:
    from collections.abc import Callable

BAD = "sessions/77.json"
SECRET = '{"pid": 77, "sessionId": "stolen", "status": "busy"}'


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _outside(path: Path) -> None:
    outside = path.parents[2] / "outside.json"
    outside.write_text(SECRET)
    path.symlink_to(outside)


def _inside(path: Path) -> None:
    (path.parents[1] / "settings.json").write_text(SECRET)
    path.symlink_to("../settings.json")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere.json")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _text(content: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


LINK = "is a symbolic link, which is not followed: a regular file is needed"
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a gigabyte": (_huge, f"has 1073741824 bytes: at most {LARGEST} are read"),
    "a FIFO": (_pipe, "is a pipe: a regular file is needed"),
    "a link out of the folder": (_outside, LINK),
    "a link to a file of the folder": (_inside, LINK),
    "a link to itself": (_loop, LINK),
    "a link to nothing": (_dangling, LINK),
    "a link to a device": (_device, LINK),
    "a folder": (_folder, "is a folder: a regular file is needed"),
    "a socket": (_socket, "is a socket: a regular file is needed"),
    "nested deeply": (_text('{"pid":' + "[" * 100_000 + "]" * 100_000 + "}"), "is nested too deeply"),
    "a key twice": (_text('{"status": "idle", "status": "busy"}'), "says a key twice in one object"),
    "NaN": (_text('{"updatedAt": NaN}'), "holds NaN, which is not JSON"),
    "Infinity": (_text('{"updatedAt": -Infinity}'), "holds -Infinity, which is not JSON"),
    "nothing in it": (_text(""), "is not JSON (line 1, column 1)"),
    "half of it": (_text('{"pid": 77, "stat'), "is not JSON (line 1, column 13)"),
    "a longer tail": (_text(SECRET + '46,"waitingFor":"x"}'), "is not JSON (line 1, column 53)"),
    "binary": (_text(b"\x00\xff\xfe"), "is not UTF-8"),
    "a list": (_text("[1]"), "must hold an object"),
    "a number with a million digits": (_text('{"pid": ' + "9" * 1_000_000 + "}"), "is not JSON"),
    "another process's": (_text('{"pid": 78}'), "speaks of process 78: its name must be that number"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_one_line(world: World, kind: str) -> None:
    make, why = HOSTILE[kind]
    world.session(world.process())
    make(world.root / BAD)
    began = time.monotonic()
    agent = world.only()
    assert time.monotonic() - began < 2
    assert (agent.name, agent.reported) == ("project-09", State.IDLE)
    assert world.reading.problems == (f"{BAD} {why}",)
    assert world.only(at=2) is agent
    assert world.reading.problems == (f"{BAD} {why}",), "told as long as it is so"
    path = world.root / BAD
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    world.only(at=3)
    assert not world.reading.problems


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_last_good_word_stays(world: World, kind: str) -> None:
    pid = world.process()
    path = world.session(pid, status="busy")
    assert world.only().reported is State.BUSY
    path.unlink()
    HOSTILE[kind][0](path)
    agent = world.only(at=2)
    assert (agent.running, agent.reported) == (True, State.BUSY)
    assert len(world.reading.problems) == 1


WRONG: list[Any] = [None, True, 5, -1.5, 10**30, "", "x" * 5000, "\ud800\x1b[2J\u202e", [], [[]], {}, {"a": 1}]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
def test_wrong_types_in_every_field(world: World, value: object) -> None:
    pid = world.process()
    world.session(pid)
    good = world.process()
    world.session(good, "good", name="good")
    world.read()
    odd = dict.fromkeys(a_session(pid), value) | {"pid": pid, "procStart": a_session(pid)["procStart"]}
    world.write(f"sessions/{pid}.json", json.dumps(odd))
    world.write("teams/odd/config.json", json.dumps(dict.fromkeys(a_team("odd"), value)))
    world.write(
        "teams/odder/config.json", json.dumps({"members": [value, dict.fromkeys(a_team("x")["members"][0], value)]})
    )
    world.write("teams/odd/inboxes/x.json", json.dumps([value, {"from": value, "text": value, "timestamp": value}]))
    world.write("tasks/odd/1.json", json.dumps(dict.fromkeys(a_task(1), value)))
    agents = world.read(at=2)
    assert agents["good"].reported is State.IDLE
    assert any(agent.pid == pid for agent in agents.values())
    names = [problem.partition(" ")[0] for problem in world.reading.problems]
    assert len(names) == len(set(names)), "one line a file"
    assert all(len(problem) < 1000 and problem.isprintable() for problem in world.reading.problems)


def test_which_field_it_is_and_what_is_allowed(world: World) -> None:
    pid = world.process()
    world.session(pid, status=5, updatedAt="now")
    world.only()
    assert world.reading.problems == (
        f"sessions/{pid}.json is used in part: status must be a text; updatedAt must be a time in milliseconds",
    )


def test_a_start_that_cant_be_written_down_is_told_of_its_file_and_left_out(world: World) -> None:
    pid = world.process()
    world.session(pid, procStart="\ud800")
    world.only()
    assert world.reading.problems == (
        f"sessions/{pid}.json is used in part: procStart must be a text that can be written",
    )


@pytest.mark.parametrize("name", ["sessions", "teams", "teams/red", "teams/red/inboxes", "tasks"])
def test_a_folder_without_permission(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = world.process()
    world.session(pid)
    world.team("red", session_id="f50b2b6e-f685-44f6-b5cd-9a25d42d0da6", pid=pid)
    world.inbox("red", "scout")
    world.tasks("tasks", a_task(1))
    before = world.only()
    folder = world.root / name
    folder.chmod(0)
    if os.access(folder, os.R_OK):  # root may read everything
        real = os.open

        def denied(path: str, *arguments: int, **more: Any) -> int:
            if path == folder.name and more.get("dir_fd") is not None:
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **more)

        monkeypatch.setattr(os, "open", denied)
    agent = world.only(at=2)
    assert agent is before, "what is known stays"
    assert world.reading.problems == (f"{name} can't be read: Permission denied",)
    monkeypatch.undo()
    folder.chmod(0o700)
    world.only(at=3)
    assert not world.reading.problems


@pytest.mark.parametrize("name", ["sessions", "teams", "teams/x", "tasks"])
@pytest.mark.parametrize("how", ["out", "loop"])
def test_a_folder_that_is_a_link(world: World, name: str, how: str) -> None:
    outside = world.home / "outside"
    outside.mkdir()
    (outside / "77.json").write_text(SECRET)
    (outside / "config.json").write_text(json.dumps(a_team("stolen")))
    folder = world.root / name
    folder.parent.mkdir(exist_ok=True)
    if folder.exists():
        folder.rmdir()
    folder.symlink_to(outside if how == "out" else folder.name)
    world.make()
    asyncio.run(_listened_once(world))
    assert world.reading.agents == ()
    assert world.reading.problems == (f"{name} is a symbolic link, which is not followed: a folder is needed",)


async def _listened_once(world: World) -> None:
    assert world.source
    world.source.listen(lambda: None)
    world.reading = await world.source.read(1.0)
    watched = set(world.source._watch._inotify._paths.values()) if world.source._watch._inotify else set()
    assert not any("outside" in path for path in watched)
    await world.source.close()
    world.source = None


def test_a_file_that_goes_between_stat_and_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.session(world.process())
    world.write(BAD, SECRET)
    real = os.open

    def vanishing(path: str, *arguments: int, **more: int) -> int:
        if path == "77.json":
            (world.root / BAD).unlink()
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", vanishing)
    assert world.only().name == "project-09"
    assert not world.reading.problems


def test_a_file_that_turns_into_a_link_between_stat_and_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(BAD, SECRET)
    real = os.open

    def swapped(path: str, *arguments: int, **more: int) -> int:
        if path == "77.json":
            (world.root / BAD).unlink()
            _outside(world.root / BAD)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", swapped)
    assert world.read() == {}
    assert world.reading.problems == (f"{BAD} {LINK}",)


def test_a_file_that_grows_while_it_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(BAD, SECRET)
    monkeypatch.setattr(os, "read", lambda descriptor, size: b" " * size)
    assert world.read() == {}
    assert world.reading.problems == (f"{BAD} has grown beyond the {LARGEST} bytes that are read",)


def test_a_half_written_file_is_read_again_in_a_moment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = world.process()
    path = world.session(pid, status="busy")
    world.only()
    whole = json.dumps(a_session(pid, status="waiting", waitingFor="permission prompt"))
    path.write_text(whole + '6,"waitingFor":"x"}')
    monkeypatch.setattr(world.source._books.shelf, "_pause", lambda seconds: path.write_text(whole) and None)  # type: ignore[union-attr]
    assert world.only(at=2).reported is State.WAITING
    assert not world.reading.problems


def test_the_folder_itself(world: World) -> None:
    world.session(world.process())
    world.only()
    moved = world.root.rename(world.home / "moved")
    assert world.read(at=2) == {}
    assert world.reading.problems == (f"{world.root} is not there: Claude Code's folder is needed",)
    world.root.write_text("no folder")
    with pytest.raises(SourceError, match="is a file: a folder is needed"):
        world.read(at=3)
    world.root.unlink()
    moved.rename(world.root)
    assert world.only(at=4).running


def test_names_of_files_that_nobody_would_give(world: World) -> None:
    world.write("teams/\x1b[31mred\n/config.json", "{")
    world.write("teams/" + "x" * 200 + "/config.json", "[]")
    Path(os.fsdecode(os.fsencode(world.root) + b"/teams/\xff\xfe")).mkdir()
    world.read()
    assert len(world.reading.problems) == 2
    assert all(len(problem) < 300 for problem in world.reading.problems)
    assert "\x1b" not in "".join(world.reading.problems)


def test_thousands_of_bad_files_are_a_few_lines(world: World) -> None:
    for number in range(1, 301):
        world.write(f"sessions/{number}.json", "[]")
    world.read()
    assert len(world.reading.problems) == 51
    assert world.reading.problems[-1] == "… and 250 more files that can't be used"


def test_a_folder_with_very_many_entries_is_read_in_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.sources.claude.files.MOST_ENTRIES", 3)
    for number in range(10):
        world.write(f"sessions/{number}.json", "[]")
    world.read()
    assert len(world.reading.problems) == 3
    assert claude_shelf.OURS.match("sessions/1.json")
