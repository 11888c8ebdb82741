"""The pages of docs/operations, and what stands in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operations"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"(^|\s+)# .*$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def english() -> list[Path]:
    """Every page in English."""
    return sorted(page for page in FOLDER.glob("*.md") if not page.name.endswith(".ja.md"))


def japanese(page: Path) -> Path:
    """The same page in Japanese."""
    return page.with_suffix(".ja.md")


def blocks(text: str) -> list[str]:
    """What stands between fences, without comments."""
    return [_COMMENT.sub("", content).strip() for _, content in _BLOCK.findall(text)]


def code(text: str) -> list[str]:
    """Every line of code: of the blocks, and what stands between backquotes."""
    lines = [line for block in blocks(text) for line in block.splitlines()]
    return lines + _SPAN.findall(_BLOCK.sub("", text))


def commands(text: str) -> list[str]:
    """The arguments of every call of our program, as one text each."""
    calls = [call for line in code(text) for call in line.split("orchestrator-telemetry ")[1:]]
    return [re.split(r"[;|>&)]", call)[0].strip() for call in calls]


def headings(text: str) -> list[int]:
    """The depth of every heading, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", _BLOCK.sub("", text), re.MULTILINE)]


def rows(text: str) -> list[int]:
    """The number of cells of every row of every table, in order."""
    return [line.count("|") for line in _BLOCK.sub("", text).splitlines() if line.startswith("|")]


def links(text: str) -> list[str]:
    """Where the page points to, but for other sites."""
    return [to for to in re.findall(r"\]\(([^)\s]+)\)", _BLOCK.sub("", text)) if "://" not in to]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", _BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
