"""The collector as a child: it says what it says, stops when asked, and never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from telemetry.collector import Collector, CollectorError
from tests.collector.harness import environment, get, listens

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_start_ready_stop(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    seen: list[str] = []

    async def scenario() -> int | None:
        collector = Collector("prometheus,file", environ=env, binary=collector_binary, on_line=seen.append)
        assert await collector.stop() is None
        await collector.start()
        assert collector.running
        assert collector.pid is not None
        await collector.ready()
        await asyncio.to_thread(get, f"http://127.0.0.1:{env['ORCHESTRATOR_COLLECTOR_HEALTH_PORT']}")
        with pytest.raises(CollectorError, match="running already"):
            await collector.start()
        code = await collector.stop()
        assert not collector.running
        assert collector.pid is None
        assert await collector.stop() == code
        return code

    assert asyncio.run(scenario()) == 0
    assert any("Everything is ready" in line for line in seen)
    assert not any(line.endswith("\n") for line in seen)
    assert "Shutdown complete" in seen[-1]


def test_ready_by_the_health_check_where_the_log_level_hides_it(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_LOG_LEVEL="error")

    async def scenario() -> int | None:
        collector = Collector("prometheus", environ=env, binary=collector_binary)
        await collector.start()
        await collector.ready()
        return await collector.stop()

    assert asyncio.run(scenario()) == 0


NO_PLACE = "^the collector ended at its start: ORCHESTRATOR_COLLECTOR_QUEUE_DIR"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"LOKI_URL": ""}, "^the collector ended at its start: backend loki needs LOKI_URL$"),
        ({"ORCHESTRATOR_COLLECTOR_HTTP_PORT": "taken"}, "address already in use"),
        (
            {"ORCHESTRATOR_COLLECTOR_QUEUE_DIR": "/dev/null/queue"},
            f'{NO_PLACE}="/dev/null/queue" .*: /dev/null is no fold',
        ),
        (
            {"ORCHESTRATOR_COLLECTOR_QUEUE_DIR": "/proc/queue"},
            f'{NO_PLACE}="/proc/queue" .*: it can\'t be made: .*; allowed',
        ),
    ],
)
def test_what_hinders_the_start_is_said(
    collector_binary: Path, tmp_path: Path, extra: dict[str, str], message: str
) -> None:
    env = environment(tmp_path, **extra)
    if extra.get("ORCHESTRATOR_COLLECTOR_HTTP_PORT"):
        env["ORCHESTRATOR_COLLECTOR_HTTP_PORT"] = env["ORCHESTRATOR_COLLECTOR_GRPC_PORT"]

    async def scenario() -> None:
        collector = Collector("loki", environ=env, binary=collector_binary)
        await collector.start()
        await collector.ready()

    with pytest.raises(CollectorError, match=message) as raised:
        asyncio.run(scenario())
    assert "\n" not in str(raised.value)


PARENT = """
import asyncio, sys
from pathlib import Path
from telemetry.collector import Collector

async def main():
    collector = Collector("prometheus", binary=Path(sys.argv[1]))
    await collector.start()
    await collector.ready()
    print(collector.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_it_dies_with_a_parent_that_was_killed(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(collector_binary)], env=env, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            assert listens(env["ORCHESTRATOR_COLLECTOR_HTTP_PORT"])
            parent.send_signal(signal.SIGKILL)
            parent.wait(timeout=60)
            waiter = select.poll()
            waiter.register(child, select.POLLIN)
            assert waiter.poll(60_000), "the collector outlived its parent"
        finally:
            os.close(child)
            parent.kill()
    for name in ("HTTP", "GRPC", "HEALTH", "PROMETHEUS", "TELEMETRY"):
        assert not listens(env[f"ORCHESTRATOR_COLLECTOR_{name}_PORT"])
