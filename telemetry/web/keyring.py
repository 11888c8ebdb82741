"""The tokens that hold now: those of the settings, and those of files, which are read again as soon as they change."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.web.tokens import Token, TokenError

LONGEST_FILE = 1024 * 1024
_OTHERS_READ = stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOUNTED = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Where container engines put secrets, with rights that nobody can choose."""

Mark = tuple[int, int, int, int]
"""By what a changed file is known: inode, time, size, rights."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with tokens.

    Attributes:
        path: Its name.
        parse: What its text holds; raises TokenError.
        named: The setting that names it, for messages; "" for our own.
        may_lack: Whether it need not be there.
    """

    path: Path
    parse: Callable[[str], tuple[Token, ...]]
    named: str = ""
    may_lack: bool = False

    def mark(self) -> Mark | None:
        """As it is now; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode

    def read(self) -> tuple[Token, ...]:
        """What it holds.

        Raises:
            TokenError: It can't be used; one line, with its name and without any of its text.
        """
        where = f"{self.named}: {self.path}" if self.named else str(self.path)
        try:
            return self.parse(_text(self.path, where))
        except FileNotFoundError:
            if self.may_lack:
                return ()
            raise TokenError(f"{where} isn't there") from None
        except OSError as error:
            raise TokenError(f"{where} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TokenError(f"{where} is no text") from None
        except TokenError as error:
            text = str(error)
            raise TokenError(text if text.startswith(where) else f"{where}: {text}") from None


@dataclass
class _Held:
    file: TokenFile
    mark: Mark | None
    tokens: tuple[Token, ...]


@dataclass
class Keyring:
    """All tokens of one kind.

    Args:
        fixed: Those of the settings.
        files: Those that are read again when they change. One that can't be used any more holds nothing.
        complain: Told once, in one line, when one can't be used.

    Raises:
        TokenError: One of the files can't be used from the beginning.
    """

    fixed: Sequence[Token] = ()
    files: Sequence[TokenFile] = ()
    complain: Callable[[str], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self._held = []
        for file in self.files:
            mark = file.mark()  # before it is read: what comes between is seen at the next look
            self._held.append(_Held(file, mark, file.read()))
        self._all = self._joined()

    def tokens(self) -> tuple[Token, ...]:
        """Those that are kept now, also some that have ended. One look at each file's name."""
        changed = False
        for held in self._held:
            mark = held.file.mark()
            if mark != held.mark:
                held.mark, held.tokens, changed = mark, self._read(held.file), True
        if changed:
            self._all = self._joined()
        return self._all

    def _read(self, file: TokenFile) -> tuple[Token, ...]:
        try:
            return file.read()
        except TokenError as error:
            self.complain(f"no token of this file holds any more: {error}")
            return ()

    def _joined(self) -> tuple[Token, ...]:
        return (*self.fixed, *(token for held in self._held for token in held.tokens))


def _text(path: Path, where: str) -> str:
    """The text of a file whose rights keep others out. Raises TokenError, OSError and UnicodeDecodeError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise TokenError(f"{where} is no ordinary file")
        if found.st_mode & _OTHERS_READ and not any(path.is_relative_to(folder) for folder in _MOUNTED):
            raise TokenError(
                f"{where} may be read by everybody (rights {stat.S_IMODE(found.st_mode):04o}): chmod 600 {path}"
            )
        if found.st_mode & _OTHERS_WRITE:
            raise TokenError(f"{where} may be written by others: chmod 600 {path}")
        with open(handle, "rb", closefd=False) as file:
            content = file.read(LONGEST_FILE + 1)
    finally:
        os.close(handle)
    if len(content) > LONGEST_FILE:
        raise TokenError(f"{where} is longer than {LONGEST_FILE // 1024} KiB")
    return content.decode()
