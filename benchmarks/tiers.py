"""What does a second tier behind Kafka cost? Log records a second through it, and the CPU time of each part of the way.

The peer, in the same run: one collector on the same way, without Kafka. The load is telemetrygen's, as in pipeline.py,
from several hosts at once, so that it is spread over the partitions; Kafka is a real one; the far end is a collector
that takes OTLP and throws it away. All of it shares this machine's cores: the rate says what they can do together, the
CPU time what each part takes.

    python benchmarks/tiers.py [--records 100000] [--batch 10 100] [--hosts 4] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.pipeline import BODY, counted, started, telemetrygen
from benchmarks.redaction import cpu_seconds
from telemetry.collector import build, command
from tests.backends.build import build as build_backends
from tests.collector.harness import Running, environment, get, peak_memory
from tests.scale.fleet import Partitioned
from tests.waiting import eventually

PEER, OURS = "one collector", "gateway, Kafka, second tier"
_SINK = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:${env:ORCHESTRATOR_COLLECTOR_HTTP_PORT}"}}}
exporters:
  nop: {}
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [nop]}
  telemetry:
    metrics:
      readers:
        - pull: {exporter: {prometheus: {host: 127.0.0.1, port: "${env:ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT}"}}}
"""
_LONGEST = 300.0
"""Seconds for one measurement."""


@dataclass(frozen=True)
class Way:
    """One way that stands: where it is sent to, who is on it, where it ends."""

    front: Running
    parts: Mapping[str, int]
    sink: Running
    kafka: Partitioned | None = None

    def arrived(self) -> float:
        """Records at its end."""
        return counted(get(f"{self.sink.url('TELEMETRY')}/metrics"), "otelcol_receiver_accepted_log_records")

    def kept(self) -> int:
        """Bytes of the records in Kafka."""
        folder = None if self.kafka is None else self.kafka.data / "logs"
        return 0 if folder is None else sum(file.stat().st_size for file in folder.glob("otlp_logs-*/*.log"))


@dataclass(frozen=True)
class Found:
    """One measurement.

    Attributes:
        taken: Records a second that senders were told are taken.
        through: Records a second until the last was at the far end.
        cpu_us: Of each part, for each record (µs).
        memory_mb: Of each part, at the most.
        kept: Bytes in Kafka for each record.
    """

    taken: float
    through: float
    cpu_us: dict[str, float]
    memory_mb: dict[str, float]
    kept: float


@contextmanager
def standing(binary: Path, name: str, folder: Path) -> Iterator[Way]:
    """A way, ready."""
    with ExitStack() as stack:
        places = {part: folder / part for part in ("sink", "first", "second")}
        for place in places.values():
            place.mkdir()
        config = folder / "sink.yaml"
        config.write_text(_SINK)
        sink = stack.enter_context(started([str(binary), f"--config=file:{config}"], environment(places["sink"])))
        to_sink = {"OTLP_BACKEND_URL": sink.url("HTTP")}
        if name == PEER:
            front = stack.enter_context(
                started(command(binary, backends="otlp"), environment(places["first"], **to_sink))
            )
            yield Way(front, {"collector": front.process.pid}, sink)
            return
        kafka = stack.enter_context(Partitioned(folder / "kafka"))
        reading = {"ORCHESTRATOR_COLLECTOR_KAFKA_FROM": kafka.brokers, **to_sink}
        second = stack.enter_context(
            started(command(binary, backends="otlp"), environment(places["second"], **reading))
        )
        writing = environment(places["first"], KAFKA_BROKERS=kafka.brokers)
        front = stack.enter_context(started(command(binary, backends="kafka"), writing))
        parts = {"gateway": front.process.pid, "Kafka": kafka.pid, "second tier": second.process.pid}
        yield Way(front, parts, sink, kafka)


def send(program: Path, endpoint: str, records: int, batch: int, hosts: int) -> float:
    """Seconds until the last request of the last host was answered; a refusal raises."""
    began = time.monotonic()
    senders = [
        subprocess.Popen(
            [
                *(str(program), "logs", "--otlp-http", "--otlp-insecure", "--otlp-endpoint", endpoint),
                *("--workers", "1", "--logs", str(records // hosts), "--rate", "0", "--body", BODY),
                *("--batch", "--batch-size", str(batch), "--otlp-attributes", f'host.name="host-{host}"'),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for host in range(hosts)
    ]
    if any(sender.wait(_LONGEST) for sender in senders):
        raise SystemExit("telemetrygen was refused")
    return time.monotonic() - began


def measure(binary: Path, name: str, records: int, batch: int, hosts: int) -> Found:
    """One way, from start to end."""
    with tempfile.TemporaryDirectory() as folder, standing(binary, name, Path(folder)) as way:
        endpoint = way.front.url("HTTP").removeprefix("http://")
        warm = batch * hosts
        send(telemetrygen(), endpoint, warm, batch, hosts)
        eventually(lambda: way.arrived() == warm, what="the first records at the far end")
        records -= records % warm
        before, kept = {part: cpu_seconds(pid) for part, pid in way.parts.items()}, way.kept()
        began = time.monotonic()
        answered = send(telemetrygen(), endpoint, records, batch, hosts)
        eventually(lambda: way.arrived() == warm + records, _LONGEST, every=0.02, what="every record, once")
        through = time.monotonic() - began
        return Found(
            taken=records / answered,
            through=records / through,
            cpu_us={part: (cpu_seconds(pid) - before[part]) / records * 1e6 for part, pid in way.parts.items()},
            memory_mb={part: peak_memory(pid) / 1e6 for part, pid in way.parts.items()},
            kept=(way.kept() - kept) / records,
        )


def middle(rounds: Sequence[Found]) -> Found:
    """The median of every figure."""
    parts = rounds[0].cpu_us
    return Found(
        taken=statistics.median(one.taken for one in rounds),
        through=statistics.median(one.through for one in rounds),
        cpu_us={part: statistics.median(one.cpu_us[part] for one in rounds) for part in parts},
        memory_mb={part: max(one.memory_mb[part] for one in rounds) for part in parts},
        kept=statistics.median(one.kept for one in rounds),
    )


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = build(lambda line: print(line, file=sys.stderr))
    build_backends(["kafka"])
    tables = {}
    for batch in options.batch:
        found: dict[str, list[Found]] = {PEER: [], OURS: []}
        for _ in range(options.rounds):
            for name, rounds in found.items():
                rounds.append(measure(binary, name, min(options.records, batch * 1000), batch, options.hosts))
        tables[batch] = {name: middle(rounds) for name, rounds in found.items()}
    if options.json:
        print(json.dumps({batch: {name: vars(one) for name, one in rows.items()} for batch, rows in tables.items()}))
        return 0
    for batch, rows in tables.items():
        print(f"requests of {batch} records, {options.hosts} hosts at once:")
        for name, row in rows.items():
            print(f"  {name}: {row.through:,.0f}/s at the far end (x {row.through / rows[PEER].through:.2f}), ", end="")
            print(f"answered {row.taken:,.0f}/s, {row.kept:.0f} bytes a record in Kafka")
            for part, cpu in row.cpu_us.items():
                print(f"    {part:12} {cpu:6.1f} us of CPU a record, {row.memory_mb[part]:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
