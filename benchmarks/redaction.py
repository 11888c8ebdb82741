"""What does masking secrets cost the collector? Its CPU time with and without the processor, under the same load.

The peer is the same program with the same configuration, whose pipelines leave `redaction` out. Both get the same
records in turn: protobuf over HTTP, five short attributes and a text of about 250 characters each, none with a secret;
the file backend writes them.

    python benchmarks/redaction.py [--batches 300] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.log_call import long_text
from telemetry.collector import build, command
from tests.collector.harness import Running, environment

RECORDS = 200
MOST = 2.0
"""So many times the CPU time of the pipeline without it."""
WITHOUT = """
service:
  pipelines:
    logs/in:
      processors: [memory_limiter]
"""


def batches(count: int) -> list[bytes]:
    """Requests of 200 records."""
    chance = random.Random(1)  # noqa: S311  the same in every run
    made = []
    for _ in range(count):
        records = []
        for number in range(RECORDS):
            pairs = {
                "agent_name": f"worker_{number % 8}",
                "cluster": "main",
                "state": "busy",
                "record_id": f"{chance.getrandbits(128):032x}",
                "pane_id": f"%{number}",
            }
            records.append(
                LogRecord(
                    time_unix_nano=time.time_ns(),
                    body=AnyValue(string_value=long_text(chance)[:250]),
                    attributes=[KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in pairs.items()],
                ),
            )
        scope = ScopeLogs(log_records=records)
        made.append(ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[scope])]).SerializeToString())
    return made


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(binary: Path, load: list[bytes], further: list[Path]) -> float:
    """Microseconds of CPU for each record."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        line = command(binary, backends="file", configs=further)
        with subprocess.Popen(line, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                collector = Running(process, env)
                collector.until_ready()
                url = f"{collector.url('HTTP')}/v1/logs"
                with httpx.Client(trust_env=False, headers={"content-type": "application/x-protobuf"}) as client:
                    for body in load[:20]:  # warms up
                        client.post(url, content=body).raise_for_status()
                    before = cpu_seconds(process.pid)
                    for body in load:
                        client.post(url, content=body).raise_for_status()
                wait_until_still(process.pid)
                return (cpu_seconds(process.pid) - before) / (len(load) * RECORDS) * 1e6
            finally:
                process.kill()


def wait_until_still(pid: int) -> None:
    """Returns when the process has nothing left to do."""
    seen = -1.0
    while (now := cpu_seconds(pid)) > seen:
        seen = now
        time.sleep(0.5)


def main() -> int:
    """Prints the figures; 1 where the ratio isn't met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = build(lambda line: print(line, file=sys.stderr))
    load = batches(options.batches)
    with tempfile.TemporaryDirectory() as folder:
        without = Path(folder) / "without.yaml"
        without.write_text(WITHOUT)
        pairs = [(run(binary, load, []), run(binary, load, [without])) for _ in range(options.rounds)]
    found = {
        "with_us": min(first for first, _ in pairs),
        "without_us": min(second for _, second in pairs),
        "ratio": statistics.median(first / second for first, second in pairs),
        "at_most": MOST,
    }
    met = found["ratio"] <= MOST
    if options.json:
        print(json.dumps({**found, "met": met}))
    else:
        print(f"CPU for each record: {found['with_us']:.1f}µs with redaction, {found['without_us']:.1f}µs without it")
        print(f"ratio {found['ratio']:.2f}, at most {MOST:g}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
