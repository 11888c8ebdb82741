"""Models of the answers about agents, clusters, sources and the monitor itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from telemetry.model import State
from telemetry.web.schema import Described
from telemetry.web.schema_alerts import Alert

_CLUSTER = "The cluster's name."


class Numbers(Described):
    """The seed's numbers about agents."""

    total_agents: int = Field(description="How many agents are expected.")
    running_agents: int = Field(description="Those whose process lives.")
    idle_agents: int = Field(description="Those in state idle.")
    unhealthy_agents: int = Field(description="Those that are stopped, unresponsive, unknown or restarted too often.")
    total_restarts: int = Field(description="How often agents were started again, all together.")
    timestamp: float = Field(description="When they were taken (Unix s); of several clusters the oldest.")


class Metrics(Numbers):
    """The sum over all clusters that are asked for, and each for itself."""

    clusters: dict[str, Numbers] = Field(description="The numbers of each cluster, by its name.")


class Agent(Described):
    """An agent with its judgement."""

    name: str = Field(description="Its name, unique in its cluster.")
    role: str = Field(description='What it is for, from the settings, or "".')
    state: State = Field(description="What it is doing.")
    reason: str = Field(description="Why it is judged so, in words.")
    running: bool = Field(description="Whether its process lives, as far as was last known.")
    since: float = Field(description="Since when it is in this state (Unix s).")
    idle_time: float = Field(description="Seconds without activity; 0 while it doesn't run.", ge=0)
    restart_count: int = Field(description="How often it was started again since it was first known.", ge=0)
    last_activity: float = Field(description="When it last showed a sign of life (Unix s); 0: never.")
    pane_index: int | None = Field(description="The index of its tmux pane, for display; null where it has none.")
    pid: int | None = Field(description="Its process, where that is known.")
    has_work: bool | None = Field(description="Whether work is assigned to it; null where nobody knows.")
    pane_id: str = Field(description='tmux\'s %N: which pane it is in; "" where it is in none.')
    session_id: str = Field(description='The id of its Claude Code session, or "".')
    named: bool = Field(description="Whether somebody gave it its name; otherwise it says which program it is.")
    exit_status: int | None = Field(
        description="How it ended: its exit status, or minus the signal that killed it; null while it runs or unknown."
    )
    cpu_seconds: float | None = Field(description="Processor time it has used since it was started, in seconds.")
    memory_bytes: int | None = Field(description="Memory it holds now (resident), in bytes.")
    task: str = Field(description='What it is at, in its own words, or "".')
    folder: str = Field(description='Where it works, or "".')
    team: str = Field(description='Which team of agents it is in, or "".')


class Cluster(Described):
    """A cluster with its agents."""

    name: str = Field(description=_CLUSTER)
    monitoring: bool = Field(description="Whether it is checked at present.")
    check_interval: float = Field(description="Seconds from one check to the next.")
    taken_at: float | None = Field(description="When the last check finished (Unix s); null before the first.")
    source: str = Field(description='By what it is seen, such as tmux; "" before the first check.')
    source_error: str = Field(description='Why the source gave no answer at the last check, or "".')
    session_name: str = Field(description='What holds the agents together, such as a tmux session; "" where nothing.')
    session_exists: bool = Field(description="False where that is gone, which means that nobody runs.")
    agents: list[Agent] = Field(description="Its agents that are asked for, in the source's order.")


class Agents(Described):
    """Clusters with their agents."""

    now: float = Field(description="The time of the answer (Unix s).")
    clusters: list[Cluster] = Field(description="The clusters that are asked for.")


class OneAgent(Described):
    """One agent."""

    now: float = Field(description="The time of the answer (Unix s).")
    cluster: str = Field(description=_CLUSTER)
    agent: Agent = Field(description="The agent.")


class Word(Described):
    """What one source says of an agent."""

    source: str = Field(description="The kind of the source.")
    calls_it: str = Field(description="The agent's name there.")
    age: float = Field(description="How long ago it was said, in seconds.", ge=0)
    says: str = Field(description="The state, or `runs` where it only knows that the process lives.")
    reason: str = Field(description='What was seen, in words, or "".')
    pid: int | None = Field(description="The process, where the source knows it.")
    last_activity: float = Field(description="The last sign of life that it saw (Unix s); 0: none.")
    restart_count: int = Field(description="How often the agent was started again, as far as it knows.", ge=0)
    believed_for: list[str] = Field(description="What of it is believed: `life`, `state`.")


class Explanation(Agent):
    """Why an agent is judged as it is."""

    cluster: str = Field(description=_CLUSTER)
    words: list[Word] = Field(description="What each source says, the most direct first.")
    disagreement: str = Field(description='Where not all say the same: who is believed, and why; otherwise "".')
    deaths_are_seen: str = Field(description="How the death of an agent's process is noticed, in words.")
    alerts: list[Alert] = Field(description="Its alerts that are open.")
    now: float = Field(description="The time of the answer (Unix s).")


class Explanations(Described):
    """An agent explained, in each cluster that has one of this name."""

    explanations: list[Explanation] = Field(description="One for each cluster.")


class Source(Described):
    """How it is with one source."""

    source: str = Field(description="Its kind.")
    agents: int = Field(description="How many agents it knows.", ge=0)
    error: str = Field(description='Why it gives no answer, or "".')
    age: float | None = Field(description="Seconds since its last answer; null before the first.", ge=0)
    events: str = Field(description='How it hears of changes between two checks, in words; "" where it does not.')


class SourcesOfCluster(Described):
    """The sources of a cluster."""

    cluster: str = Field(description=_CLUSTER)
    deaths_are_seen: str = Field(description="How the death of an agent's process is noticed, in words.")
    sources: list[Source] = Field(description="Its sources, the most direct first.")


class Sources(Described):
    """How it is with the sources of each cluster."""

    clusters: list[SourcesOfCluster] = Field(description="The clusters that are asked for.")


class Forgotten(Described):
    """An agent that is no longer expected."""

    agent: str = Field(description="Its name.")
    clusters: list[str] = Field(description="The clusters that expected it.")


class EventTaken(Described):
    """About whom an event was."""

    agent: str = Field(description="The agent's name, as it is shown.")
    cluster: str = Field(description=_CLUSTER)


class Monitoring(Described):
    """Which clusters are watched."""

    message: str = Field(description="What was done, in words.")
    monitoring: bool = Field(description="Whether every cluster is checked now.")
    clusters: dict[str, bool] = Field(description="Whether each cluster is checked now, by its name.")


class Alive(Described):
    """The process answers."""

    status: Literal["ok"] = Field(description="Always `ok`.")


class Ready(Described):
    """All is as it should be."""

    status: Literal["ready"] = Field(description="Always `ready`.")
