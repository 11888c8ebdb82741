"""The route that shows an agent's screen: who is asked, and what is said where there is none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from telemetry.model import State
from tests.web.conftest import World, agent


class Shown(NamedTuple):
    source: str
    lines: tuple[str, ...]


TWO_LINES = Shown("tmux", ("one", "<b>two</b>"))


@dataclass
class Screens:
    """Answers as it is told."""

    answer: Shown | Exception | None = TWO_LINES
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    async def __call__(self, cluster: str, agent: str, count: int) -> Shown | None:
        self.asked.append((cluster, agent, count))
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_the_last_lines(world: World) -> None:
    screens = Screens()
    said = world.ask("/api/v1/agents/lines?agent=a", screens=screens)
    assert said.json() == {
        "agent": "a",
        "cluster": "main",
        "source": "tmux",
        "at": world.clock.now(),
        "lines": ["one", "<b>two</b>"],
    }
    world.ask("/api/v1/agents/lines?agent=a&count=7&cluster=main", screens=screens)
    assert screens.asked == [("main", "a", 20), ("main", "a", 7)]


def test_an_agent_without_a_screen_has_no_lines(world: World) -> None:
    said = world.ask("/api/v1/agents/lines?agent=a", screens=Screens(None))
    assert (said.status_code, said.json()["source"], said.json()["lines"]) == (200, "", [])


def test_a_source_that_does_not_answer_is_told(world: World) -> None:
    said = world.ask("/api/v1/agents/lines?agent=a", screens=Screens(RuntimeError("tmux gave no answer within 2 s")))
    assert (said.status_code, said.json()) == (503, {"detail": "tmux gave no answer within 2 s"})


def test_a_screen_that_never_comes_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.web.lines.ANSWERED_WITHIN", 0.01)

    async def never(*_: object) -> Shown | None:
        await asyncio.Event().wait()
        return None

    said = world.ask("/api/v1/agents/lines?agent=a", screens=never)
    assert (said.status_code, said.json()["detail"]) == (503, "no screen within 0.01 s")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("agent=nobody", 404),
        ("agent=a&cluster=nowhere", 404),
        ("agent=a&cluster=night", 404),
        ("", 422),
        ("agent=a&count=0", 422),
        ("agent=a&count=201", 422),
        ("agent=a&count=x", 422),
    ],
)
def test_what_cannot_be_asked(world: World, query: str, status: int) -> None:
    screens = Screens()
    said = world.ask(f"/api/v1/agents/lines?{query}", screens=screens)
    assert (said.status_code, screens.asked) == (status, [])
    assert "\n" not in said.json()["detail"]


def test_an_agent_of_two_clusters_needs_the_cluster(world: World) -> None:
    world.see("night", agent("a", State.BUSY, world.clock.now()))
    said = world.ask("/api/v1/agents/lines?agent=a", screens=Screens())
    assert said.status_code == 422
    assert said.json()["detail"] == "cluster: several have an agent of this name (main, night); name one"
    assert world.ask("/api/v1/agents/lines?agent=a&cluster=night", screens=Screens()).json()["cluster"] == "night"


def test_screens_may_be_kept_private(world: World) -> None:
    said = world.ask("/api/v1/agents/lines?agent=a")
    assert said.status_code == 404
    assert said.json()["detail"] == "the screens of agents are not shown here: dashboard.screens is false"


def test_links_are_told_as_they_are_set(world: World) -> None:
    links = [{"name": "Logs", "url": "https://logs.example/?q={agent}"}]
    assert world.ask("/api/v1/links", links=lambda: links).json() == {"links": links}
    assert world.ask("/api/v1/links").json() == {"links": []}
