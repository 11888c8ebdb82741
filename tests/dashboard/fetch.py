"""axe-core, which finds what keeps people from using a page: fetched once from the npm registry, its content checked.

    python -m tests.dashboard.fetch      # says where it is

An npm on the PATH is needed the first time; the registry is the one that npm is set to.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

from tests.backends.build import BuildError, Say, to_stderr
from tests.backends.cache import backends_dir, locked
from tests.backends.commands import CommandError, Commands
from tests.backends.needs import MissingError
from tests.claude_code.fetch import check

NAME = "axe-core"
VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
SCRIPT = "package/axe.min.js"
USUAL_SECONDS = 3.0


def script(say: Say = to_stderr) -> Path:
    """The one file, fetched first where the cache lacks it. Raises `MissingError` or `BuildError`."""
    finished = backends_dir() / f"{NAME}-{VERSION}"
    if not finished.is_dir():
        with locked(NAME, lambda: say(f"{NAME}: another run is fetching it; waiting for that")):
            if not finished.is_dir():
                _fetch(finished, say)
    return finished / "axe.min.js"


def _fetch(finished: Path, say: Say) -> None:
    """Make the finished folder, whole or not at all."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("`npm` is not on the PATH: needs npm, to fetch axe-core for the tests (Debian: npm)")
    temporary = backends_dir() / f".building-{NAME}-{os.getpid()}"
    kept = temporary / "finished"
    kept.mkdir(parents=True)
    try:
        commands = Commands(NAME, backends_dir() / f"{NAME}.log", say, usual=USUAL_SECONDS)
        wanted = f"{NAME}@{VERSION}"
        commands.run("downloading it", [npm, "pack", "--pack-destination", str(temporary), wanted], temporary)
        (archive,) = temporary.glob("*.tgz")
        check(archive, SHA512)
        _unpack(archive, kept / "axe.min.js")
        kept.rename(finished)
    except CommandError as failure:
        raise BuildError(f"{NAME} {VERSION} could not be fetched: {failure}") from failure
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as package:
        source = package.extractfile(SCRIPT)
        if source is None:
            raise BuildError(f"{archive.name} has no file {SCRIPT}")
        target.write_bytes(source.read())


if __name__ == "__main__":
    sys.stdout.write(f"{script()}\n")
