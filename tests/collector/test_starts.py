"""Every backend alone and every pair starts with every server absent, answers its health check, and ends on SIGTERM."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.collector.harness import BACKENDS, environment, get, listens, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
CHOICES = [*BACKENDS, *(",".join(pair) for pair in itertools.combinations(BACKENDS, 2)), ",".join(BACKENDS)]


def start_and_stop(binary: Path, folder: Path, backends: str) -> str | None:
    """What went wrong, or None."""
    folder.mkdir()
    try:
        with running(binary, backends, environment(folder)) as collector:
            get(collector.url("HEALTH"))
            scraped = listens(collector.env["ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT"])
            if scraped != ("prometheus" in backends.split(",")):
                return f"{backends}: the page to scrape is {'there' if scraped else 'absent'}"
            code = collector.stop()
    except (AssertionError, OSError) as error:
        return f"{backends}: {error}"
    failed = code != 0 or any("\terror\t" in line for line in collector.lines)
    return f"{backends}: status {code}\n{''.join(collector.lines[-8:])}" if failed else None


def test_every_backend_and_every_pair(collector_binary: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(
            lambda item: start_and_stop(collector_binary, tmp_path / str(item[0]), item[1]), enumerate(CHOICES)
        )
        failures = [problem for problem in results if problem]
    assert failures == []
    assert len(CHOICES) == 67
