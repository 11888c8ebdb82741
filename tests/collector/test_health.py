"""How a person learns that a backend takes nothing: the real collector, one backend that is down, one that is well."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI

from telemetry.collector.lookout import Lookout, Seen
from telemetry.collector.places import Place
from telemetry.collector.standing import outlets
from telemetry.picture import Picture
from telemetry.signals.exposition import Exposition
from telemetry.testing import FakeClock
from telemetry.web.backends import backend_routes
from tests.collector import otlp
from tests.collector.harness import Running, environment, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

QUEUE = 16_384
"""Bytes; one request of ours is a few hundred."""


def sent(collector: Running, text: str) -> int:
    """The collector's answer to one record."""
    return otlp.send(collector.url("HTTP"), "logs", otlp.logs(text))


class Person:
    """Asks the monitor's web and reads /metrics; the clock is theirs."""

    def __init__(self, collector: Running) -> None:
        self._clock, self._picture = FakeClock(), Picture()
        seen = Seen(Place("own", collector.url("HTTP"), f"{collector.url('TELEMETRY')}/metrics"), dict(collector.env))
        self._lookout = Lookout(seen, self._clock.now)
        self._picture.leaves_by(lambda: outlets(self._lookout.standing))
        self._app = FastAPI()
        self._app.include_router(backend_routes(self._lookout, self._picture, self._clock))

    def waits(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def looks(self) -> tuple[int, str, dict[str, Any]]:
        """The status and the words of /readyz/pipeline, and /metrics, after one more look."""

        async def ask() -> httpx.Response:
            await self._lookout.look()
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://x") as client:
                return await client.get("/readyz/pipeline")

        answer = asyncio.run(ask())
        lines = Exposition(self._picture).render(self._clock.now()).decode().splitlines()
        page = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return answer.status_code, answer.text, {name: float(value) for name, value in page.items()}


def test_a_backend_that_is_down_is_named_until_it_takes_everything(collector_binary: Path, tmp_path: Path) -> None:
    with Taking(answering=503).serving() as backend:
        env = environment(tmp_path, OTLP_BACKEND_URL=backend.url, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=str(QUEUE))
        with running(collector_binary, "otlp,file", env) as up:
            person = Person(up)
            assert person.looks()[0] == 200
            assert sent(up, "record-1;") == 200
            eventually(lambda: person.looks()[2].get('orchestrator_backend_queue_usage{backend="otlp",signal="logs"}'))
            person.waits(40)
            status, said, page = person.looks()
            assert status == 503
            assert "backend otlp: log records: nothing was sent for 40 s" in said
            assert "backend file" not in said
            assert page['orchestrator_backend_up{backend="otlp"}'] == 0
            assert page['orchestrator_backend_up{backend="file"}'] == 1
            backend.answering = 200
            eventually(lambda: person.looks()[0] == 200, 40, what="a pipeline that is ready again")
            assert person.looks()[2]['orchestrator_backend_sent_total{backend="otlp",signal="logs"}'] == 1


def test_a_full_queue_is_told_with_what_was_refused(collector_binary: Path, tmp_path: Path) -> None:
    with Taking(answering=503).serving() as backend:
        env = environment(tmp_path, OTLP_BACKEND_URL=backend.url, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=str(QUEUE))
        with running(collector_binary, "otlp,file", env) as up:
            person = Person(up)
            person.looks()
            for number in range(20):
                assert sent(up, f"record-{number};" + "x" * 2_000) == 200
            refused = 'orchestrator_backend_refused_total{backend="otlp",signal="logs"}'
            eventually(lambda: person.looks()[2].get(refused), what="what was refused")
            status, said, page = person.looks()
            assert status == 503
            assert "backend otlp" in said
            assert page['orchestrator_backend_queue_usage{backend="otlp",signal="logs"}'] > 0.5
            assert page['orchestrator_backend_refused_total{backend="file",signal="logs"}'] == 0
