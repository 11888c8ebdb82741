"""What vendors publish of the forms of their APIs, fetched once into the cache: some 80 MB, which not everybody needs.

    python -m tests.deploy.fetch      # says where it is

An npm on the PATH is needed the first time; the registries are those that npm and pip are set to.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.backends.build import BuildError, Say, to_stderr
from tests.backends.cache import backends_dir, locked
from tests.backends.commands import CommandError, Commands
from tests.backends.needs import MissingError
from tests.claude_code.fetch import check

DATADOG = ("datadog-api-client", "2.62.0")
REQUIREMENTS = """\
datadog-api-client==2.62.0 --hash=sha256:b779cde91e0d8c24666e762154bb266506cecaf63bcc9339cd2e0a34f2e30183
python-dateutil==4.0.0 --hash=sha256:a5e246f79eb80475e691bf93862cead98decd8a498cf53ba0516fcdc0f50dc1c
"""
"""What else it needs is there for others."""
ELASTICSEARCH = ("@elastic/elasticsearch", "9.5.1")
TYPESCRIPT = ("typescript", "5.9.3")
SHA512 = {
    ELASTICSEARCH: "2ZZqCmgGPjSYn+OphFRYm9g46KVINA0i8fRmlPHJC60RvJeFB6NSHO0nKKOOYhm3WRXyGkLu1xkdXe724fnmnA==",
    TYPESCRIPT: "jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
}
USUAL_SECONDS = 10.0

Make = Callable[[Commands, Path], None]
"""Fills a folder named `finished` within the one it is given."""


def datadog_models(say: Say = to_stderr) -> Path:
    """The folder from which Datadog's own models of its API are imported. Raises `BuildError`."""
    return _once(DATADOG, _by_pip, say)


def elasticsearch_types(say: Say = to_stderr) -> Path:
    """The types of Elasticsearch's API, one file of TypeScript. Raises `MissingError` or `BuildError`."""
    return _once(ELASTICSEARCH, _by_npm(ELASTICSEARCH), say) / "lib" / "api" / "types.d.ts"


def typescript(say: Say = to_stderr) -> Path:
    """TypeScript's compiler, for `node`. Raises `MissingError` or `BuildError`."""
    return _once(TYPESCRIPT, _by_npm(TYPESCRIPT), say) / "lib" / "tsc.js"


def _once(package: tuple[str, str], make: Make, say: Say) -> Path:
    """The finished folder, made first where the cache lacks it: whole or not at all."""
    name, version = package[0].rpartition("/")[2], package[1]
    finished = backends_dir() / f"{name}-types-{version}"
    if finished.is_dir():
        return finished
    with locked(f"{name}-types", lambda: say(f"{name}: another run is fetching it; waiting for that")):
        if finished.is_dir():
            return finished
        temporary = backends_dir() / f".building-{name}-types-{os.getpid()}"
        temporary.mkdir(parents=True)
        try:
            make(Commands(name, backends_dir() / f"{name}-types.log", say, usual=USUAL_SECONDS), temporary)
            (temporary / "finished").rename(finished)
        except CommandError as failure:
            raise BuildError(f"{name} {version} could not be fetched: {failure}") from failure
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return finished


def _by_pip(commands: Commands, folder: Path) -> None:
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    pip += ["--require-hashes", "--requirement", "requirements.txt", "--target", "finished"]
    commands.run("downloading it", pip, folder)


def _by_npm(package: tuple[str, str]) -> Make:
    def make(commands: Commands, folder: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise MissingError("`npm` is not on the PATH: needs npm, to fetch types for the tests (Debian: npm)")
        wanted = "@".join(package)
        commands.run("downloading it", [npm, "pack", "--pack-destination", str(folder), wanted], folder)
        (archive,) = folder.glob("*.tgz")
        check(archive, SHA512[package])
        _unpack(archive, folder / "finished")

    return make


def _unpack(archive: Path, target: Path) -> None:
    """The files of npm's `package/`."""
    with tarfile.open(archive) as content:
        for member in content:
            file = content.extractfile(member)
            if file is not None:
                path = target / member.name.removeprefix("package/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


if __name__ == "__main__":
    for found in (datadog_models(), elasticsearch_types(), typescript()):
        sys.stdout.write(f"{found}\n")
