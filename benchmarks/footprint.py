"""What the whole monitor costs while it watches: memory and processor.

Five real tmux panes checked every 5 s, OTLP over HTTP to a sink, dashboard on and asked every 2 s as by a browser.
Must hold: under 90 MB resident and under 1 % of a core. The peer, in the same run: a bare FastAPI + uvicorn program
that answers the same requests and does nothing else. Run: python benchmarks/footprint.py [--seconds 60] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil

MOST_MB, MOST_PERCENT = 90.0, 1.0
PEER = """
import os, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/{path:path}")
def answer(path: str):
    return {}
uvicorn.run(app, port=int(os.environ["PEER_PORT"]), log_level="error")
"""


class Sink(BaseHTTPRequestHandler):
    """Takes whatever is sent by OTLP."""

    requests = 0

    def do_POST(self) -> None:
        """Answers 200 with an empty protobuf."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Sink.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Nothing."""


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tmux(name: str, *arguments: str) -> None:
    """One tmux command on our own server."""
    subprocess.run(["tmux", "-L", name, "-f", "/dev/null", *arguments], check=True)


def start_panes(stack: ExitStack) -> str:
    """Five panes that print a line a second; returns the server's name."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    agent = "sh -c 'while :; do date; sleep 1; done'"
    tmux(name, "new-session", "-d", "-s", "bench", "-x", "100", "-y", "60", agent)
    stack.callback(lambda: subprocess.run(["tmux", "-L", name, "kill-server"], check=False))
    for _ in range(4):
        tmux(name, "split-window", "-d", "-t", "bench:", agent)
        tmux(name, "select-layout", "-t", "bench:", "even-vertical")
    for index in range(5):
        tmux(name, "set-option", "-p", "-t", f"bench:0.{index}", "@agent_name", f"agent-{index}")
    return name


def until_it_answers(url: str) -> None:
    """Waits until a server answers 200, 60 s at most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def program(stack: ExitStack, arguments: list[str], environ: dict[str, str]) -> psutil.Process:
    """Starts a Python program that is ended with us."""
    variables = {
        "PATH": os.environ["PATH"],
        "PYDANTIC_DISABLE_PLUGINS": "1",  # those of development tools; a user's installation has none
        "PYTHONPATH": str(Path(__file__).parents[1]),
        **environ,
    }
    process = subprocess.Popen([sys.executable, *arguments], env=variables, stdout=subprocess.DEVNULL)
    stack.callback(lambda: (process.terminate(), process.wait(10)))
    return psutil.Process(process.pid)


def used(process: psutil.Process) -> float:
    """Processor seconds so far, of children that have ended too: the tmux clients count."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def measure(seconds: float) -> dict[str, float]:
    """Runs both for `seconds`; memory in MB, processor in percent of a core."""
    with ExitStack() as stack:
        sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        stack.callback(sink.shutdown)
        home = stack.enter_context(tempfile.TemporaryDirectory())
        ours_port, peer_port = free_port(), free_port()
        ours = program(
            stack,
            ["-m", "telemetry", "dashboard"],
            {
                "HOME": home,
                "ORCHESTRATOR_TMUX_SOCKET": start_panes(stack),
                "ORCHESTRATOR_CHECK_INTERVAL": "5",
                "ORCHESTRATOR_DASHBOARD_PORT": str(ours_port),
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}",
                "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            },
        )
        peer = program(stack, ["-c", PEER], {"HOME": home, "PEER_PORT": str(peer_port)})
        until_it_answers(f"http://127.0.0.1:{ours_port}/readyz")
        until_it_answers(f"http://127.0.0.1:{peer_port}/readyz")
        time.sleep(10)  # imports and first exports are the start, not the running
        before, requests = (used(ours), used(peer)), Sink.requests
        client = stack.enter_context(httpx.Client(trust_env=False))
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            for path in ("agents", "alerts"):
                client.get(f"http://127.0.0.1:{ours_port}/api/{path}").raise_for_status()
                client.get(f"http://127.0.0.1:{peer_port}/api/{path}").raise_for_status()
            time.sleep(2)
        elapsed = time.monotonic() - began
        assert Sink.requests > requests, "nothing was exported"
        return {
            "ours_mb": ours.memory_info().rss / 1e6,
            "peer_mb": peer.memory_info().rss / 1e6,
            "ours_percent": 100 * (used(ours) - before[0]) / elapsed,
            "peer_percent": 100 * (used(peer) - before[1]) / elapsed,
        }


def main() -> int:
    """Prints the figures; 1 when a bound is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = measure(asked.seconds)
    if asked.json:
        print(json.dumps(figures))
    else:
        print("                     monitor   FastAPI doing nothing   ratio   at most")
        for unit, most in (("mb", MOST_MB), ("percent", MOST_PERCENT)):
            ours, peer = figures[f"ours_{unit}"], figures[f"peer_{unit}"]
            name = "resident MB" if unit == "mb" else "% of a core"
            print(f"  {name:16s} {ours:9.2f} {peer:16.2f} {ours / max(peer, 0.001):13.2f} {most:8g}")
    return int(figures["ours_mb"] > MOST_MB or figures["ours_percent"] > MOST_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
