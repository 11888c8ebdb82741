"""One backend is down, its queue full: how long do the others' records take then, from the sender to them?

The peer is the same load with all three backends up, in the same run, round by round. The one that is down answers 503,
or takes connections and never answers. All three are stand-ins that note when a request came; before each of them the
collector has an ordinary queue on disk. A delay begins when the request was due, not when the sender got round to it.

    python benchmarks/neighbours.py [--seconds 20] [--rate 20] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from telemetry.collector import build
from tests.collector.durability import batch
from tests.collector.harness import environment, get, running
from tests.waiting import eventually

MOST = 2.0
"""So many times the peer's p99."""
RECORDS = 50
"""Of a request."""
OTHERS = {"loki": "LOKI_URL", "otlp": "OTLP_BACKEND_URL"}
DOWN, DOWN_URL = "datadog", "DD_OTLP_URL"  # its logs go by an ordinary OTLP exporter with an ordinary queue
UP, REFUSES, HANGS = 200, 503, 0
WAYS = {"all up": UP, "one answers 503": REFUSES, "one never answers": HANGS}
PEER = "all up"
QUEUE = 300_000
"""Bytes of each queue: that of the one that is down is full before the measuring begins."""
_SINCE = 1_790_000_000_000_000_000
_Came = list[tuple[int, float]]


def stand_in(pipe: Connection, answering: int) -> None:
    """A backend, in a process of its own: tells its port, notes which request came when, and tells that when asked."""
    came: _Came = []
    never = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            at = time.monotonic()
            if answering == HANGS:
                never.wait()
            if answering == UP:
                text = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
                came.append((int(re.findall(rb"record-(\d+)", text)[0]) // RECORDS, at))
            self.send_response(answering)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    while pipe.recv():
        pipe.send(list(came))


@contextmanager
def standing_in(answering: int) -> Iterator[tuple[str, Callable[[], _Came]]]:
    """Its address, and what asks it what came."""
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=stand_in, args=(its, answering), daemon=True)
    process.start()

    def ask() -> _Came:
        ours.send(True)
        came: _Came = ours.recv()
        return came

    try:
        yield f"http://127.0.0.1:{ours.recv()}", ask
    finally:
        process.kill()
        process.join()


def send(url: str, numbers: range, rate: float) -> dict[int, float]:
    """Sends requests at a rate, one due after the other whatever became of those before; when each was due."""
    due: dict[int, float] = {}
    with httpx.Client(trust_env=False, timeout=60) as client, ThreadPoolExecutor(16) as pool:

        def one(number: int) -> None:
            content = batch("neighbours", range(number * RECORDS, (number + 1) * RECORDS), _SINCE)
            client.post(f"{url}/v1/logs", json=content).raise_for_status()

        began = time.monotonic()
        answers = []
        for place, number in enumerate(numbers):
            due[number] = began + place / rate
            time.sleep(max(0.0, due[number] - time.monotonic()))
            answers.append(pool.submit(one, number))
        for answer in answers:
            answer.result()
    return due


def measure(binary: Path, answering: int, rate: float, seconds: float) -> list[float]:
    """The delays until each request was at each of the others (s)."""
    warm, wanted = int(2 * QUEUE / 3000), int(rate * seconds)
    with ExitStack() as stack:
        urls = {DOWN_URL: stack.enter_context(standing_in(answering))[0], "DD_API_KEY": "0" * 32}
        asked = {}
        for variable in OTHERS.values():
            urls[variable], asked[variable] = stack.enter_context(standing_in(UP))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env = environment(folder, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=str(QUEUE), **urls)
        collector = stack.enter_context(running(binary, ",".join([DOWN, *OTHERS]), env, within=600))
        send(collector.url("HTTP"), range(warm), 2 * rate)
        due = send(collector.url("HTTP"), range(warm, warm + wanted), rate)
        for ask in asked.values():
            eventually(lambda ask=ask: len(ask()) >= warm + wanted, 60, what="every request at the others")  # type: ignore[misc]
        page = get(f"{collector.url('TELEMETRY')}/metrics")
        [refused] = re.findall(
            rf'^otelcol_connector_refused_log_records{{backend="{DOWN}".*}} (\S+)$', page, re.MULTILINE
        )
        if (float(refused) > 0) != (answering != UP):
            raise SystemExit(f"{refused} records were refused by the one that answers {answering}")
        came = [ask() for ask in asked.values()]
        if any(sorted(number for number, _ in one) != list(range(warm + wanted)) for one in came):
            raise SystemExit("one of the others lacks a request, or has one twice")
        return [at - due[number] for one in came for number, at in one if number in due]


def quantile(delays: list[float], percent: int) -> float:
    """In ms."""
    return statistics.quantiles(delays, n=100)[percent - 1] * 1000


def table(found: Mapping[str, list[list[float]]]) -> dict[str, dict[str, float]]:
    """Medians of the rounds; the ratio is that to the peer of the same round."""
    peers = found[PEER]
    return {
        way: {
            "p50_ms": statistics.median(quantile(one, 50) for one in rounds),
            "p99_ms": statistics.median(quantile(one, 99) for one in rounds),
            "p99_ratio": statistics.median(
                quantile(one, 99) / quantile(peer, 99) for one, peer in zip(rounds, peers, strict=True)
            ),
        }
        for way, rounds in found.items()
    }


def main() -> int:
    """Prints the figures; 1 where the ratio isn't met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20, help="requests a second, of 50 records each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = build(lambda line: print(line, file=sys.stderr))
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way, answering in WAYS.items():
            found[way].append(measure(binary, answering, options.rate, options.seconds))
    rows = table(found)
    met = all(row["p99_ratio"] <= MOST for row in rows.values())
    if options.json:
        print(json.dumps({**rows, "most": MOST, "met": met}))
        return 0 if met else 1
    print(f"{options.rate:g} requests a second, from when one was due until each of the others had it:")
    for way, row in rows.items():
        print(f"  {way:18} p50 {row['p50_ms']:6.1f} ms, p99 {row['p99_ms']:6.1f} ms (x {row['p99_ratio']:.2f})")
    print(f"at most {MOST:g} times the p99 with all up: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
