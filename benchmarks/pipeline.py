"""What do queues on disk cost? Log records a second through the collector, and its CPU time, by the way it keeps them.

The peer is the same build whose queues are in memory; both, and a third without fsync, get the same load in turn, in
one run. The load is telemetrygen's: a few senders that wait for each answer and send the next request at once, so that
nothing is refused and the rate is what it can do: «answered» until the last answer, the first figure until the last
record is at the other end, a second collector that takes OTLP and throws it away (its CPU is told: it is no brake).

    python benchmarks/pipeline.py [--records 200000] [--batch 100 512] [--senders 4] [--rounds 3] [--json]

telemetrygen is built into the cache at the first run (a quarter of a minute).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.redaction import cpu_seconds
from telemetry.collector import build, command
from tests.backends import recipes
from tests.backends.cache import backends_dir
from tests.backends.commands import Commands
from tests.backends.parts import GoModule
from tests.collector.harness import Running, environment, get
from tests.waiting import eventually

LEAST = 0.7
"""Of the rate with queues in memory, that those on disk reach."""
LOAD = GoModule(
    name="telemetrygen",
    version="v0.160.0",
    minutes=0.5,
    module="github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen",
    packages=(".",),
)
WAYS: dict[str, dict[str, str]] = {
    "in memory": {"ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE": "null"},
    "on disk": {},
    "on disk, no fsync": {"ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC": "false"},
}
BODY = "worker_3 ran the tests of the parser: 118 passed, 2 failed, 41.7 s; next it looks at test_tokens.py " * 2
PEER, OURS = "in memory", "on disk"
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
class Found:
    """One measurement.

    Attributes:
        taken: Records a second that senders were told are taken.
        through: Records a second until the last was at the other end.
        cpu_us: Of the collector, for each record (µs).
        written: Bytes on disk for each record.
        sink_cpu_us: Of the other end, for each record (µs).
    """

    taken: float
    through: float
    cpu_us: float
    written: float
    sink_cpu_us: float


def telemetrygen() -> Path:
    """The program, which is built first where it isn't there."""
    if not LOAD.folder.is_dir():
        print("telemetrygen: building, about 30 s", file=sys.stderr)
        backends_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=backends_dir()) as folder:
            log = backends_dir() / f"{LOAD.name}.log"
            recipes.make(LOAD, Path(folder), Commands(LOAD.name, log, print, usual=30)).rename(LOAD.folder)
    return LOAD.folder / "bin" / "telemetrygen"


def counted(page: str, name: str) -> float:
    """The sum of a counter's series on a page of metrics."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:_total)?(?:{{.*}})? (\S+)$", page, re.MULTILINE))


def written_bytes(pid: int) -> int:
    """What a process had written to disks so far."""
    return int(re.findall(r"^write_bytes: (\d+)$", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)[0])


def send(program: Path, endpoint: str, records: int, batch: int, senders: int) -> float:
    """Seconds until the last request was answered; a refusal raises."""
    line = [str(program), "logs", "--otlp-http", "--otlp-insecure", "--otlp-endpoint", endpoint]
    line += ["--workers", str(senders), "--logs", str(records // senders), "--rate", "0", "--body", BODY]
    line += ["--batch", "--batch-size", str(batch), "--telemetry-attributes", 'agent_name="worker_3"']
    began = time.monotonic()
    subprocess.run(line, check=True, capture_output=True, timeout=_LONGEST)
    return time.monotonic() - began


@contextmanager
def standing(binary: Path, way: Mapping[str, str]) -> Iterator[tuple[Running, Running]]:
    """The collector and the other end, ready."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "sink.yaml"
        env = environment(Path(folder))
        config.write_text(_SINK)
        with started([str(binary), f"--config=file:{config}"], env) as sink:
            env = environment(Path(folder), OTLP_BACKEND_URL=sink.url("HTTP"), **way)
            with started(command(binary, backends="otlp"), env) as collector:
                yield collector, sink


@contextmanager
def started(line: Sequence[str], env: Mapping[str, str]) -> Iterator[Running]:
    with subprocess.Popen(
        line, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            running = Running(process, env)
            running.until_ready()
            yield running
        finally:
            process.kill()


def measure(binary: Path, way: Mapping[str, str], records: int, batch: int, senders: int) -> Found:
    """One collector, from start to end."""
    program = telemetrygen()
    with standing(binary, way) as (collector, sink):
        endpoint = collector.url("HTTP").removeprefix("http://")

        def arrived() -> float:
            return counted(get(f"{sink.url('TELEMETRY')}/metrics"), "otelcol_receiver_accepted_log_records")

        warm = batch * senders
        send(program, endpoint, warm, batch, senders)
        eventually(lambda: arrived() == warm, what="the first records at the other end")
        near, far = collector.process.pid, sink.process.pid
        cpu, far_cpu, written = cpu_seconds(near), cpu_seconds(far), written_bytes(near)
        records -= records % warm
        began = time.monotonic()
        answered = send(program, endpoint, records, batch, senders)
        eventually(
            lambda: arrived() == warm + records, _LONGEST, every=0.02, what="every record at the other end, once"
        )
        through = time.monotonic() - began
        refused = counted(get(f"{collector.url('TELEMETRY')}/metrics"), "otelcol_receiver_refused_log_records")
        if refused:
            raise SystemExit(f"{refused:.0f} records were refused: the load is too high for its queue")
        return Found(
            taken=records / answered,
            through=records / through,
            cpu_us=(cpu_seconds(near) - cpu) / records * 1e6,
            written=(written_bytes(near) - written) / records,
            sink_cpu_us=(cpu_seconds(far) - far_cpu) / records * 1e6,
        )


def table(found: Mapping[str, Sequence[Found]]) -> dict[str, dict[str, float]]:
    """The median of each way's rounds; ratios are to the memory's of the same round."""
    peers = found[PEER]
    return {
        name: {
            **{key: statistics.median(asdict(one)[key] for one in rounds) for key in asdict(rounds[0])},
            "taken_ratio": statistics.median(one.taken / peer.taken for one, peer in zip(rounds, peers, strict=True)),
            "ratio": statistics.median(one.through / peer.through for one, peer in zip(rounds, peers, strict=True)),
        }
        for name, rounds in found.items()
    }


def main() -> int:
    """Prints the figures; 1 where the ratio isn't met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--batch", type=int, nargs="+", default=[100, 512])
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = build(lambda line: print(line, file=sys.stderr))
    tables = {}
    for batch in options.batch:
        found: dict[str, list[Found]] = {name: [] for name in WAYS}
        for _ in range(options.rounds):
            for name, way in WAYS.items():
                found[name].append(measure(binary, way, min(options.records, batch * 4000), batch, options.senders))
        tables[batch] = table(found)
    met = all(rows[OURS]["ratio"] >= LEAST for rows in tables.values())
    if options.json:
        print(json.dumps({"batches": tables, "at_least": LEAST, "met": met}))
        return 0 if met else 1
    for batch, rows in tables.items():
        print(f"requests of {batch} records, {options.senders} senders:")
        for name, row in rows.items():
            print(
                f"  {name:18} {row['through']:8,.0f}/s (x {row['ratio']:.2f}), answered {row['taken']:8,.0f}/s "
                f"(x {row['taken_ratio']:.2f}), each CPU {row['cpu_us']:.1f} us, {row['written']:,.0f} bytes written; "
                f"the other end's CPU {row['sink_cpu_us']:.1f} us"
            )
    print(f"on disk: at least {LEAST:g} of the rate in memory: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
