"""Datadog's own models of its API, fetched once from PyPI into the cache: 50 MB, which not everybody needs.

python -m tests.deploy.fetch      # says where they are
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.backends.build import BuildError, Say, to_stderr
from tests.backends.cache import backends_dir, locked
from tests.backends.commands import CommandError, Commands

NAME = "datadog-api-client"
VERSION = "2.62.0"
REQUIREMENTS = f"""\
{NAME}=={VERSION} --hash=sha256:b779cde91e0d8c24666e762154bb266506cecaf63bcc9339cd2e0a34f2e30183
python-dateutil==4.0.0 --hash=sha256:a5e246f79eb80475e691bf93862cead98decd8a498cf53ba0516fcdc0f50dc1c
"""
"""What else it needs is there for others."""
USUAL_SECONDS = 10.0


def models(say: Say = to_stderr) -> Path:
    """The folder from which they are imported, fetched first where the cache lacks it. Raises `BuildError`."""
    finished = backends_dir() / f"{NAME}-{VERSION}"
    if not finished.is_dir():
        with locked(NAME, lambda: say(f"{NAME}: another run is fetching it; waiting for that")):
            if not finished.is_dir():
                _fetch(finished, say)
    return finished


def _fetch(finished: Path, say: Say) -> None:
    """Make the finished folder, whole or not at all."""
    temporary = backends_dir() / f".building-{NAME}-{os.getpid()}"
    temporary.mkdir(parents=True)
    try:
        (temporary / "requirements.txt").write_text(REQUIREMENTS)
        commands = Commands(NAME, backends_dir() / f"{NAME}.log", say, usual=USUAL_SECONDS)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        pip += ["--require-hashes", "--requirement", "requirements.txt", "--target", "finished"]
        commands.run("downloading it", pip, temporary)
        (temporary / "finished").rename(finished)
    except CommandError as failure:
        raise BuildError(f"{NAME} {VERSION} could not be fetched: {failure}") from failure
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write(f"{models()}\n")
