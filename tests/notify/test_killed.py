"""A hundred alerts within a second, receivers that fail in every way, and a monitor that is killed again and again."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from telemetry import watching
from telemetry.notify.retry import Patience
from telemetry.settings import load
from telemetry.store import AlertStore, Database
from tests.daemons import ROOT, environment
from tests.notify.faulty import Faulty, hang, reset, serving, status
from tests.notify.paged import AT_ONCE, dead_by
from tests.waiting import eventually

KILLS = 50
FAULTS = {
    "slack": (status(429, "slow down", Retry_After="1"), 0.3, 10),
    "asks30": (status(429, "slow down", Retry_After="30"), 0.3, 1),
    "asks": (status(429), 0.4, 40),
    "broken": (status(500, "oops"), 0.4, 40),
    "hangs": (hang, 0.2, 4),
    "resets": (reset, 0.4, 40),
    "lies": (status(200, "no_service"), 0.3, 10),
}
"""By channel: what it does wrong, how often, and how many times at most. slack and lies are of Slack's kind."""

WITHIN = Patience().longest + 60
"""Seconds: a message that was killed in the middle of deliveries and failed in others may wait the longest pause."""


def settings_text(home: Path, receivers: dict[str, Faulty]) -> str:
    more = [
        f"    - {{name: {name}, slack: {{webhook_url: '{held.url}'}}}}"
        if name == "lies"
        else f"    - {{name: {name}, webhook: {{url: '{held.url}', secret: geheim}}}}"
        for name, held in receivers.items()
        if name != "slack"
    ]
    lines = [
        f"state_dir: {home / 'state'}",
        "check_interval: 0.1",
        "notify: {group_interval: 0.5}",
        "channels:",
        f"  slack: {{webhook_url: '{receivers['slack'].url}'}}",
        "  more:",
        *more,
    ]
    return "\n".join(lines)


def told(receiver: Faulty) -> set[str]:
    """The agents of which a receiver was told that they stopped."""
    return {name for _, _, body in receiver.taken for name in re.findall(r"agent\d{3}", str(body))}


@pytest.mark.slow
def test_nothing_is_lost_and_only_what_was_in_flight_is_told_twice(tmp_path: Path) -> None:
    dice = random.Random(9)  # noqa: S311 - moments, no secrets
    took = threading.Event()
    receivers = {
        name: Faulty(fault, odds, most, random.Random(dice.random()), took)  # noqa: S311 - the same
        for name, (fault, odds, most) in FAULTS.items()
    }
    in_flight: Counter[str] = Counter()
    with ExitStack() as stack:
        for held in receivers.values():
            stack.enter_context(serving(held))
        file = tmp_path / "settings.yaml"
        file.write_text(settings_text(tmp_path, receivers))
        settings = load({}, {"HOME": str(tmp_path)}, tmp_path, str(file)).settings
        store = AlertStore(Database(watching.store_path(settings)))
        began = time.time() + 1.0
        line = [sys.executable, "-m", "tests.notify.paged", str(file), str(began)]
        for number in range(KILLS):
            with _started(line, tmp_path) as process:
                took.clear()
                if number % 2:
                    took.wait(3)  # in the middle of a delivery: when a receiver has taken it, and nobody knows yet
                else:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(dice.uniform(0.05, 1.5))
                assert process.poll() is None
            in_flight.update(held.message.id for held in store.load().messages if not held.failed)
        died = dead_by(time.time() - began)
        with _started(line, tmp_path):
            expected = {f"agent{number:03}" for number in range(died)}
            for held in receivers.values():
                held.most = held.failed  # from here on nobody fails; a pause that a failure asked for goes on
            for name, held in receivers.items():
                eventually(lambda held=held: told(held) >= expected, WITHIN, what=f"{name} was told of all")  # type: ignore[misc]
    assert died > AT_ONCE + 50
    kept = store.load()
    assert [held for held in kept.messages if held.failed] == []
    for name, held in receivers.items():
        assert held.failed > 0, f"{name} never did what it is here for"
        times = Counter(delivery for _, delivery, _ in held.taken if delivery)
        print(f"{name}: {len(held.taken)} taken, {held.failed} failed, {sum(times.values()) - len(times)} told twice")
        for message, count in times.items():
            assert count - 1 <= in_flight[message], f"{name}: {message} was told {count} times"
    for name in ("slack", "lies"):
        apart = [later - earlier for earlier, later in pairwise(receivers[name].asked)]
        assert min(apart) >= 0.99, f"{name}: at most one message a second"


@contextmanager
def _started(line: list[str], home: Path) -> Iterator[subprocess.Popen[str]]:
    """A monitor that watches already. It's killed in the end, also by a test that fails: nothing else ever ends it."""
    with subprocess.Popen(line, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "watching\n"
            yield process
        finally:
            process.kill()
