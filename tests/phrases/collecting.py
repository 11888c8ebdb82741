"""Every sentence that stands in the source: what the program can say of agents, alerts, sources and backends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "telemetry"
_UNSHOWN_CALLS = frozenset(
    (
        *("Field", "Query", "Path", "time_query", "APIRouter"),  # the API's own documentation
        *("About", "SourceKind", "ChannelKind", "Found"),  # the settings' documentation, and the command line's answers
        *("debug", "info", "warning", "error", "exception", "log"),  # the log is English
        *("compile", "_quoted"),  # patterns, and commands for tmux
    )
)
_WORDS = re.compile(r"[A-Za-z']{2,}")
_CODE = re.compile(r"\s*<|[A-Z]+ .*[_=(]|(?:SELECT|DELETE|INSERT|UPDATE|BEGIN|PRAGMA) ")
"""SQL and markup."""
_FILLED = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Sentence:
    """One text of the source.

    Attributes:
        place: Its file and line.
        parts: What stands between the values that are put in: one part where none is.
    """

    place: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "{}".join(self.parts)

    def filled(self) -> str:
        """With a name in each hole that is no word of any language."""
        return "".join(f"⟦{at}⟧{part}" if at else part for at, part in enumerate(self.parts))


def modules(folder: str) -> list[str]:
    """The files of a folder of the package, and of those in it, by their path from the package."""
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / folder).rglob("*.py"))]


def sentences(*places: str) -> list[Sentence]:
    """All texts with two words or more in these files (patterns below the package), without documentation and logs."""
    found: list[Sentence] = []
    for pattern in places:
        paths = sorted(ROOT.glob(pattern))
        assert paths, f"no file is named {pattern}"
        for path in paths:
            module = ast.parse(path.read_text(encoding="utf-8"))
            found += (
                Sentence(f"{path.relative_to(ROOT)}:{line}", parts)
                for line, parts in _texts(module)
                if _is_sentence(parts)
            )
    return found


def _is_sentence(parts: tuple[str, ...]) -> bool:
    text = " ".join(parts)
    return " " in text.strip() and len(_WORDS.findall(text)) > 1 and not _CODE.match(text)


def _texts(node: ast.AST) -> Iterator[tuple[int, tuple[str, ...]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Call) and _name(child.func) in _UNSHOWN_CALLS:
            continue
        if isinstance(child, ast.JoinedStr):
            yield child.lineno, _parts(child)
            for value in child.values:
                if isinstance(value, ast.FormattedValue):
                    yield from _texts(ast.Expression(value.value))
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.lineno, tuple(_FILLED.split(child.value))
        else:
            yield from _texts(child)


def _parts(text: ast.JoinedStr) -> tuple[str, ...]:
    parts = [""]
    for value in text.values:
        if isinstance(value, ast.Constant):
            parts[-1] += str(value.value)
        else:
            parts.append("")
    return tuple(parts)


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
