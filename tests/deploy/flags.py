"""The commands that stand in READMEs of deploy/: each program with its options, and which options it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WITH_SUBCOMMANDS = {"amtool", "docker", "helm", "kubectl", "orchestrator-telemetry", "promtool", "systemctl"}
HERE = {
    "alertmanager": {"--config.file", "--web.listen-address", "--cluster.listen-address"},
    "amtool check-config": set[str](),
    "amtool config": {"--config.file"},
    "cp": {"-r"},
    "curl": {"-H", "-X", "-d", "-s", "--data", "--fail", "--retry", "--retry-all-errors", "--retry-delay"},
    "install": {"-d", "-g", "-m", "-o"},
    "loki": {"-config.file", "-config.expand-env", "-verify-config"},
    "orchestrator-telemetry collector": {"--print-path"},
    "orchestrator-telemetry dashboard": set[str](),
    "orchestrator-telemetry status": set[str](),
    "orchestrator-telemetry up": {"--no-demo", "--port"},
    "prometheus": {
        "--config.file",
        "--storage.tsdb.path",
        "--storage.tsdb.retention.time",
        "--web.enable-otlp-receiver",
        "--web.listen-address",
    },
    "promtool check": set[str](),
    "promtool test": set[str](),
    "python3": {"-m"},
}
"""Programs that are there where tests run: their own help says that they have these."""
ELSEWHERE = {
    "apt-get": {"-y"},
    "docker build": {"-f", "-t"},
    "docker compose": {"-d", "-f", "-v", "--build", "--config", "--profile", "--remove-orphans", "--rm", "--scale"},
    "docker run": {"-p", "-v", "--rm"},
    "helm install": {"--namespace", "--set", "--set-string", "--values"},
    "helm rollback": {"--namespace"},
    "helm uninstall": {"--namespace"},
    "helm upgrade": {"--namespace", "--reset-then-reuse-values", "--set", "--set-string", "--values"},
    "journalctl": {"-n", "-u"},
    "kafka-topics.sh": {
        "--bootstrap-server",
        "--config",
        "--create",
        "--partitions",
        "--replication-factor",
        "--topic",
    },
    "kubectl create": {"-f"},
    "kubectl delete": {"-l", "--cascade"},
    "kubectl label": set[str](),
    "od": {"-An", "-N32", "-tx1"},
    "python": {"-m", "-o", "-s", "--no-header"},
    "pip": {"-r", "--no-build-isolation", "--no-deps", "--require-hashes"},
    "systemctl": {"--user"},
    "systemctl edit": set[str](),
    "systemctl enable": {"--now"},
    "systemctl reload": set[str](),
    "tr": {"-d"},
}
"""Programs that needn't be there, by their documentation; and what collectors in containers take."""
ACCEPTED = HERE | ELSEWHERE
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"(<<(\w+)\n).*?^ *\2$", re.MULTILINE | re.DOTALL)
_BETWEEN = re.compile(r"[|&;()]+|[{}]|do|then|RUN|\w+=.*")
"""What may stand before a program."""


class Command(NamedTuple):
    """A program with its subcommand, and its options without their values. No program: options that a text names."""

    program: str
    options: list[str]


def commands_of(readme: Path) -> Iterator[Command]:
    """Every command that stands there, in a block or within a line."""
    text = _FENCED.sub("", readme.read_text())
    blocks = re.findall(r"(?:^ {4}.*\n)+", text, re.MULTILINE)
    within = re.findall(r"`([^`\n]+)`", re.sub(r"^ {4}.*\n", "", text, flags=re.MULTILINE))
    for written in (*blocks, *within):
        yield from _read(written)


def _read(written: str) -> Iterator[Command]:
    text = _HEREDOC.sub(r"\1", written).replace("\\\n", " ")
    text = text.replace('"$(', " ; ").replace(')"', " ; ").replace("$(", " ; ")
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # no command, but a text with an apostrophe
            continue
        yield from _split(words)


def _split(words: list[str]) -> Iterator[Command]:
    one: list[str] = []
    for word in (*words, ";"):
        if re.fullmatch(r"[|&;()]+", word):
            if one:
                yield _command(one)
            one = []
        elif one or not _BETWEEN.fullmatch(word):
            one.append(word)


def _command(words: list[str]) -> Command:
    options = [word.partition("=")[0] for word in words if re.match(r"--?[A-Za-z]", word)]
    program = words[0].rpartition("/")[2]
    if words[0].startswith("-"):
        return Command("", options)
    if program in WITH_SUBCOMMANDS and len(words) > 1 and not words[1].startswith("-"):
        program += f" {words[1]}"
    return Command(program, options)
