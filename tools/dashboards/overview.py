"""`orchestrator-cc Dashboard`: all clusters and agents. Its title and three panels (with queries) are the seed's."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, statetimeline, timeseries
from grafana_foundation_sdk.models import dashboard

from telemetry.alerts.rules import AGENT_IDLE
from telemetry.model import State
from telemetry.signals.semconv import AGENT_NAME, CLUSTER, LEVEL, STATE, STATUS, TEAM
from tools.dashboards.alerting import alert_history, log_lines, log_volume, open_alerts, open_count
from tools.dashboards.frame import (
    OVERVIEW,
    agents,
    clusters,
    environment,
    filled,
    frame,
    log_and_trace_sources,
    marks,
    to_agent,
)
from tools.dashboards.looks import (
    LEVEL_COLOURS,
    STATE_COLOURS,
    STATE_NUMBERS,
    UP_AND_DOWN,
    as_lines,
    coloured,
    ladder,
    shown_as,
    states,
    steps,
)
from tools.dashboards.panels import HALF, QUARTER, WHOLE, now, plot, series, stacked, tiles, timeline
from tools.dashboards.selecting import BY_AGENT, of_agents, of_clusters

_NAMED = f"{{{{{CLUSTER}}}}} / {{{{{AGENT_NAME}}}}}"
_LINK = to_agent(f"${{__field.labels.{CLUSTER}}}", f"${{__field.labels.{AGENT_NAME}}}")


def built() -> dashboard.Dashboard:
    """The dashboard."""
    about = "Who died, who hangs, who waits for you: clusters of coding agents as the monitor sees them."
    board = log_and_trace_sources(frame(OVERVIEW, "orchestrator-cc Dashboard", about))
    board = board.with_variable(environment()).with_variable(clusters()).with_variable(agents()).annotation(marks())
    return filled(
        board,
        {
            "Now": [
                by_state().span(HALF),
                open_count().span(QUARTER),
                last_check().span(QUARTER),
                status().span(WHOLE),
            ],
            "Agents": [state_timeline().span(WHOLE), idle().span(HALF), restarts().span(HALF)],
            "Alerts": [open_alerts().span(HALF), alerts().span(HALF), alert_history()],
            "Logs": [log_volume().span(WHOLE), log_lines()],
            "Teams": [tasks().span(HALF), oldest_task().span(HALF)],
        },
    )


def by_state() -> stat.Panel:
    """How many agents are in each state."""
    counted = f"sum by ({STATE}) (max by ({CLUSTER}, {STATE}) ({of_clusters('orchestrator.cluster.agents')}))"
    panel = tiles(
        "Agents by State",
        "How many agents are busy, idle, waiting for a person, unresponsive, stopped, or can't be told about.",
        "none",
        now(counted, f"{{{{{STATE}}}}}"),
    )
    for override in coloured({state.value: colour for state, colour in STATE_COLOURS.items()}):
        panel = panel.override_by_name(*override)
    return panel


def last_check() -> stat.Panel:
    """How long ago a cluster was last looked at."""
    beat = of_clusters("orchestrator.monitor.heartbeat_time")
    panel = tiles(
        "Last Check",
        "How long ago the monitor finished a check of each cluster. Everything else here is as old as this; three "
        "minutes mean that the monitor is gone or hangs.",
        "s",
        now(f"time() - max by ({CLUSTER}) ({beat})", f"{{{{{CLUSTER}}}}}"),
    )
    return panel.decimals(0).thresholds(steps((60, "yellow"), (180, "red")))


def status() -> stat.Panel:
    """A tile for each agent: up or down."""
    panel = tiles(
        "Agent Status",
        "Whether each agent's process lives. A tile leads to the agent.",
        "none",
        now(f"max by {BY_AGENT} ({of_agents('orchestrator.agent.up')})", _NAMED),
    )
    return panel.mappings([shown_as(UP_AND_DOWN)]).data_links([_LINK]).height(6)


def state_timeline() -> statetimeline.Panel:
    """What each agent was doing, over time."""
    panel = timeline(
        "State Timeline",
        "What each agent was doing when. A gap: nobody watched.",
        series(state_of(), _NAMED),
    )
    return panel.mappings([states()]).data_links([_LINK])


def state_of() -> str:
    """One number for an agent: that of its state."""
    in_state = {
        number: of_agents("orchestrator.agent.state", f'{STATE}="{state.value}"')
        for state, number in STATE_NUMBERS.items()
    }
    # a series is 1 for the state that the agent is in and 0 for the others, so the highest is the one that holds
    one_each = "\n  or\n".join(f"{number} * ({held})" for number, held in in_state.items())
    return f"max by {BY_AGENT} (\n{one_each}\n)"


def idle() -> timeseries.Panel:
    """How long each agent has done nothing, with the thresholds of the alert."""
    panel = plot(
        "Idle Time",
        "Time since each agent last did anything. The lines are where, by default, the alert "
        f"{AGENT_IDLE.id} becomes a warning, an error and critical.",
        "s",
        series(f"max by {BY_AGENT} ({of_agents('orchestrator.agent.idle_time')})", _NAMED),
    )
    return panel.thresholds(ladder(AGENT_IDLE)).thresholds_style(as_lines()).data_links([_LINK])


def restarts() -> timeseries.Panel:
    """How often agents are started again."""
    panel = plot(
        "Agent Restarts",
        "Restarts a second, over the last five minutes. A line that doesn't come down is an agent that dies of the "
        "same cause again and again.",
        "suffix: restarts/s",
        series(f"max by {BY_AGENT} ({of_agents('orchestrator.agent.restarts', within='rate 5m')})", _NAMED),
    )
    return panel.data_links([_LINK])


def alerts() -> timeseries.Panel:
    """How many alerts enter each level."""
    entered = of_clusters("orchestrator.cluster.alerts", within="rate 5m")
    panel = plot(
        "Cluster Alerts",
        "Alerts a second that entered each level, over the last five minutes. A repeat doesn't count.",
        "suffix: alerts/s",
        series(f"sum by ({LEVEL}) (max by ({CLUSTER}, {LEVEL}) ({entered}))", f"{{{{{LEVEL}}}}}"),
    )
    for override in coloured({level.value: colour for level, colour in LEVEL_COLOURS.items()}):
        panel = panel.override_by_name(*override)
    return panel


def tasks() -> timeseries.Panel:
    """Tasks of teams by status."""
    by_status = f"max by ({CLUSTER}, {TEAM}, {STATUS}) ({of_clusters('orchestrator.team.tasks')})"
    return stacked(
        "Team Tasks",
        "Tasks of each team of agents, by status. Empty where no team keeps a list of tasks.",
        "none",
        series(by_status, f"{{{{{TEAM}}}}}: {{{{{STATUS}}}}}"),
    )


def oldest_task() -> timeseries.Panel:
    """How old the oldest task is that isn't done."""
    age = f"max by ({CLUSTER}, {TEAM}) ({of_clusters('orchestrator.team.oldest_task_age')})"
    return plot(
        "Oldest Open Task",
        "Age of each team's oldest task that isn't done: what grows without end is forgotten.",
        "s",
        series(age, f"{{{{{CLUSTER}}}}} / {{{{{TEAM}}}}}"),
    )


assert set(STATE_NUMBERS) == set(State)  # noqa: S101 - a state without a number would be missing from the timeline
