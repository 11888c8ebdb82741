"""Programs that checks use and nothing else needs: fetched once, at one version, into the cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from telemetry.collector import cache_dir, find_go

if TYPE_CHECKING:
    from pathlib import Path


class NotFetchedError(Exception):
    """The program can't be had; the text is one line."""


def go_program(package: str, version: str) -> Path:
    """A Go program by its package, such as golang.org/x/vuln/cmd/govulncheck. Raises NotFetchedError."""
    name = package.rsplit("/", 1)[-1]
    folder = cache_dir() / "tools" / f"{name}-{version}"
    if not (folder / name).is_file():
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "auto"}
        _run([str(find_go()), "install", f"{package}@{version}"], f"{name} {version}", environment)
    return folder / name


def python_program(distribution: str, version: str, name: str) -> Path:
    """A program of a distribution of PyPI's, in an environment of its own. Raises NotFetchedError."""
    folder = cache_dir() / "tools" / f"{distribution}-{version}"
    program = folder / "bin" / name
    if not program.is_file():
        label = f"{distribution} {version}"
        _run([sys.executable, "-m", "venv", str(folder)], label)
        _run([str(folder / "bin" / "pip"), "install", "--quiet", f"{distribution}=={version}"], label)
    return program


def _run(command: list[str], label: str, environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetchedError(f"{label} can't be fetched: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        raise NotFetchedError(f"{label} can't be fetched: {last}")
