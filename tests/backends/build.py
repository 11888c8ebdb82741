"""Builds parts into the cache: once, whole or not at all, side by side, saying what it does."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.backends import needs, recipes
from tests.backends.cache import backends_dir, locked
from tests.backends.commands import CommandError, Commands, StoppedError
from tests.backends.parts import PARTS, Part

Say = Callable[[str], None]
MEMORY_FOR_TWO = 6 << 30  # bytes available; the largest link step takes over 2 GiB


class BuildError(RuntimeError):
    """Some part could not be built; the message says which, by what command, and how its output ended."""


def to_stderr(line: str) -> None:
    """Print one line of progress at once."""
    print(line, file=sys.stderr, flush=True)


def folder(name: str, say: Say = to_stderr) -> Path:
    """The finished build of a part, which is made first where it isn't there."""
    build([name], say)
    return PARTS[name].folder


def build(names: Iterable[str] = (), say: Say = to_stderr) -> None:
    """Build the named parts (none: all but those by hand) that the cache lacks. Raises MissingError or BuildError."""
    wanted = [PARTS[name] for name in names] or [part for part in PARTS.values() if not part.by_hand]
    lacking = sorted((part for part in wanted if not part.folder.is_dir()), key=lambda part: -part.minutes)
    if not lacking:
        return
    needs.check(need for part in lacking for need in part.needs)
    failures: list[str] = []
    running: list[Commands] = []
    with ThreadPoolExecutor(max_workers=_jobs(len(lacking))) as pool:
        futures = {pool.submit(_build_one, part, say, running): part for part in lacking}
        try:
            for future, part in futures.items():
                try:
                    future.result()
                except (CommandError, OSError) as failure:
                    failures.append(f"{part.name} {part.version} could not be built: {failure}")
                    say(f"{part.name}: failed")
        except BaseException:  # Ctrl-C: end what runs, so that the pool can end too
            pool.shutdown(wait=False, cancel_futures=True)
            for commands in running:
                commands.stop()
            raise
    if failures:
        raise BuildError("\n".join(failures))


def _jobs(parts: int) -> int:
    """Two at a time where cores and memory allow: one's downloads and linking fill the other's gaps."""
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(parts, 2) if (os.cpu_count() or 1) > 1 and available > MEMORY_FOR_TWO else 1


def _build_one(part: Part, say: Say, running: list[Commands]) -> None:
    start = time.monotonic()
    with locked(part.name, lambda: say(f"{part.name}: another run is building it; waiting for that")):
        if part.folder.is_dir():
            return
        for left in backends_dir().glob(f".building-{part.name}-*"):  # ours alone now: a run that was killed left it
            shutil.rmtree(left)
        temporary = backends_dir() / f".building-{part.name}-{os.getpid()}"
        commands = Commands(part.name, backends_dir() / f"{part.name}.log", say, usual=part.minutes * 60)
        running.append(commands)
        say(f"{part.name}: building {part.version}, which usually takes about {_minutes(part.minutes * 60)}")
        try:
            finished = recipes.make(part, temporary, commands)
            finished.rename(part.folder)
        except StoppedError:
            return
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        size = sum(file.stat().st_size for file in part.folder.rglob("*") if file.is_file()) >> 20
        say(f"{part.name}: done in {_minutes(time.monotonic() - start)} ({size} MB)")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
