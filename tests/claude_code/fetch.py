"""The real program, fetched once from the npm registry into the cache: one pinned version, its content checked.

    python -m tests.claude_code.fetch      # says where it is

An npm on the PATH is needed the first time; the registry is the one that npm is set to.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.backends.build import BuildError, Say, to_stderr
from tests.backends.cache import backends_dir, locked
from tests.backends.commands import CommandError, Commands
from tests.backends.needs import MissingError

NAME = "claude-code"
VERSION = "2.1.330"
USUAL_SECONDS = 20.0
BINARY = "package/claude"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Tarball:
    """One package of the registry and the base64 of its sha512."""

    package: str
    sha512: str


TARBALLS = {
    ("Linux", "x86_64"): Tarball(
        "@anthropic-ai/claude-code-linux-x64",
        "9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==",
    ),
    ("Linux", "aarch64"): Tarball(
        "@anthropic-ai/claude-code-linux-arm64",
        "V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==",
    ),
}


def binary(say: Say = to_stderr) -> Path:
    """The program's one file, fetched first where the cache lacks it. Raises `MissingError` or `BuildError`."""
    finished = backends_dir() / f"{NAME}-{VERSION}"
    if not finished.is_dir():
        with locked(NAME, lambda: say(f"{NAME}: another run is fetching it; waiting for that")):
            if not finished.is_dir():
                _fetch(finished, say)
    return finished / "claude"


def _fetch(finished: Path, say: Say) -> None:
    """Make the finished folder, whole or not at all."""
    tarball = TARBALLS.get((platform.system(), platform.machine()))
    if tarball is None:
        raise MissingError(f"{NAME} is not pinned for {platform.system()} on {platform.machine()}")
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("`npm` is not on the PATH: needs npm, to fetch Claude Code for the tests (Debian: npm)")
    for left in backends_dir().glob(f".building-{NAME}-*"):  # ours alone now: a run that was killed left it
        shutil.rmtree(left)
    temporary = backends_dir() / f".building-{NAME}-{os.getpid()}"
    kept = temporary / "finished"
    kept.mkdir(parents=True)
    say(f"{NAME}: fetching {VERSION}, 175 MB, which usually takes about {USUAL_SECONDS:.0f} s")
    try:
        commands = Commands(NAME, backends_dir() / f"{NAME}.log", say, usual=USUAL_SECONDS)
        wanted = f"{tarball.package}@{VERSION}"
        commands.run("downloading it", [npm, "pack", "--pack-destination", str(temporary), wanted], temporary)
        (archive,) = temporary.glob("*.tgz")
        check(archive, tarball.sha512)
        unpack(archive, kept / "claude")
        kept.rename(finished)
    except CommandError as failure:
        raise BuildError(f"{NAME} {VERSION} could not be fetched: {failure}") from failure
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    say(f"{NAME}: done ({(finished / 'claude').stat().st_size >> 20} MB)")


def check(archive: Path, sha512: str) -> None:
    """Raise `BuildError` unless the file is the very one that was pinned (base64 of its sha512)."""
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    found = base64.b64encode(digest.digest()).decode()
    if found != sha512:
        raise BuildError(f"{archive.name} is not the pinned file: its sha512 is {found}, not {sha512}")


def unpack(archive: Path, target: Path) -> None:
    """Take the one program out of the package, ready to be run."""
    with tarfile.open(archive) as package:
        source = package.extractfile(BINARY)
        if source is None:
            raise BuildError(f"{archive.name} has no file {BINARY}")
        with target.open("wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
    target.chmod(0o755)


if __name__ == "__main__":
    sys.stdout.write(f"{binary()}\n")
