"""What the dashboard and the command line show, as one flat map: key → JSON object. Two such maps are compared by it.

`cluster/<name>`, `agent/<cluster>/<name>`, `alert/<id>`, `silence/<id>`, `channel/<name>`, `backend/<name>` and
`monitor`. Nothing in it grows with time alone: durations are for whoever shows it to compute, so that what stands still
is no change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from telemetry.model import AgentHealth, ClusterSnapshot, OpenAlert
from telemetry.picture import Picture
from telemetry.web import views
from telemetry.web.backends import backend_view
from telemetry.web.people import People
from telemetry.web.pipeline import Pipeline
from telemetry.web.watched import HasAlerts, Watched

Item = dict[str, Any]
Items = dict[str, Item]

_Made = tuple[AgentHealth, str, Item]


@dataclass(frozen=True)
class Shown:
    """Where the items come from.

    Attributes:
        picture: What is known now.
        monitors: The monitors at this moment.
        people: Who is told of alerts, or None: no silences and no channels.
        pipeline: Where telemetry goes, or None: no backends.
        version: Of this program.
        others: What has alerts besides the monitors.
    """

    picture: Picture
    monitors: Callable[[], Sequence[Watched]]
    people: People | None = None
    pipeline: Pipeline | None = None
    version: str = ""
    others: Callable[[], Sequence[HasAlerts]] = tuple


@dataclass
class Memory:
    """What was made before: a value of which nothing changed is the very object of last time."""

    agents: dict[str, list[_Made]] = field(default_factory=dict)
    alerts: dict[int, tuple[OpenAlert, str, Item]] = field(default_factory=dict)


def items(shown: Shown, memory: Memory, now: float) -> Items:
    """Everything that is shown, at Unix time `now`.

    Args:
        shown: Where it comes from.
        memory: What this function made before; it is brought up to date.
        now: Unix s.
    """
    monitors = shown.monitors()
    found: Items = {}
    agents: dict[str, list[_Made]] = {}
    for monitor in monitors:
        name = monitor.cluster
        snapshot = shown.picture.snapshot(name)
        found[f"cluster/{name}"] = _cluster(monitor, snapshot)
        if snapshot is not None:
            agents[name] = made = _agents(name, snapshot.agents, memory.agents.get(name, ()), now)
            found.update([(key, item) for _, key, item in made])
    memory.agents = agents
    holders = (*monitors, *shown.others())
    memory.alerts = _alerts(chain.from_iterable(holder.open_alerts for holder in holders), memory.alerts)
    found.update([(key, item) for _, key, item in memory.alerts.values()])
    found.update(_told(shown.people, now))
    if shown.pipeline is not None:
        found.update((f"backend/{one.name}", backend_view(one)) for one in shown.pipeline.standing.backends)
    collector = shown.pipeline.standing.collector if shown.pipeline is not None else None
    found["monitor"] = {
        "store_problem": shown.picture.store_problem or "",
        "collector_problem": collector.problem if collector is not None else "",
        "damaged_queue_files": collector.damaged if collector is not None else 0,
        "problems": views.staleness(monitors, shown.picture.heartbeats, now),
        "version": shown.version,
    }
    return found


def of_cluster(found: Items, cluster: str) -> Items:
    """What is about one cluster, and what is about none."""
    return {key: item for key, item in found.items() if _concerns(key, item, cluster)}


def changes(before: Items, after: Items) -> tuple[Items, list[str]]:
    """What must be set and what is gone, to make `after` of `before`."""
    get = before.get
    new = {key: item for key, item in after.items() if (was := get(key)) is not item and was != item}
    gone = [] if before.keys() <= after.keys() else [key for key in before if key not in after]
    return new, gone


def _concerns(key: str, item: Item, cluster: str) -> bool:
    kind = key.partition("/")[0]
    if kind == "cluster":
        return bool(item["name"] == cluster)
    return kind not in ("agent", "alert") or bool(item["cluster"] == cluster)


def _cluster(monitor: Watched, snapshot: ClusterSnapshot | None) -> Item:
    item = views.cluster(monitor, None, 0.0)
    del item["agents"]
    tasks: list[dict[str, Any]] = []
    if snapshot is not None:
        item.update(
            taken_at=snapshot.taken_at,
            source=snapshot.source,
            source_error=snapshot.source_error,
            session_name=snapshot.session_name,
            session_exists=snapshot.session_exists,
        )
        tasks = [team._asdict() for team in snapshot.tasks]
    return {**item, "tasks": tasks}


def _agents(cluster: str, now_seen: Sequence[AgentHealth], before: Sequence[_Made], now: float) -> list[_Made]:
    """An agent at its place that is the very object of last time, or equal to it, keeps its item."""
    made: list[_Made] = []
    append = made.append
    for held, was in zip(now_seen, chain(before, repeat(None)), strict=False):
        if was is not None and (was[0] is held or was[0] == held):
            append(was)
        else:
            append((held, f"agent/{cluster}/{held.name}", _agent(cluster, held, now)))
    return made


def _agent(cluster: str, held: AgentHealth, now: float) -> Item:
    item = views.agent(held, now)
    del item["idle_time"]
    item["cluster"] = cluster
    item["active_at"] = held.sample.last_activity or held.first_seen
    return item


def _alerts(
    found: Iterable[OpenAlert], before: dict[int, tuple[OpenAlert, str, Item]]
) -> dict[int, tuple[OpenAlert, str, Item]]:
    made = {}
    for held in found:
        was = before.get(id(held))
        if was is None or was[0] is not held:
            item = views.open_alert(held)
            was = (held, f"alert/{item['id']}", item)
        made[id(held)] = was
    return made


def _told(people: People | None, now: float) -> Iterator[tuple[str, Item]]:
    if people is None:
        return
    for silence in people.silences:
        yield f"silence/{silence.id}", views.silence(silence, now)
    for channel in people.channels:
        yield f"channel/{channel.name}", views.channel(channel)
