"""The checks of the disk and of who may read what lies on it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from telemetry import watching
from telemetry.control import NAME as SOCKET
from telemetry.doctor.finding import Finding, fail, ok, warn
from telemetry.doctor.world import World
from telemetry.lockfile import NAME as LOCK
from telemetry.settings.about import value_of, walk
from telemetry.settings.tree import Settings
from telemetry.store import set_aside

LITTLE = 500 * 1024 * 1024
TOO_LITTLE = 50 * 1024 * 1024
"""Bytes of free space below which the store and the log may soon not be written."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SECRET_WORDS = ("token", "key_file", "tls_key", "password_file", "secret_file")


async def disk(world: World) -> list[Finding]:
    """Whether state and log can be written, how much space is left, and whether a damaged store lies there."""
    return await asyncio.to_thread(
        lambda: [_folder("state folder", world.settings.state_dir), *_log(world), *_damaged(world)]
    )


def _log(world: World) -> list[Finding]:
    folder = world.settings.log_dir
    if folder.parent == world.settings.state_dir and not folder.exists():
        return []
    return [_folder("log folder", folder)]


def _damaged(world: World) -> list[Finding]:
    kept = sorted(path.name for path in set_aside(watching.store_path(world.settings)))
    if not kept:
        return []
    said = f"a damaged store was set aside, and what was known before is in it: {', '.join(kept)}"
    return [warn("disk", said, f"move it away from {world.settings.state_dir} when nobody needs it any more")]


def _folder(what: str, folder: Path) -> Finding:
    """What a folder is good for. Where it isn't there yet, its nearest parent that is."""
    place = next((path for path in (folder, *folder.parents) if os.access(path, os.F_OK)), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=place, prefix=".doctor-"):  # on most file systems, it never has a name
            pass
        free = shutil.disk_usage(place).free
    except OSError as error:
        return _unusable(what, folder, error)
    if free < TOO_LITTLE:
        return fail("disk", f"disk full: {_size(free)} are left for the {what} {folder}", "make room there")
    if free < LITTLE:
        return warn("disk", f"{_size(free)} are left for the {what} {folder}", "make room there")
    return ok("disk", f"the {what} {folder} can be written; {_size(free)} are left")


def _unusable(what: str, folder: Path, error: OSError) -> Finding:
    if error.errno == errno.EROFS:
        todo = "mount it writable, or choose another folder (ORCHESTRATOR_STATE_DIR, ORCHESTRATOR_LOG_DIR)"
        return fail("disk", f"read-only disk: the {what} {folder} can't be written", todo)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return fail("disk", f"disk full: nothing can be written to the {what} {folder}", "make room there")
    todo = "give the monitor's user the right to write there, or choose another folder (ORCHESTRATOR_STATE_DIR)"
    return fail("disk", f"the {what} {folder} can't be written: {error.strerror}", todo)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


async def rights(world: World) -> list[Finding]:
    """Whether others can read what is nobody's business."""
    return await asyncio.to_thread(_rights, world)


def _rights(world: World) -> list[Finding]:
    state, store = world.settings.state_dir, watching.store_path(world.settings)
    private = [state, store, *(Path(f"{store}{ending}") for ending in ("-wal", "-shm")), state / SOCKET, state / LOCK]
    findings = [*_open_to_others(private, "what agents do and say"), *_open_to_others(_secret_files(world), "a secret")]
    if world.file is not None and _has_secrets(world):
        findings += _open_to_others([world.file], "secrets")
    return findings or [ok("rights", "what is private is for this user alone")]


def _open_to_others(paths: Iterable[Path], what: str) -> list[Finding]:
    found = []
    for path in paths:
        try:
            held = path.stat()
        except OSError:
            continue
        if held.st_mode & _OTHERS and not stat.S_ISSOCK(held.st_mode):
            mode = "700" if stat.S_ISDIR(held.st_mode) else "600"
            said = f"{path} (mode {stat.S_IMODE(held.st_mode):04o}) shows {what} to other users"
            found.append(fail("rights", said, f"chmod {mode} {path}"))
        elif held.st_uid not in (os.geteuid(), 0):
            found.append(warn("rights", f"{path} belongs to another user (uid {held.st_uid})", f"chown it: {path}"))
    return found


def _secret_files(world: World) -> list[Path]:
    """Files that settings name and that hold a token, a key or a password."""
    found = []
    for known in walk(Settings):
        value: Any = value_of(world.settings, known.path)
        if isinstance(value, Path) and any(word in known.key for word in _SECRET_WORDS):
            found.append(value)
    return found


def _has_secrets(world: World) -> bool:
    """Whether the settings file itself sets a secret."""
    from telemetry.settings import SettingsError
    from telemetry.settings.files import read
    from telemetry.settings.layers import ABSENT, value_at

    try:
        tree = read(world.file) if world.file else {}
    except SettingsError:
        return False
    further = value_at(tree, ("channels", "more"))
    if further is not ABSENT and further:
        return True
    return any(known.about.secret and value_at(tree, known.path) is not ABSENT for known in walk(Settings))
