"""Whole copies of a database, and the one that is kept before an upgrade."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from glob import escape
from pathlib import Path
from urllib.parse import quote


def copy(source: Path, target: Path) -> None:
    """Copies a database as it is at one moment into a new file, which only its owner may read.

    It is one file, whatever lies beside the original. Whoever writes meanwhile isn't held up.

    Raises:
        OSError: There is such a file already, or it can't be made.
        sqlite3.Error: One of them can't be used; nothing is left of the new one.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(target)) as made:
            with closing(_reading(source)) as there:
                there.backup(made)
            made.execute("PRAGMA journal_mode = DELETE")
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


def kept_before(path: Path, version: int) -> Path:
    """Where a store is kept as it was before it left a version."""
    return path.with_name(f"{path.name}.v{version}")


def keep(path: Path, version: int) -> None:
    """Keeps a store of this version before it is upgraded; one that was kept at an earlier upgrade goes.

    Raises:
        OSError: It can't be written.
        sqlite3.Error: The same.
    """
    kept = kept_before(path, version)
    begun = kept.with_name(f"{kept.name}.part")
    begun.unlink(missing_ok=True)
    copy(path, begun)
    begun.replace(kept)
    for earlier in path.parent.glob(f"{escape(path.name)}.v*"):
        if earlier != kept and earlier.suffix.removeprefix(".v").isdecimal():
            earlier.unlink()


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
