"""What the shell is told when a person presses the tab key: a word a line, with what it means behind a tab.

The three scripts that ask are in `completion.py`. None of them evaluates an answer as code: a name that an agent gave
itself is at most a word on the line.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import Any

# where typer has click's classes differs with its version, and it is here in all of them
from typer._completion_classes import BashComplete, CompletionItem  # type: ignore[attr-defined]

from telemetry.cli import COMMANDS, COMPLETION

_LONGEST_HELP = 80


class _Asked(BashComplete):
    """Reads the words from the variable; what may stand there is found by typer."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words before the one that is typed, and that one."""
        *before, incomplete = _words(os.environ)
        return before, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """One line."""
        words = " ".join((item.help or "").split())
        shown = words if len(words) <= _LONGEST_HELP else words[: _LONGEST_HELP - 1] + "…"
        return f"{item.value}\t{shown}" if shown else str(item.value)


def offered(meanings: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    """The words that begin so."""
    return [CompletionItem(word, help=what) for word, what in meanings.items() if word.startswith(incomplete)]


def _words(environ: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(_unquoted(word) for word in environ[COMPLETION].split("\n")[1:])
    return found or ("",)


def _unquoted(word: str) -> str:
    """As the program would get it; a quote that isn't closed yet is left out."""
    for tried in (word, word + '"', word + "'"):
        try:
            return "".join(shlex.split(tried))
        except ValueError:
            continue
    return word


def answer(command: Any, program: str) -> None:
    """Prints what may stand where the cursor is."""
    asked = _Asked(command, {}, program, COMPLETION)
    args, incomplete = asked.get_completion_args()
    named = next((word for word in args if not word.startswith("-")), None)
    if named is not None and named not in COMMANDS:
        return
    # a line that can't be completed is no failure: the person is still typing
    lines = [asked.format_completion(item) for item in _without_repeats(asked.get_completions(args, incomplete))]
    sys.stdout.write("".join(f"{line}\n" for line in lines if line.strip()))


def _without_repeats(items: list[CompletionItem]) -> Iterator[CompletionItem]:
    """Typer marks arguments whose values are files by an item without a value: the shell knows files by itself."""
    seen = set()
    for item in items:
        if item.type == "plain" and item.value not in seen:
            seen.add(item.value)
            yield item
