"""docs/operations: every command, metric, rule, variable and link exists, and both languages say the same."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from telemetry.alerts import CATALOGUE
from telemetry.cli import PROGRAM, app
from telemetry.doctor.running import CHECKS
from telemetry.settings import Settings
from telemetry.settings.about import walk
from telemetry.signals.semconv import METRICS
from tests.operations import pages

ENGLISH = pages.english()
EVERY = [*ENGLISH, *map(pages.japanese, ENGLISH)]
OF_THE_READER = {"BACKUP", "TOKEN", "FOLDER"}
"""Words in capitals that stand for something of the reader's own."""


def ids(page: Path) -> str:
    return page.name


def called(arguments: str) -> None:
    """Has the command line read a call, without doing it; what it refuses is raised."""
    context = typer.main.get_command(app).make_context(PROGRAM, shlex.split(arguments))
    while isinstance(group := context.command, TyperGroup) and (rest := [*context._protected_args, *context.args]):
        name, command, rest = group.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)


@cache
def in_the_program() -> str:
    """All in which a variable or a metric may be named: the monitor, the collector and its documentation."""
    folders = (("telemetry", "*.py"), ("otel-collector/config", "*.yaml"), ("otel-collector", "*.go"))
    files = [file for folder, pattern in folders for file in (pages.ROOT / folder).rglob(pattern)]
    return "\n".join(file.read_text() for file in [*files, pages.ROOT / "otel-collector" / "README.md"])


@pytest.mark.parametrize("page", EVERY, ids=ids)
def test_every_command_and_flag_exists(page: Path) -> None:
    for arguments in pages.commands(page.read_text()):
        try:
            called(arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page names a call that doesn't work
            pytest.fail(f"{page.name}: {PROGRAM} {arguments}: {error!r}")


@pytest.mark.parametrize("page", EVERY, ids=ids)
def test_every_check_of_doctor_that_is_named_exists(page: Path) -> None:
    for names in re.findall(r"doctor --only (\S+?)`", page.read_text()):
        assert set(names.split(",")) <= set(CHECKS)


def test_every_line_by_which_a_start_fails_is_said_by_the_program() -> None:
    text = (pages.FOLDER / "troubleshooting.md").read_text()
    symptoms = re.findall(r"^\| (`[^|]*`)", text, re.MULTILINE)
    said = [span for symptom in symptoms for span in re.findall(r"`([^`]* [^`]*)`", symptom)]
    assert len(said) > 7
    for line in said:
        for piece in re.split(r"\s*….?\s*", line):
            assert piece in in_the_program(), f"{piece!r} of {line!r}"


@pytest.mark.parametrize("wrong", ["statis", "status --whatever", "store backup", "alerts acknowledge x", "forget a b"])
def test_a_call_that_does_not_exist_is_found(wrong: str) -> None:
    with pytest.raises(Exception, match=r".") as refused:
        called(wrong)
    assert type(refused.value).__name__.endswith(("UsageError", "NoSuchOption", "MissingParameter"))


@pytest.mark.parametrize("page", EVERY, ids=ids)
def test_every_metric_is_in_the_catalogue(page: Path) -> None:
    known = {metric.prometheus for metric in METRICS}
    text = page.read_text()
    assert set(re.findall(r"\borchestrator_[a-z_]+", text)) <= known
    for name in re.findall(r"\b(?:otelcol|loki)_[a-z_]+", text):
        assert name in in_the_program(), name


@pytest.mark.parametrize("page", EVERY, ids=ids)
def test_every_variable_exists(page: Path) -> None:
    settings = {known.about.variable for known in walk(Settings) if known.about.variable}
    for line in pages.code(page.read_text()):
        for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", line):
            assert name in settings or re.search(rf"\b{name}\b", in_the_program()), name
        for name in re.findall(r"\$\{?([A-Z]+)\b", line):
            assert name in OF_THE_READER or name.startswith("ORCHESTRATOR"), name


def test_every_rule_has_its_first_step_and_no_other_is_named() -> None:
    for page in (pages.FOLDER / "troubleshooting.md", pages.FOLDER / "troubleshooting.ja.md"):
        named = re.findall(r"^\| `([a-z]+_[a-z_]+)` \|", page.read_text(), re.MULTILINE)
        assert named == [rule.id for rule in CATALOGUE]


@pytest.mark.parametrize("page", EVERY, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in pages.links(page.read_text()):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


@pytest.mark.parametrize("page", ENGLISH, ids=ids)
def test_both_languages_have_the_same(page: Path) -> None:
    here, there = page.read_text(), pages.japanese(page).read_text()
    for what in (pages.blocks, pages.headings, pages.rows, lambda text: sorted(pages.commands(text))):
        assert what(here) == what(there)
    files = [[link.partition("#")[0].replace(".ja.md", ".md") for link in pages.links(text)] for text in (here, there)]
    assert sorted(files[0]) == sorted(files[1])
    assert len(re.findall(r"[ぁ-んァ-ヶ一-龠]", here)) < 10 < len(re.findall(r"[ぁ-んァ-ヶ一-龠]", there))


def test_no_page_is_without_its_pair_or_out_of_the_index() -> None:
    assert {page.name for page in pages.FOLDER.iterdir()} == {page.name for page in EVERY}
    for index in (pages.FOLDER / "README.md", pages.FOLDER / "README.ja.md"):
        linked = set(pages.links(index.read_text()))
        ending = ".ja.md" if index.name.endswith(".ja.md") else ".md"
        assert {page.name.replace(".md", ending) for page in ENGLISH} - {index.name} <= linked
