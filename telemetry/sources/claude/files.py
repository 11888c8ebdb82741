"""Files that others write, opened without being harmed by what they may have become.

Only a regular file of a bounded size inside the folder is opened, component by component and relative to a descriptor:
no symbolic link is followed below the folder itself, no FIFO waited for, no device touched.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

LARGEST = 1 << 20
"""Bytes of the largest file that is read; Claude Code's own are a thousandth of that."""
MOST_ENTRIES = 20_000
"""So many entries of one folder are listed."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR)
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnusableError(Exception):
    """A file or folder is there and can't be used: the message says why, in words that follow its name."""


class BadJsonError(UnusableError):
    """A file holds no JSON: it may be half-written."""


class Stamp(NamedTuple):
    """By what a file is told from what it was before."""

    modified_ns: int
    size: int
    inode: int

    @property
    def modified(self) -> float:
        """Unix s."""
        return self.modified_ns / 1e9


@contextmanager
def opened_folder(name: str, parent: int | None = None) -> Iterator[int | None]:
    """The descriptor of a folder; None: there is none.

    Args:
        name: Its path, or with a `parent` its bare name there, which must not be a symbolic link.
        parent: Descriptor of the folder that it is in.

    Raises:
        UnusableError: It isn't a folder, or may not be read.
    """
    descriptor = _open_folder(name, parent)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open_folder(name: str, parent: int | None) -> int | None:
    try:
        return os.open(name, _FOLDER | (os.O_NOFOLLOW if parent is not None else 0), dir_fd=parent)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            kind = _kind_of(name, parent)
            if kind is None:
                return None
            raise UnusableError(f"is {kind}: a folder is needed") from None
        raise UnusableError(_in_words(error)) from None
    except ValueError:
        raise UnusableError("has a name that no file can have") from None


def entries(folder: int) -> list[tuple[str, bool]]:
    """The names in a folder, as far as they are listed, each with whether it is a regular file.

    Raises:
        UnusableError: It can't be listed.
    """
    names: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                names.append((entry.name, entry.is_file(follow_symlinks=False)))
                if len(names) >= MOST_ENTRIES:
                    break
    except OSError as error:
        raise UnusableError(_in_words(error)) from None
    return names


def stamp_of(name: str, folder: int) -> Stamp | None:
    """What a file is now, without opening it; None: it is gone.

    Raises:
        UnusableError: It is no regular file, is too large, or can't be looked at.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        _raise_unless_gone(error)
        return None
    return _checked(found)


def content_of(name: str, folder: int) -> tuple[Stamp, bytes] | None:
    """A file's stamp and content; None: it is gone.

    Raises:
        UnusableError: It is no regular file, is too large, or can't be read.
    """
    if stamp_of(name, folder) is None:  # opening a device may already do something
        return None
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        _raise_unless_gone(error)
        return None
    try:
        stamp = _checked(os.fstat(descriptor))
        return stamp, _read_all(descriptor, stamp.size)
    except OSError as error:
        raise UnusableError(_in_words(error)) from None
    finally:
        os.close(descriptor)


def parsed(content: bytes) -> Any:
    """What JSON says.

    Raises:
        BadJsonError: It isn't JSON (yet).
        UnusableError: It is JSON of a kind that nobody writes by mistake: keys twice, NaN, nested without end.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJsonError("is not UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except RecursionError:
        raise UnusableError("is nested too deeply") from None
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadJsonError(f"is not JSON{where}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnusableError("says a key twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise UnusableError(f"holds {word}, which is not JSON")


def _checked(found: os.stat_result) -> Stamp:
    mode = found.st_mode
    if not stat.S_ISREG(mode):
        raise UnusableError(f"is {_kind(mode)}: a regular file is needed")
    if found.st_size > LARGEST:
        raise UnusableError(f"has {found.st_size} bytes: at most {LARGEST} are read")
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino)


def _read_all(descriptor: int, expected: int) -> bytes:
    content = os.read(descriptor, expected + 1)
    while True:  # it may have grown meanwhile, or a network file system answers in pieces
        more = os.read(descriptor, LARGEST + 1 - len(content))
        if not more:
            return content
        content += more
        if len(content) > LARGEST:
            raise UnusableError(f"has grown beyond the {LARGEST} bytes that are read")


def _raise_unless_gone(error: OSError) -> None:
    if error.errno in _GONE:
        return
    if error.errno == errno.ELOOP:
        raise UnusableError("is a symbolic link, which is not followed: a regular file is needed") from None
    raise UnusableError(_in_words(error)) from None


def _kind_of(name: str, parent: int | None) -> str | None:
    try:
        return _kind(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except OSError:
        return None


def _kind(mode: int) -> str:
    return next((words for is_it, words in _KINDS if is_it(mode)), "a file")


def _in_words(error: OSError) -> str:
    return f"can't be read: {error.strerror or error}"
