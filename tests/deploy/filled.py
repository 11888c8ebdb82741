"""Every backend, filled by a real monitor that watches real agents, through the real collector: what dashboards ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from telemetry.collector import sources_dir
from tests.backends.prometheus import Prometheus, Target
from tests.backends.server import free_ports
from tests.e2e.world import BACKENDS, JOB, Monitor, World, monitor, world
from tests.sources.claude.world import World as ClaudeHome
from tests.sources.claude.world import a_member, a_task
from tests.sources.real_tmux import TmuxServer, a_server
from tests.waiting import eventually

AGENT = "sh -c 'while :; do date; sleep 1; done'"
DEAD, RESTARTED, SILENCED = "testing_specialist", "coding_writing_specialist", "research_analysis_specialist"
PANES = ("grand_boss", "middle_manager", RESTARTED, SILENCED, DEAD)
PROCESS = "indexer"
ENVIRONMENT = "development"
"""The monitor's profile, and so what its records and series say of their environment."""


@dataclass
class Filled:
    """What is asked in a test."""

    world: World
    cluster: str

    @property
    def prometheus(self) -> Prometheus:
        """The one that scrapes what a collector's user would scrape: the page of senders, and the collector's own."""
        return self.world.prometheus["scraping the collector"]


@contextmanager
def filled(folder: Path, binary: Path) -> Iterator[Filled]:
    """Agents of three sources: one died, one was started again, an alert of one is silenced; one team with tasks."""
    with ExitStack() as stack:
        running = stack.enter_context(world(folder / "world", binary, within=180.0))
        own_page = running.collector.url("TELEMETRY").removeprefix("http://")
        page = running.collector.url("PROMETHEUS").removeprefix("http://")
        running.prometheus["scraping the collector"].scrape(
            Target("orchestrator-collector", page, honor_labels=True),
            Target("orchestrator-collector", own_page, honor_labels=True),
        )
        template = json.loads((sources_dir() / "elasticsearch" / "index-template.json").read_text())
        running.elasticsearch.send_json("PUT", "/_index_template/orchestrator", json=template)
        tmux = stack.enter_context(contextmanager(a_server)())
        panes = _panes(tmux)
        home = _claude_home(folder / "home")
        stack.callback(home.close)
        (folder / "home" / "orchestrator-telemetry.yaml").write_text(
            f"process: {{agents: [{{name: {PROCESS}, pid_file: indexer.pid}}]}}\n"
        )
        (folder / "home" / "indexer.pid").write_text(str(home.process("index")))
        (nobody,) = free_ports(1)
        environ = {
            "ORCHESTRATOR_SOURCES": "tmux,claude,process",
            "ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name,
            "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT": own_page.rpartition(":")[2],
            "ORCHESTRATOR_WEBHOOK_URL": f"http://127.0.0.1:{nobody}/",  # so that a notification is tried
            "CLAUDE_CONFIG_DIR": str(home.root),
            "BACKENDS": BACKENDS,
            **running.otlp,
        }
        watching = stack.enter_context(monitor(folder / "home", port=running.monitor_port, **environ))
        watching.until_ready()
        found = Filled(running, tmux.socket_name)
        _go_through_something(found, watching, tmux, panes)
        yield found


def _panes(tmux: TmuxServer) -> dict[str, str]:
    """A pane for each agent, which prints a line a second; {agent: pane id}."""
    panes = {PANES[0]: tmux.session("work", AGENT)}
    tmux("set-option", "-g", "remain-on-exit", "on")
    for name in PANES[1:]:
        panes[name] = tmux.split("work", AGENT)
    for name, pane in panes.items():
        tmux.name_pane(pane, name, "agent")
    return panes


def _claude_home(folder: Path) -> ClaudeHome:
    """A session of Claude Code that leads a team with tasks, as its files tell it."""
    home = ClaudeHome(folder)
    lead = home.process()
    home.session(lead, "11111111-2222-4333-8444-555555555555")
    home.team("red", a_member("red"), session_id="11111111-2222-4333-8444-555555555555", pid=lead)
    home.tasks("red", a_task(1, "in_progress", "scout"), a_task(2), a_task(3, "completed"))
    return home


def _go_through_something(found: Filled, watching: Monitor, tmux: TmuxServer, panes: dict[str, str]) -> None:
    """Until every backend has been told of it."""
    for name in panes:
        found.world.everywhere(f'orchestrator_agent_up{{agent_name="{name}",job="{JOB}"}}', bool)
    silence = {"agent": SILENCED, "cluster": found.cluster, "seconds": 3600, "reason": "a test", "by": "tests"}
    answer = httpx.post(f"{watching.url}/api/v1/silences", json=silence, timeout=10, trust_env=False)
    assert answer.is_success, answer.text
    for name in (RESTARTED, SILENCED, DEAD):
        tmux.kill_process(tmux.pid(panes[name]))
    for name in (RESTARTED, SILENCED, DEAD):
        found.world.everywhere(f'orchestrator_agent_up{{agent_name="{name}",job="{JOB}"}} == 0', bool)
    tmux("respawn-pane", "-t", panes[RESTARTED], AGENT)
    found.world.everywhere(f'orchestrator_agent_restarts_total{{agent_name="{RESTARTED}",job="{JOB}"}} == 1', bool)
    died = f'{{service_name="{JOB}"}} | agent_name="{DEAD}" | rule="agent_stopped"'
    eventually(lambda: found.world.loki.query(died), what="the alert in Loki")
