"""A collector outage, with the real collector and a program that is ended, killed and started meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.collector.harness import environment, running
from tests.spool.outage import arrived, by_source, survive, writing, written
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def test_an_outage_with_a_restart_in_it_loses_nothing(
    collector_binary: Path,
    tmp_path: Path,
    say: Callable[[str], None],
) -> None:
    say(survive(collector_binary, tmp_path, rate=2000, seconds=4))


def test_a_kill_costs_what_was_in_the_sdks_memory_and_the_log_file_has_it(
    collector_binary: Path,
    tmp_path: Path,
) -> None:
    rate = 500
    env = environment(tmp_path)
    url = f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HTTP_PORT']}"
    wrote, came = written(tmp_path), arrived(tmp_path)
    with writing(tmp_path, url, rate) as first:
        eventually(lambda: len(wrote()) > 5 * rate)
        first.kill()
    killed_at = len(wrote())
    with writing(tmp_path, url, rate, first=10_000_000) as second, running(collector_binary, "file", env):
        eventually(lambda: len(came()) > killed_at)
        second.end()
        eventually(lambda: {*wrote()[killed_at:]} <= {*came()})
    there = set(came())
    missing = [at for at, one in enumerate(wrote()) if one not in there]
    assert missing == [*range(killed_at - len(missing), killed_at)]  # the last before the kill, and nothing else
    assert len(missing) < 2 * rate  # the SDK hands its queue on once a second
    assert by_source(came()) == by_source([one for one in wrote() if one in there])
