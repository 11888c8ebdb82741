"""What the builds and servers need on the machine: found, or told in one clear line each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """One command that must be on the machine, not older than `least`; `version` is the argument that shows it."""

    command: str
    version: str
    least: tuple[int, ...]
    what: str
    debian: str


NEEDS = {
    need.command: need
    for need in (
        Need(
            "go", "version", (1, 21), "Go (it fetches a newer release of itself where a module asks for one)", "golang"
        ),
        Need("javac", "-version", (17,), "a JDK with its compiler", "openjdk-17-jdk-headless"),
        Need("java", "-version", (17,), "a Java runtime", "openjdk-17-jdk-headless"),
        Need("mvn", "-version", (3, 6), "Maven", "maven"),
        Need("node", "--version", (14,), "Node.js", "nodejs"),
    )
}


COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Maven writes its version in bold


class MissingError(RuntimeError):
    """Something needed is not on this machine; the message has one line for each."""


def find(command: str) -> str | None:
    """Where a needed command is: for Java's under JAVA_HOME first, as Maven looks for it, else on the PATH."""
    home = os.environ.get("JAVA_HOME") if command.startswith("java") else None
    return (shutil.which(command, path=f"{home}/bin") if home else None) or shutil.which(command)


def required(command: str) -> str:
    """The path of a needed command; raises `MissingError` with the line that says what to install."""
    if complaint := _complaint(NEEDS[command]):
        raise MissingError(complaint)
    path = find(command)
    assert path is not None
    return path


def check(commands: Iterable[str]) -> None:
    """Raise `MissingError`, naming all that lacks, unless every one of the commands is there and recent enough."""
    complaints = [line for command in dict.fromkeys(commands) if (line := _complaint(NEEDS[command]))]
    if complaints:
        raise MissingError("\n".join(complaints))


def _complaint(need: Need) -> str | None:
    wanted = ".".join(map(str, need.least))
    path = find(need.command)
    if path is None:
        return f"`{need.command}` is not on the PATH: needs {need.what}, at least {wanted} (Debian: {need.debian})"
    answer = subprocess.run(
        [path, need.version],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "GOTOOLCHAIN": "local"},
        check=False,
    )
    said = COLOURS.sub("", answer.stdout + answer.stderr).strip()
    found = re.search(r"\d+(?:\.\d+)*", said)
    if answer.returncode or not found:
        last = said.splitlines()[-1] if said else "nothing"
        return f"`{path} {need.version}` fails (it says: {last}): needs {need.what}, at least {wanted}"
    if tuple(map(int, found[0].split("."))) < need.least:
        return f"`{path}` is {found[0]}: needs {need.what}, at least {wanted} (Debian: {need.debian})"
    return None
