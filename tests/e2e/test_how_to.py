"""The how-to pages: what they say is done, and the answers that they show are those of the real servers."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import Future
from pathlib import Path

import pytest

from telemetry.collector import sources_dir
from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.jaeger import Jaeger
from tests.backends.kafka import Kafka
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus
from tests.collector.everywhere import Servers
from tests.e2e.how_to import follow_all
from tools.how_to import files
from tools.how_to.files import FOLDER, INDEX, path, stale
from tools.how_to.page import Page, answers_in
from tools.how_to.pages import PAGES, TOLD_ON

FRESH = "docs/how-to is not what happens: run `make how-to`"
ADDRESS = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def followed(  # noqa: PLR0917 - six servers
    datadog: DatadogRecorder,
    elasticsearch: Elasticsearch,
    jaeger: Jaeger,
    kafka: Kafka,
    loki: Loki,
    prometheus: Prometheus,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Future[dict[str, str]]]:
    """What came of following each page."""
    servers = Servers(datadog, elasticsearch, jaeger, kafka, loki, prometheus)
    return follow_all(servers, tmp_path_factory.mktemp("how-to"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_answers_are_those_that_the_servers_give(page: Page, followed: dict[str, Future[dict[str, str]]]) -> None:
    assert followed[page.name].result() == answers_in(path(page).read_text(encoding="utf-8")), FRESH


def test_the_words_and_commands_are_those_of_the_table() -> None:
    assert stale() == [], FRESH


def test_an_answer_that_somebody_edited_is_told_and_stays_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "how-to"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(files, "FOLDER", folder)
    for page in PAGES:
        shown = path(page).read_text(encoding="utf-8")
        (folder / f"{page.name}.md").write_text(shown.replace("Nothing is broken", "All is well"), encoding="utf-8")
    edited = sorted(f"{page.name}.md" for page in PAGES)
    assert stale() == edited
    files.rewrite()  # of the words alone: no answer that a server gave comes of it
    assert stale() == edited


def test_every_backend_of_the_collector_has_its_page() -> None:
    backends = {file.stem for file in (sources_dir() / "config" / "backends").glob("*.yaml")}
    words = {page.name: path(page).read_text(encoding="utf-8") for page in PAGES}
    for name in backends:
        on = TOLD_ON.get(name, "jaeger" if name == "otlp" else name)
        assert not on or f"BACKENDS={name}" in words[on], name


def test_the_index_names_what_is_asked() -> None:
    for page in PAGES:
        asked = path(page).read_text(encoding="utf-8")
        for part in re.findall(r"`([^`]+)`", page.query):
            assert part.replace("\\|", "|") in asked, f"{page.name}: {part}"


def test_no_link_leads_nowhere() -> None:
    for file in (*map(path, PAGES), FOLDER / INDEX):
        for target in ADDRESS.findall(file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
