"""*Agent*: everything about one agent."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import dashboard

from telemetry.alerts.rules import AGENT_RESTARTING
from tools.dashboards import overview
from tools.dashboards.alerting import alert_history, log_lines, log_volume, open_alerts, open_count
from tools.dashboards.frame import (
    AGENT,
    environment,
    filled,
    frame,
    log_and_trace_sources,
    marks,
    one_agent,
    one_cluster,
)
from tools.dashboards.looks import LEVEL_COLOURS, UP_AND_DOWN, shown_as, states, steps
from tools.dashboards.panels import HALF, WHOLE, now, plot, series, tiles
from tools.dashboards.selecting import BY_AGENT, of_agents

_SIXTH = 4
_MEMORY = "orchestrator.agent.memory"
_CPU = "orchestrator.agent.cpu_time"


def built() -> dashboard.Dashboard:
    """The dashboard."""
    about = "One agent: what it does and did, its alerts, what it takes, and its log records."
    board = log_and_trace_sources(frame(AGENT, "Agent", about))
    board = (
        board.with_variable(environment()).with_variable(one_cluster()).with_variable(one_agent()).annotation(marks())
    )
    return filled(
        board,
        {
            "Now": [panel.span(_SIXTH) for panel in (state(), up(), idle(), restarts(), open_count(), memory_now())],
            "What It Did": [
                overview.state_timeline().height(4).span(WHOLE),
                overview.idle().span(HALF),
                overview.restarts().span(HALF),
            ],
            "What It Takes": [cpu().span(HALF), memory().span(HALF)],
            "Alerts": [open_alerts().span(WHOLE).height(6), alert_history()],
            "Logs": [log_volume().span(WHOLE), log_lines()],
        },
    )


def state() -> stat.Panel:
    """What it does now."""
    panel = tiles("State", "What the agent does now, in one word.", "none", now(overview.state_of(), "state"))
    return panel.mappings([states()])


def up() -> stat.Panel:
    """Whether it lives."""
    alive = f"max by {BY_AGENT} ({of_agents('orchestrator.agent.up')})"
    panel = tiles("Process", "Whether the agent's process lives.", "none", now(alive, "process"))
    return panel.mappings([shown_as(UP_AND_DOWN)])


def idle() -> stat.Panel:
    """How long it has done nothing."""
    quiet = f"max by {BY_AGENT} ({of_agents('orchestrator.agent.idle_time')})"
    return tiles("Quiet For", "Time since the agent last did anything.", "s", now(quiet, "quiet")).decimals(0)


def restarts() -> stat.Panel:
    """How often it was started again."""
    counted = f"max by {BY_AGENT} ({of_agents('orchestrator.agent.restarts')})"
    about = "How often the agent was started again, since it was first seen."
    panel = tiles("Restarts", about, "none", now(counted, "restarts"))
    levels = AGENT_RESTARTING.levels.items()
    return panel.thresholds(steps(*((value, LEVEL_COLOURS[level]) for level, value in levels)))


def memory_now() -> stat.Panel:
    """What it holds now."""
    held = f"max by {BY_AGENT} ({of_agents(_MEMORY)})"
    about = "Memory that the agent's process holds. Empty where its source doesn't know it: a tmux pane alone doesn't."
    return tiles("Memory Now", about, "bytes", now(held, "memory"))


def cpu() -> timeseries.Panel:
    """Processor time."""
    used = f"max by {BY_AGENT} ({of_agents(_CPU, within='rate 5m')})"
    about = "Processors that the agent's process keeps busy, over five minutes. Empty where its source doesn't know it."
    return plot("Processor", about, "percentunit", series(used, "processor"))


def memory() -> timeseries.Panel:
    """Memory."""
    held = f"max by {BY_AGENT} ({of_agents(_MEMORY)})"
    about = "Memory that the agent's process holds. Empty where its source doesn't know it."
    return plot("Memory", about, "bytes", series(held, "memory"))
