"""Ten times what it can take, with 64 MiB to work in: it lives, and whoever was refused was told, and is counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.collector.crowd import RECORDS, Crowd
from tests.collector.harness import environment, get, peak_memory, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
TIMES = 10
REQUESTS = 20
SENDERS = {"http": 32, "grpc": 8}
WITH_64_MIB = {
    "ORCHESTRATOR_COLLECTOR_MEMORY_MIB": "64",
    "ORCHESTRATOR_COLLECTOR_MEMORY_SPIKE_MIB": "16",
    "ORCHESTRATOR_COLLECTOR_BODIES_MIB": "16",
    "ORCHESTRATOR_COLLECTOR_QUEUE_BYTES": str(32 << 20),
    "ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC": "false",  # the disk isn't what is measured
    "GOMEMLIMIT": "51MiB",
}
MOST = 256 << 20
"""Bytes that the system lets it have, all told: with one more it dies at once, as in a container."""


def counted(page: str, name: str) -> Counter[tuple[str, ...]]:
    """The series of a counter: values by the values of their labels, in order of the labels' names."""
    return Counter(
        {
            tuple(sample.labels[label] for label in sorted(sample.labels)): int(sample.value)
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name.removesuffix("_total") == name
        }
    )


def overload(binary: Path, folder: Path, *, requests: int, within: float) -> str:
    """Ten times as much is offered as is taken, and ten times so many requests at least; what was measured.

    Raises AssertionError where it ends, an acknowledged record is missing, or a refusal isn't among what it counts.
    """
    with Taking(answering=503).serving() as backend:
        env = environment(folder, OTLP_BACKEND_URL=backend.url, **WITH_64_MIB)
        with running(binary, "otlp", env, before=["prlimit", f"--data={MOST}"], within=within + 120) as collector:
            crowd = Crowd(collector, SENDERS)
            with crowd.sending():
                eventually(
                    lambda: collector.process.poll() is not None or _is_overload(crowd, requests),
                    within,
                    what="ten times as much offered as taken",
                )
            assert collector.process.poll() is None, "".join(collector.lines[:20])
            most = peak_memory(collector.process.pid)
            page = get(f"{collector.url('TELEMETRY')}/metrics")
            backend.answering = 200
            eventually(lambda: backend.has(len(crowd.taken)), 60, what="all that was taken")
            assert collector.stop() == 0
    assert backend.arrived() == sorted(crowd.taken)
    assert set(crowd.said) == {("http", "200"), ("http", "503"), ("grpc", "OK"), ("grpc", "UNAVAILABLE")}
    by_receiver = counted(page, "otelcol_receiver_refused_log_records")
    unread = counted(page, "otelcol_otlp_guard_refused_requests")
    reported = {
        "http": by_receiver["otlp", "http"] // RECORDS + unread["503",],
        "grpc": by_receiver["otlp", "grpc"] // RECORDS,
    }
    refused = {way: no for way, (_, no) in crowd.answers().items()}
    assert reported == refused
    for_memory = counted(page, "otelcol_processor_memory_limiter_refused_log_records")
    assert for_memory["memory_limiter",] > 0  # else it was no test of the memory
    return (
        f"{crowd.answers()} taken and refused by each way, all arrived, all counted: {by_receiver} records, {unread} "
        f"requests unread; resident at most {most >> 20} MiB, the queue's pages in it"
    )


def _is_overload(crowd: Crowd, requests: int) -> bool:
    """Whether ten times as much was offered as was taken, and some was taken and some refused by each way."""
    answers = crowd.answers()
    taken, refused = (list(numbers) for numbers in zip(*answers.values(), strict=True))
    assert all(taken), answers
    assert all(refused), answers
    assert sum(taken) + sum(refused) >= TIMES * max(sum(taken), requests), answers
    return True


def test_ten_times_too_much_is_refused_told_and_counted(collector_binary: Path, tmp_path: Path) -> None:
    overload(collector_binary, tmp_path, requests=REQUESTS, within=300)
