"""Command lines: which programs are agents, shells and launchers, and what those are told to run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KNOWN_PROGRAMS = (
    "claude", "codex", "gemini", "aider", "opencode", "cursor-agent", "goose", "amp", "qwen", "crush", "copilot",
)  # fmt: skip
"""Programs that are agents wherever they run, by the name of their command."""

SHELLS = frozenset(("sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish", "tcsh", "csh", "nu", "xonsh", "elvish"))
RUNS_OTHERS = re.compile(r"(node|nodejs|bun|deno|ruby|perl|python|pypy)[\d.]*\Z|.*MainThread\Z|npm")
"""Names of processes that run a program which isn't in their name; node may call itself after its main thread."""
LAUNCHER = re.compile(r"(npx|npm|npm .*|pnpm|yarn|bunx|uv|uvx|pipx|sudo|env|timeout|nohup|nice|time|xvfb-run|script)\Z")
SUFFIX = re.compile(r"\.(py|js|mjs|cjs|ts|rb|pl|sh)\Z")
_SHELL_OPTIONS_WITH_VALUE = frozenset(("--rcfile", "--init-file", "-o", "+o", "-O", "+O", "-C", "--init-command"))


def base_name(path: str) -> str:
    return path.rpartition("/")[2]


def has_script(arguments: Sequence[str]) -> bool:
    """Whether a shell's arguments tell it what to run: a command (`-c`) or a file."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _SHELL_OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not argument.startswith(("-", "+")) or _is_command_option(argument):
            return True
    return False


def _is_command_option(argument: str) -> bool:
    """`-c`, also among other letters, as in `-lc`."""
    if argument.startswith("--"):
        return argument.partition("=")[0] == "--command"
    return "c" in argument


def operands(arguments: Sequence[str]) -> list[str]:
    """What an interpreter was told to run: the first argument that is no option, or the module after `-m`."""
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in ("-c", "-e", "--eval"):
            return []
        if argument == "-m":
            return [next(rest, "")]
        if not argument.startswith("-"):
            return [argument]
    return []
