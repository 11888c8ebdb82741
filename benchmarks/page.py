"""From an agent's death being observed until the bytes are on Slack's server, against Prometheus and Alertmanager.

The real thing: tmux panes, our daemon with its default notification settings, an HTTP server in Slack's place. The
peer, in the same run: a real Prometheus that scrapes the same daemon, with our rules, and a real Alertmanager that
tells the same server, all at their own defaults (a minute, a minute, half a minute). Observed is when our check saw it.
Must hold: a median under 120 ms. Run: python benchmarks/page.py [--rounds 12] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.backends.alertmanager import Alertmanager
from tests.backends.build import build as build_backends
from tests.backends.prometheus import Prometheus, Target
from tests.backends.server import start_all
from tests.daemons import ROOT, Daemon, daemon
from tests.notify.faulty import Faulty, serving
from tests.sources.real_tmux import TmuxServer
from tests.waiting import eventually

LIMIT = 0.120
APART = 11.0
"""Seconds between two deaths: followers of a message are gathered for ten."""


def heard(receiver: Faulty, word: str) -> float:
    """When a receiver was first told of something, or 0."""
    return next((at for at, _, body in receiver.taken if word in json.dumps(body)), 0.0)


class DefaultAlertmanager(Alertmanager):
    """Tells a Slack webhook, at its own default times."""

    webhook = ""

    def command(self, built: Path) -> list[str]:
        line = super().command(built)
        # what is told is said in full, so that the agent's name can be found in it
        text = "{{ range .Alerts }}{{ .Labels.agent_name }} {{ end }}"
        receiver = {"name": "slack", "slack_configs": [{"api_url": self.webhook, "channel": "#x", "text": text}]}
        config = {"route": {"receiver": "slack"}, "receivers": [receiver]}
        (self.data / "alertmanager.json").write_text(json.dumps(config))
        return line


class DefaultPrometheus(Prometheus):
    """Scrapes and evaluates as often as it does when nobody says how often."""

    def _write_config(self) -> Path:
        file = super()._write_config()
        config = json.loads(file.read_text())
        del config["global"]
        for job in config["scrape_configs"]:
            del job["scrape_interval"], job["scrape_timeout"]
        file.write_text(json.dumps(config))
        return file


def measure(rounds: int) -> tuple[list[float], float]:
    """Seconds from observed to told: ours for each death, the peer's for the first."""
    build_backends(["prometheus", "alertmanager"])
    tmux = TmuxServer()
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Faulty.willing()) as told,
        serving(Faulty.willing()) as told_by_peer,
    ):
        folder = Path(name)
        try:
            panes = [tmux.session("work", "sleep 10000", size="120x200")]
            tmux("set-option", "-g", "remain-on-exit", "on")
            panes += [tmux.split("work", "sleep 10000") for _ in range(rounds)]
            for number, pane in enumerate(panes):
                tmux.name_pane(pane, f"agent-{number:02}-")
            with daemon(
                folder,
                *("dashboard", "--port", "0", "--interval", "1", "--tmux-socket", tmux.socket_name),
                SLACK_WEBHOOK_URL=told.url,
            ) as ours:
                alertmanager = DefaultAlertmanager(folder / "alertmanager")
                alertmanager.webhook = told_by_peer.url
                start_all([alertmanager])
                prometheus = DefaultPrometheus(
                    folder / "prometheus",
                    [Target("orchestrator-cc", ours.url.removeprefix("http://"))],
                    [ROOT / "deploy/prometheus/rules.yaml"],
                    [alertmanager.address],
                )
                start_all([prometheus])
                try:
                    eventually(lambda: prometheus.query("orchestrator_agent_up"), 90, what="Prometheus scraped")
                    return _kill_one_by_one(rounds, tmux, panes, ours, (told, told_by_peer))
                finally:
                    prometheus.stop()
                    alertmanager.stop()
        finally:
            tmux.reap()


def _kill_one_by_one(
    rounds: int, tmux: TmuxServer, panes: list[str], ours: Daemon, receivers: tuple[Faulty, Faulty]
) -> tuple[list[float], float]:
    figures: list[float] = []
    first = 0.0
    for number in range(rounds):
        agent = f"agent-{number:02}-"
        began = time.monotonic()
        tmux.kill_process(tmux.pid(panes[number]))
        at = eventually(partial(heard, receivers[0], agent), 30, every=0.02, what=f"{agent} was told")
        alerts = ours.get("/api/alerts/open")["alerts"]
        observed = next(a["fired_at"] for a in alerts if a["agent_name"] == agent and a["rule"] == "agent_stopped")
        first = first or observed
        figures.append(at - observed)
        threading.Event().wait(max(0.0, APART - (time.monotonic() - began)))
    theirs = eventually(partial(heard, receivers[1], "agent-00-"), 300, every=0.1, what="Alertmanager told it")
    return figures, theirs - first


def main() -> int:
    """Prints the figures; 1 when the median is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    ours, theirs = measure(asked.rounds)
    found = {"median_s": median(ours), "worst_s": max(ours), "peer_s": theirs, "ratio": theirs / median(ours)}
    if asked.json:
        print(json.dumps(found))
    else:
        print(f"from observed to the bytes on the server, {asked.rounds} deaths")
        print(f"  Prometheus + Alertmanager (peer, once)  {theirs * 1000:9.0f} ms")
        print(f"  ours, median (below {LIMIT * 1000:.0f})              {found['median_s'] * 1000:9.0f} ms")
        print(
            f"  ours, worst                             {found['worst_s'] * 1000:9.0f} ms    ratio {found['ratio']:.0f}"
        )
    return int(found["median_s"] >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
