"""The real Claude Code with our hooks in its settings: what it sends, and that nothing of it waits for us."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from telemetry.clock import SystemClock
from telemetry.hooks import entries as hooks
from telemetry.listening import listen, url
from telemetry.model import AgentSample, State
from telemetry.picture import Picture
from telemetry.serving import WebServer
from telemetry.settings import Dashboard
from telemetry.sources.base import Place
from telemetry.sources.push.source import Heard, PushOptions, PushSource
from telemetry.web.app import create_app
from telemetry.web.push import Taker
from tests.claude_code.fixtures import ClaudeCode, claude_binary, claude_code
from tests.claude_code.program import TEAMS
from tests.waiting import eventually

__all__ = ["claude_binary", "claude_code"]

pytestmark = pytest.mark.slow


class Monitor:
    """A server of ours in a thread, which keeps every state that an agent was in."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.states: dict[str, list[State | None]] = {}
        self.agents: dict[str, AgentSample] = {}
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        push = PushSource(Place("main", PushOptions()))
        await push.read(time.time())
        push.listen(lambda: self._note(push))
        listener = listen(Dashboard(port=0))
        self.url = url(listener)
        takers: dict[str, Taker] = {"main": self}
        app = create_app(
            Picture(), list, lambda _: b"", SystemClock(), metrics_type="text/plain", takers=lambda: takers
        )
        self._push = push
        server = WebServer(app, listener)
        server.start()
        self._ready.set()
        await self._end.wait()
        await server.stop(1.0)
        await push.close()

    def hear(self, name: str | None, body: Mapping[str, Any], now: float) -> Heard:
        """Between the route and the source."""
        self.events.append(body["hook_event_name"])
        return self._push.hear(name, body, now)

    def _note(self, push: PushSource) -> None:
        reading = push.glance(time.time())
        assert reading is not None
        self.agents = {agent.name: agent for agent in reading.agents}
        for name, agent in self.agents.items():
            known = self.states.setdefault(name, [])
            if not known or known[-1] is not agent.reported:
                known.append(agent.reported)

    def waits_for(self, state: State, name: str = "project") -> AgentSample:
        def look() -> AgentSample | None:
            agent = self.agents.get(name)
            return agent if agent is not None and agent.reported is state else None

        found = eventually(look, every=0.01, what=f"{name} {state}: {self.agents} after {self.events}")
        assert found is not None
        return found


@pytest.fixture
def monitor(claude_code: ClaudeCode) -> Iterator[Monitor]:
    """Ours, to which the hooks of every program that is started lead."""
    made = Monitor()
    made.start()
    settings = claude_code.home.claude / "settings.json"
    settings.write_text(hooks.installed("{}\n", hooks.address(made.url), hooks.EVENTS))
    yield made
    made.stop()


def test_turns_questions_failures_and_the_end_as_the_real_program_tells_them(
    claude_code: ClaudeCode, monitor: Monitor
) -> None:
    program = claude_code.start()
    program.say("hold on")
    agent = monitor.waits_for(State.BUSY)
    assert (agent.detail.session_id, agent.detail.folder) == (program.session_id, str(claude_code.home.project))
    claude_code.stub.release("on")
    assert monitor.waits_for(State.IDLE).reason == "has finished its turn"

    program.say("ask")
    asked = monitor.waits_for(State.WAITING)
    assert asked.reason == "asks for permission to use Bash"
    eventually(lambda: "Esc to cancel" in program.screen(), what="the question, which is the person's still")
    assert not (claude_code.home.project / "asked-for").exists()
    program.allow()
    monitor.waits_for(State.IDLE)
    assert (claude_code.home.project / "asked-for").exists()

    program.say("fail 400")
    eventually(lambda: monitor.agents["project"].reason.startswith("its turn failed"))
    program.leave()
    eventually(lambda: monitor.agents == {})
    assert monitor.states["project"] == [
        State.BUSY, State.IDLE, State.BUSY, State.WAITING, State.BUSY, State.IDLE, State.BUSY, State.IDLE
    ]  # fmt: skip


def test_a_question_that_is_turned_down_is_over_with_the_next_prompt(claude_code: ClaudeCode, monitor: Monitor) -> None:
    """The program sends nothing when its question is turned down: only its own file says so at once."""
    program = claude_code.start()
    program.say("ask touch never-made")
    monitor.waits_for(State.WAITING)
    program.deny()
    program.wait_for("idle")
    program.say("work 0.1")
    monitor.waits_for(State.IDLE)


def test_a_teammate_in_the_leads_process_is_seen_beside_it(claude_code: ClaudeCode, monitor: Monitor) -> None:
    lead = claude_code.start(variables=TEAMS)
    lead.say("team scout work 0.1")
    monitor.waits_for(State.IDLE, "scout")
    assert monitor.agents["project"].detail.session_id == lead.session_id
    assert monitor.agents["scout"].detail.session_id == ""
    lead.leave()
    eventually(lambda: monitor.agents == {})


def test_a_teammate_in_a_pane_gets_its_name(claude_code: ClaudeCode, monitor: Monitor) -> None:
    lead = claude_code.start("--teammate-mode", "tmux", variables=TEAMS)
    lead.say("team scout work 0.1")
    lead.wait_for_member("scout", active=False)
    scout = monitor.waits_for(State.IDLE, "scout")
    assert scout.detail.session_id not in ("", lead.session_id)
    assert set(monitor.agents) == {"project", "scout"}


def test_without_a_monitor_the_program_works_as_ever(claude_code: ClaudeCode) -> None:
    settings = claude_code.home.claude / "settings.json"
    settings.write_text(hooks.installed("{}\n", "http://127.0.0.1:1" + hooks.PATH, hooks.EVENTS))
    program = claude_code.start()
    program.say("work 0.1")
    program.wait_for("idle")
    assert "error" not in program.screen().lower(), program.screen()
    program.leave()
