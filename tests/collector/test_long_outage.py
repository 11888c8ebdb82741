"""Every backend is down for long, and the collector is ended and started anew meanwhile: nothing is lost."""

from __future__ import annotations

import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.collector.everywhere import BACKENDS, RECORDS, Servers, everywhere
from tests.collector.harness import running
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.collector.everywhere import Everywhere
    from tests.collector.harness import Running

pytestmark = pytest.mark.slow


class Part(NamedTuple):
    """A part of the outage: so many requests of each signal, one every so many seconds, then the collector's end."""

    requests: int
    every: float
    end: signal.Signals | None


ASIDE = Part(5, 0.0, None)
"""Before and after the outage."""
LONG = 7200.0
PARTS = (Part(10, 0.0, signal.SIGTERM), Part(10, 0.0, signal.SIGKILL), Part(10, 0.0, None))


def through_an_outage(binary: Path, folder: Path, servers: Servers, parts: Sequence[Part], within: float) -> str:
    """All backends are down for these parts, with a while before and after; what was measured.

    Raises AssertionError where a backend lacks something, but for those whose queues are in memory: they may lack what
    was sent in the outage before an end of the collector, as the README says.
    """
    lost: dict[str, int] = {}
    with everywhere(binary, folder, servers) as backends:
        for part in parts:
            with running(binary, BACKENDS, backends.env, within=LONG) as collector:
                if part is parts[0]:
                    send(backends, collector, ASIDE)
                    everything_is_there(backends, within)
                    backends.down()
                before = backends.refused()
                send(backends, collector, part)
                eventually(partial(_asked_again, backends, before), within, every=0.2)
                if part.end is not None:
                    collector.process.send_signal(part.end)
                    collector.process.wait(20)
                    continue
                after_the_last_start = backends.sent - part.requests
                backends.up()
                send(backends, collector, ASIDE)
                everything_is_there(backends, within)
                lost = eventually(partial(_lost, backends, after_the_last_start), within, every=0.2)
    return (
        f"{backends.sent} requests of each signal, {backends.sent * RECORDS} log records: 0 lost in "
        f"{', '.join(backends.arrived())}; of those in memory: {lost}"
    )


def send(backends: Everywhere, collector: Running, part: Part) -> None:
    """Sends what belongs to a part; every request must be taken."""
    pause = threading.Event()
    for _ in range(part.requests):
        assert backends.send(collector.url("HTTP")) == [200, 200, 200]
        pause.wait(part.every)


def everything_is_there(backends: Everywhere, within: float) -> None:
    """Waits until each backend with a queue on disk has all that was sent."""
    eventually(lambda: _all_there(backends), within, every=0.5, what="everything everywhere")


def _all_there(backends: Everywhere) -> bool:
    missing = {name: backends.sent - count for name, count in backends.arrived().items() if count != backends.sent}
    assert missing == {}
    return True


def _lost(backends: Everywhere, after_the_last_start: int) -> dict[str, int]:
    """How many requests those lack that wait in memory, once each has what it must have."""
    found = backends.in_memory()
    always = {*range(ASIDE.requests), *range(backends.sent - ASIDE.requests, backends.sent)}
    # Datadog's exporter gives spans up after four tries, outage or not
    must = always | set(range(after_the_last_start, backends.sent))
    missing = {name: (always if name == "datadog spans" else must) - there for name, there in found.items()}
    assert [name for name, numbers in missing.items() if numbers] == []
    return {name: backends.sent - len(there) for name, there in found.items()}


def _asked_again(backends: Everywhere, before: dict[str, int]) -> bool:
    """Whether each backend was, since then."""
    assert [name for name, count in backends.refused().items() if count <= before[name]] == []
    return True


def test_nothing_is_lost_over_an_outage_with_two_ends_of_the_collector(
    collector_binary: Path, tmp_path: Path, servers: Servers
) -> None:
    through_an_outage(collector_binary, tmp_path, servers, PARTS, 120)
