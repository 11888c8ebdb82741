"""The collector is down for an hour while a program logs a hundred records a second. Prints what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.conftest import collector_binary  # noqa: F401 - a fixture
from tests.spool.outage import survive


def test_an_hour_without_a_collector(
    collector_binary: Path,  # noqa: F811 - the fixture
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = survive(collector_binary, tmp_path, rate=100, seconds=3600)
    with capsys.disabled():
        print(said)
