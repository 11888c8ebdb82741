"""What does the spool cost, beside the SDK's own exporter to a collector that lives (the peer)?

Each run is a process of its own that logs with `get_logger` to OTLP alone, as fast as it may and once at a hundred
records a second; the receiver is another process that takes everything. Measured: the processor time of the whole
process a record, and until the last record was taken; with the collector down, the same until the last one is on disk,
the bytes of disk a record, and how fast the next process sends what waits.
Run: python benchmarks/spool.py [--records 20000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEXT = "sent by the next process"

RECEIVER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Taking).serve_forever()
"""

PROGRAM = """
import json, sys, time
from pathlib import Path
import telemetry
from telemetry import runtime
from telemetry.signals.spool.place import SpoolOptions

records, rate, folder = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
telemetry.configure(telemetry.LogOptions(console="none"), spool=SpoolOptions(Path(folder)) if folder else None)
log = telemetry.get_logger("bench")
began, used = time.monotonic(), time.process_time()
for number in range(records):
    log.info("the agent has been idle for a while", agent=f"agent-{number % 5}", cluster="work", number=number,
             session=f"{number * 2654435761 % 2**32:08x}", idle_seconds=number * 0.37, state="idle", was="busy")
    if rate:
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    elif number % 1000 == 999:  # as fast as the SDK's queue of some thousand records allows
        runtime._process.providers.logger.force_flush()
runtime._process.providers.logger.force_flush()
kept_s = time.monotonic() - began
deadline = time.monotonic() + 60
spool = runtime._process.providers.spool
while spool and spool.backlog["logs"].records and "--down" not in sys.argv and time.monotonic() < deadline:
    time.sleep(0.002)
sent = runtime.sending()["logs"]
print(json.dumps({
    "cpu_us": (time.process_time() - used) / max(1, records) * 1e6, "kept_s": kept_s, "all_s": time.monotonic() - began,
    "bytes": sent.waiting_bytes, "waiting": sent.waiting, "lost": sum(sent.dropped.values()),
}), flush=True)
telemetry.shutdown()
"""


def run(port: int, records: int, rate: float, folder: str, *more: str) -> dict[str, float]:
    """One process to its end."""
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_METRICS_EXPORTER": "none",
    }
    line = [sys.executable, "-c", PROGRAM, str(records), str(rate), folder, *more]
    done = subprocess.run(line, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return dict(json.loads(done.stdout))


def main() -> int:
    """Prints the figures; 1 when a record was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, _receiver(port):
        results["exporter (peer)"] = run(port, asked.records, 0, "")
        results["spool"] = run(port, asked.records, 0, f"{folder}/live")
        results["exporter, 100/s (peer)"] = run(port, 1000, 100, "")
        results["spool, 100/s"] = run(port, 1000, 100, f"{folder}/slow")
    with tempfile.TemporaryDirectory() as folder:
        results["spool, collector down"] = run(port, asked.records, 0, folder, "--down")
        with _receiver(port):
            results[NEXT] = run(port, 0, 0, folder)
    if asked.json:
        print(json.dumps(results))
    else:
        _show(results, asked.records)
    return int(any(one["lost"] for one in results.values()))


def _receiver(port: int) -> subprocess.Popen[bytes]:
    process = _Ending([sys.executable, "-c", RECEIVER, str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    raise TimeoutError("the receiver doesn't listen")


class _Ending(subprocess.Popen[bytes]):
    def __exit__(self, *arguments: object) -> None:
        self.kill()
        self.wait()


def _show(results: dict[str, dict[str, float]], records: int) -> None:
    for name, one in results.items():
        if name == NEXT:
            continue
        print(f"  {name:26s} {one['cpu_us']:7.0f} µs of processor a record, all done in {one['all_s']:6.2f} s")
    peer, ours = results["exporter (peer)"], results["spool"]
    slow, ours_slow = results["exporter, 100/s (peer)"], results["spool, 100/s"]
    down, drained = results["spool, collector down"], results[NEXT]
    print(
        f"the price while the collector lives: {ours['cpu_us'] / peer['cpu_us']:.2f} × the peer's processor time, ",
        end="",
    )
    print(f"at 100 a second {ours_slow['cpu_us'] / slow['cpu_us']:.2f} ×; ", end="")
    print(f"{records / ours['all_s']:,.0f} records/s beside {records / peer['all_s']:,.0f}")
    print(
        f"while it is down: {records / down['kept_s']:,.0f} records/s kept, {down['bytes'] / records:.0f} bytes each; ",
        end="",
    )
    print(f"sent afterwards at {records / drained['all_s']:,.0f} records/s")


if __name__ == "__main__":
    sys.exit(main())
