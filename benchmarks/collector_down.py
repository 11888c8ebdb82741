"""What a dead collector does to the watch: stalls of the event loop, and how long the end takes.

A monitor of five agents whose states change at every check (a log line, a trace and a flush each time) beside a task
that only notes how late it is woken; once with OTLP to a port where nobody listens, once to an address that never
answers, once without OTLP (the peer). Must hold: no stall over 50 ms, exit within 5 s.
Run: python benchmarks/collector_down.py [--json]
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

MOST_STALL_MS, MOST_EXIT_S = 50.0, 5.0

PROGRAM = """
import asyncio, json, time, telemetry, tempfile, pathlib
from telemetry.model import AgentSample, State
from telemetry.testing import ScriptedSource

telemetry.configure(telemetry.LogOptions(console="none", file=pathlib.Path(tempfile.mkdtemp()) / "log.jsonl"))
steps = [
    [AgentSample(f"a{i}", running=(i + step) % 5 > 0, reported=State.BUSY, proven=True) for i in range(5)]
    for step in range(40)
]

async def main():
    monitor = telemetry.ClusterMonitor.for_source(ScriptedSource.of(*steps), check_interval=0.25)
    late, pause = [], 0.005
    monitor.start()
    end = time.monotonic() + 8
    while time.monotonic() < end:
        before = time.monotonic()
        await asyncio.sleep(pause)
        late.append(time.monotonic() - before - pause)
    await monitor.stop_async()
    late.sort()
    print(json.dumps({"worst_ms": late[-1] * 1e3, "p99_ms": late[int(len(late) * 0.99)] * 1e3}), flush=True)

asyncio.run(main())
telemetry.shutdown()
"""


def run(environ: dict[str, str]) -> dict[str, float]:
    """One run; stalls in ms, and the seconds from the last word until the process was gone."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1]), **environ}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        began = time.monotonic()
        process.wait(60)
        return {**said, "exit_s": time.monotonic() - began}


def main() -> int:
    """Prints the figures; 1 when a bound is not met."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)  # accepts in the kernel, and never answers
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        dead = "http://127.0.0.1:9"
        results = {
            "no OTLP (peer)": run({}),
            "nobody listens": run({"OTEL_EXPORTER_OTLP_ENDPOINT": dead, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}),
            "never answers": run({"OTEL_EXPORTER_OTLP_ENDPOINT": hanging, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}),
        }
    if "--json" in sys.argv:
        print(json.dumps(results))
    else:
        print(f"collector         p99 stall   worst stall (at most {MOST_STALL_MS:g})   exit (at most {MOST_EXIT_S:g})")
        for name, r in results.items():
            print(f"  {name:15s} {r['p99_ms']:6.1f} ms {r['worst_ms']:10.1f} ms {r['exit_s']:20.2f} s")
    worst = max(r["worst_ms"] for name, r in results.items() if "peer" not in name)
    return int(worst > MOST_STALL_MS or max(r["exit_s"] for r in results.values()) > MOST_EXIT_S)


if __name__ == "__main__":
    sys.exit(main())
