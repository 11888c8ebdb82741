"""The proof: faults one after the other, and at the end everything is there, once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.scale.fleet import Fleet, fleet
from tests.scale.records import stays_with_the_host
from tests.scale.tier import Cost
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.backends.loki import LogLine
    from tests.backends.prometheus import Prometheus
    from tests.scale.host import Host

FIRED, RULE = "orchestrator.alert.fired", "agent_stopped"
WITHIN = 300.0
"""Seconds for anything to arrive, on a machine that does it all."""
BY_HOST = "* on (job, instance) group_left (host_name) target_info"


@dataclass
class Seen:
    """What a run showed.

    Attributes:
        seconds: How long agents were busy telling.
        records: Different log records that the monitors sent, all of which are in Loki.
        stayed: Those beside, about the sending itself, which are in their files only.
        twice: Copies in Loki beyond the first.
        repeated: Copies in Kafka beyond the first.
        told: By fault, seconds from the deaths to the last of their alerts in Loki.
        cost: By tier.
        monitor_cpu: Seconds of a core that a monitor used, on average.
        monitor_memory: The most bytes that a monitor had for itself.
        series: Of a host, in Prometheus.
        servers: CPU seconds and resident bytes of each engine at the end; Kafka's since its last start.
        kept: Bytes in Kafka.
    """

    seconds: float = 0.0
    records: int = 0
    stayed: int = 0
    twice: int = 0
    repeated: int = 0
    told: dict[str, float] = field(default_factory=dict)
    cost: dict[str, Cost] = field(default_factory=dict)
    monitor_cpu: float = 0.0
    monitor_memory: int = 0
    series: float = 0.0
    servers: dict[str, tuple[float, int]] = field(default_factory=dict)
    kept: int = 0

    def __str__(self) -> str:
        lines = [
            f"{self.records} records in {self.seconds:.0f} s, none lost; {self.stayed} more about the sending itself",
            f"  copies: {self.repeated} in Kafka, {self.twice} in Loki",
            f"  a host: {self.monitor_cpu:.1f} s of CPU, {self.monitor_memory / 1e6:.0f} MB, {self.series:.0f} series",
            f"  Kafka keeps {self.kept / 1e6:.1f} MB",
        ]
        lines += [f"  alerts in Loki {seconds:.1f} s after the deaths: {fault}" for fault, seconds in self.told.items()]
        lines += [
            f"  {name}: {cost.records:.0f} records, {cost.points:.0f} points, {cost.cpu:.1f} s of CPU, "
            f"{cost.memory / 1e6:.0f} MB at the most, {cost.written / 1e6:.1f} MB written"
            for name, cost in self.cost.items()
        ]
        lines += [
            f"  {name}: {cpu:.1f} s of CPU, {memory / 1e6:.0f} MB" for name, (cpu, memory) in self.servers.items()
        ]
        return "\n".join(lines)


def survive(
    folder: Path,
    binary: Path,
    *,
    hosts: int,
    agents: int,
    changing: int,
    every: float,
    rounds: int,
    metrics_every: float,
) -> Seen:
    """Runs everything, breaks it, and asserts that nothing was lost and no alert was told twice.

    Args:
        folder: For all files.
        binary: The collector's.
        hosts: How many.
        agents: How many on each.
        changing: How many of those change their state each time, which makes so many records a host.
        every: Seconds from one time to the next.
        rounds: How often every fault is made.
        metrics_every: Seconds between exports of metrics.
    """
    with fleet(folder, binary, hosts=hosts, agents=agents, metrics_every=metrics_every) as all_:
        seen, began = Seen(), time.monotonic()
        with telling(all_, changing, every):
            die_and_be_told(all_, seen, "nothing broken")
            for _ in range(rounds):
                a_gateway_is_killed(all_, seen)
                one_of_the_second_tier_is_killed(all_, seen)
                kafka_is_started_again(all_, seen)
        seen.seconds = time.monotonic() - began
        nothing_is_lost(all_, seen)
        every_alert_is_told_once(all_)
        for server in all_.prometheus.values():
            every_agent_is_there_once(all_, server)
        look_at_the_cost(all_, seen)
        return seen


@contextmanager
def telling(all_: Fleet, changing: int, every: float) -> Iterator[None]:
    """Within the block, agents of every host change their state again and again."""
    over = threading.Event()
    failures: list[BaseException] = []

    def tell(host: Host) -> None:
        try:
            due = time.monotonic()
            while not over.wait(max(0.0, due - time.monotonic())):
                due = max(due + every, time.monotonic() - every)
                host.step(changing)
        except BaseException as failure:  # noqa: BLE001 - said where the block ends
            failures.append(failure)

    threads = [threading.Thread(target=tell, args=(host,), daemon=True) for host in all_.hosts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not failures, failures


def a_gateway_is_killed(all_: Fleet, seen: Seen) -> None:
    """Half of the hosts sent to it: they go on with the other one."""
    gateway = all_.gateways[0]
    gateway.kill()
    die_and_be_told(all_, seen, "a gateway killed")
    gateway.start()


def one_of_the_second_tier_is_killed(all_: Fleet, seen: Seen) -> None:
    """The other one gets its partitions, and those back that it had not finished."""
    killed, other = all_.second
    had = other.counted("otelcol_kafka_receiver_partition_start")
    killed.kill()
    die_and_be_told(all_, seen, "one of the second tier killed")
    eventually(
        lambda: other.counted("otelcol_kafka_receiver_partition_start") > had,
        what="its partitions are taken over",
    )
    killed.start()


def kafka_is_started_again(all_: Fleet, seen: Seen) -> None:
    """Killed, so that it says goodbye to nobody; agents die while it is away."""
    all_.kafka.kill()
    at = [(host.name, host.kill_an_agent()) for host in all_.hosts]
    died = time.monotonic()
    all_.kafka.start()
    until_told(all_, at)
    seen.told["Kafka killed and started again"] = max(
        seen.told.get("Kafka killed and started again", 0.0), time.monotonic() - died
    )


def die_and_be_told(all_: Fleet, seen: Seen, when: str) -> None:
    """An agent on every host is killed, and the alert of each arrives in Loki."""
    died = time.monotonic()
    until_told(all_, [(host.name, host.kill_an_agent()) for host in all_.hosts])
    seen.told[when] = max(seen.told.get(when, 0.0), time.monotonic() - died)


def until_told(all_: Fleet, died: list[tuple[str, str]]) -> None:
    """Waits until the alert about each of these (host, agent) is in Loki."""

    def told() -> bool:
        missing = set(died) - set(fired(all_))
        assert not missing, f"{len(missing)} not told of yet, such as {sorted(missing)[:3]}"
        return True

    eventually(told, WITHIN, every=0.5)


def fired(all_: Fleet) -> list[tuple[str, str]]:
    """The (host, agent) of each record in Loki of an agent that stopped; what follows later is of another level."""
    which = f'{{service_name="orchestrator-cc"}} | rule="{RULE}" | severity_text="ERROR"'
    different = {line.labels["record_id"]: line.labels for line in all_.loki.query(which, start=all_.since, limit=4000)}
    return [(labels["host_name"], labels["agent_name"]) for labels in different.values()]


def nothing_is_lost(all_: Fleet, seen: Seen) -> None:
    """Every record that a monitor wrote is in Loki, with its host, and none of those about the sending itself."""
    records = [(host.name, record) for host in all_.hosts for record in host.records()]
    stays = {(host, record["record_id"]) for host, record in records if stays_with_the_host(record)}
    wrote = {(host, record["record_id"]): record for host, record in records}
    sent = wrote.keys() - stays
    came: list[LogLine] = []

    def complete() -> bool:
        came[:] = all_.lines()
        lost = sent - {(line.labels["host_name"], line.labels["record_id"]) for line in came}
        by = Counter(wrote[one]["logger"] for one in lost)
        assert not lost, f"{len(lost)} of {len(sent)} lost, such as {sorted(lost)[:3]}; by logger: {dict(by)}"
        return True

    eventually(complete, WITHIN, every=1)
    assert not stays & {(line.labels["host_name"], line.labels["record_id"]) for line in came}
    assert len(sent) > sum(host.steps for host in all_.hosts), "less was written than agents told"
    seen.records, seen.stayed = len(sent), len(stays)
    seen.twice = len(came) - len({line.labels["record_id"] for line in came})
    held, different = all_.in_kafka()
    seen.repeated = held - different


def every_alert_is_told_once(all_: Fleet) -> None:
    """One alert for each death, and none beside."""
    died = Counter((host.name, agent) for host in all_.hosts for agent in host.dead)
    wrote = Counter(
        (host.name, record["agent_name"])
        for host in all_.hosts
        for record in host.records()
        if record.get("event") == FIRED and record["rule"] == RULE
    )
    assert wrote == died
    assert Counter(fired(all_)) == died


def every_agent_is_there_once(all_: Fleet, server: Prometheus) -> None:
    """Each agent of each host has one series, with the host it runs on, and says whether it lives."""
    expected = {
        (host.name, f"agent-{number:02d}"): float(f"agent-{number:02d}" not in host.dead)
        for host in all_.hosts
        for number in range(host.agents)
    }

    def so() -> bool:
        found = server.query(f"orchestrator_agent_up {BY_HOST}")
        came = Counter((one.labels["host_name"], one.labels["agent_name"]) for one in found)
        assert came == Counter(expected.keys())
        said = {(one.labels["host_name"], one.labels["agent_name"]): one.value for one in found}
        assert said == expected
        alerts = server.query(f'orchestrator_alert_active{{rule="{RULE}"}} {BY_HOST}')
        fires = Counter((one.labels["host_name"], one.labels["agent_name"]) for one in alerts if one.value)
        assert fires == Counter((host.name, agent) for host in all_.hosts for agent in host.dead)
        return True

    eventually(so, WITHIN, every=1)


def look_at_the_cost(all_: Fleet, seen: Seen) -> None:
    """What each tier has used."""
    for name, tier in (("gateways", all_.gateways), ("second tier", all_.second)):
        total = seen.cost[name] = Cost()
        for member in tier:
            total.add(member.cost())
    costs = [host.cost() for host in all_.hosts]
    seen.monitor_cpu = sum(cpu for cpu, _ in costs) / len(costs)
    seen.monitor_memory = max(memory for _, memory in costs)
    otlp = all_.prometheus["otlp"]
    seen.series = otlp.query('count({__name__=~"orchestrator_.+"})')[0].value / len(all_.hosts)
    seen.kept = sum(file.stat().st_size for file in (all_.kafka.data / "logs").glob("otlp_*/*.log"))
    for name, server in {"Kafka": all_.kafka, "Loki": all_.loki, "Prometheus": otlp}.items():
        process = psutil.Process(server.pid)
        times = process.cpu_times()
        seen.servers[name] = times.user + times.system, process.memory_info().rss
