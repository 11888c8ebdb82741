"""Where the pages are, and whether their words are those of the table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.how_to.page import Page, answers_in, written
from tools.how_to.pages import PAGES

FOLDER = Path(__file__).parents[2] / "docs" / "how-to"
INDEX = "README.md"


def path(page: Page) -> Path:
    """Where a page is."""
    return FOLDER / f"{page.name}.md"


def write(page: Page, answers: Mapping[str, str]) -> None:
    """Writes a page with these answers."""
    FOLDER.mkdir(exist_ok=True)
    path(page).write_text(written(page, answers), encoding="utf-8")


def index() -> str:
    """The page that names all others."""
    rows = [f"| [{page.title}]({page.name}.md) | {page.query} |" for page in PAGES]
    return _INDEX.format(rows="\n".join(rows))


def stale() -> list[str]:
    """The files whose words are not what the table says, or that no page of the table is."""
    fresh = {INDEX: index()}
    for page in PAGES:
        try:
            fresh[f"{page.name}.md"] = written(page, answers_in(_read(path(page))))
        except KeyError:
            fresh[f"{page.name}.md"] = ""
    there = {file.name: _read(file) for file in FOLDER.iterdir()} if FOLDER.is_dir() else {}
    return sorted(name for name in fresh | there if fresh.get(name) != there.get(name))


def rewrite() -> None:
    """Writes the index anew, and the pages as far as their answers are known."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / INDEX).write_text(index(), encoding="utf-8")
    for page in PAGES:
        answers = answers_in(_read(path(page)))
        if answers.keys() >= {"doctor", "mistake", *(name for name, _ in page.questions())}:
            write(page, answers)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


_INDEX = """\
# From nothing to the first query, for each backend

<!-- make how-to -->

バックエンドごとに一ページ。何もない状態から最初の問い合わせとその答えまで、コマンドを順に並べてあります。

Each page is a few commands in three terminals and one question with its true answer: two agents are watched, one of
them dies, and the backend says so.

| backend | first query |
|---|---|
{rows}

Several at once are their names in `BACKENDS` with commas between, and the variables of each: one collector feeds them
all, and none waits for another. On one machine `orchestrator-telemetry up` runs collector and monitor in one terminal:
the same variables, without `OTEL_EXPORTER_OTLP_ENDPOINT`.

The commands are those that `tests/e2e/test_how_to.py` runs against the real servers (Datadog's alone is a recorder),
with other ports; it fails when an answer is no longer what the page says. `make how-to` writes the pages anew. Every
variable of every backend: [otel-collector](../../otel-collector/README.md#backends).
"""
