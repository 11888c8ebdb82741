"""The collector is down for an hour while a program logs a hundred records a second. Prints what was measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.spool.outage import survive


def test_an_hour_without_a_collector(
    collector_binary: Path,
    tmp_path: Path,
    say: Callable[[str], None],
) -> None:
    say(survive(collector_binary, tmp_path, rate=100, seconds=3600))
