"""A backend that is down holds up nobody: the others go on at once, and it gets what it missed."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.e2e.world import JOB, World
from tests.waiting import eventually

pytestmark = pytest.mark.slow

PROGRAM = """
import telemetry, sys
telemetry.configure(telemetry.LogOptions(console="none"))
telemetry.get_logger("outage").info(sys.argv[1])
assert telemetry.shutdown(10)
"""


def say(world: World, text: str) -> None:
    """One log line through the collector."""
    subprocess.run(
        [sys.executable, "-c", PROGRAM, text],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **world.otlp},
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize("down", ["loki", "elasticsearch", "datadog"])
def test_one_backend_down_does_not_hold_up_the_others(everything: World, down: str) -> None:
    world, text = everything, f"outage-{uuid.uuid4().hex}"
    ask = {
        "loki": lambda: world.loki.query(f'{{service_name="{JOB}"}} |= "{text}"'),
        "elasticsearch": lambda: world.elasticsearch.search("logs-*", {"match_phrase": {"body.text": text}}),
        "datadog": lambda: world.datadog.logs(text),
    }
    if down == "datadog":
        world.datadog.answer(503)
    else:
        getattr(world, down).kill()
    try:
        say(world, text)
        for name, question in ask.items():
            if name != down:
                eventually(question, what=f"{name} while {down} is down")
    finally:
        if down == "datadog":
            world.datadog.answer(200)
        else:
            getattr(world, down).start()
    eventually(ask[down], 60, what=f"{down} after it came back")
