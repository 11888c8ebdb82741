"""Rewrites somebody else's file as a whole or not at all, where it truly lies, with the rights it had."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_NEW_FILE = 0o600
_NEW_FOLDER = 0o700


class RewriteError(Exception):
    """It can't be read or written: one line that says which file, and why."""


def read(path: Path, longest: int) -> str | None:
    """Its text; None where there is no such file.

    Raises:
        RewriteError: It is no file of text, is longer than so many bytes, or may not be read.
    """
    try:
        held = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RewriteError(f"{path} can't be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(held).st_mode):
            raise RewriteError(f"{path} is no ordinary file")
        with open(held, "rb", closefd=False) as file:
            content = file.read(longest + 1)
    except OSError as error:
        raise RewriteError(f"{path} can't be read: {error.strerror}") from error
    finally:
        os.close(held)
    if len(content) > longest:
        raise RewriteError(f"{path} is longer than {longest // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RewriteError(f"{path} is no text in UTF-8 (byte {error.start})") from error


def rewrite(path: Path, before: str | None, after: str) -> None:
    """Replaces it at once. A symbolic link stays, and the file it leads to is replaced.

    Args:
        path: Its name.
        before: What it held, or None: there was none.
        after: What it is to hold.

    Raises:
        RewriteError: It can't be written, or somebody else has changed it meanwhile.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=_NEW_FOLDER, parents=True, exist_ok=True)
        mode = _NEW_FILE if before is None else stat.S_IMODE(target.stat().st_mode)
        held, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(held, "wb") as file:  # noqa: PTH123 - by its descriptor
                file.write(after.encode())
                file.flush()
                os.fchmod(held, mode)
                os.fsync(held)
            _check_unchanged(path, before, len(after.encode()) + len((before or "").encode()))
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise RewriteError(f"{path} can't be written: {error.strerror}") from error


def _check_unchanged(path: Path, before: str | None, longest: int) -> None:
    if read(path, longest) != before:
        raise RewriteError(f"{path} was changed by somebody else just now: try again")
