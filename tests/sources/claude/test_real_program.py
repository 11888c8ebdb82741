"""The source beside the real Claude Code, behind a stub of its model."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from telemetry.model import AgentSample, State
from telemetry.sources.base import Place
from telemetry.sources.claude.source import ClaudeOptions, ClaudeSource
from tests.claude_code.fixtures import ClaudeCode, claude_binary, claude_code
from tests.claude_code.program import TEAMS
from tests.sources.real_tmux import TmuxServer, a_server
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["claude_binary", "claude_code"]
pytestmark = pytest.mark.slow


@pytest.fixture
def tmux() -> Iterator[TmuxServer]:
    yield from a_server()


class Reader:
    """Reads the source by polling: what is heard is tested elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._source = ClaudeSource(Place("work", ClaudeOptions(config_dir=folder)))

    def agents(self) -> dict[str, AgentSample]:
        return {agent.name: agent for agent in asyncio.run(self._source.read(time.time())).agents}

    def until(self, name: str, state: State | None, *, running: bool = True) -> AgentSample:
        def seen() -> AgentSample | None:
            agent = self.agents().get(name)
            return agent if agent is not None and agent.running is running and agent.reported is state else None

        found = eventually(seen, what=f"{name} is {state or 'gone'}")
        assert found is not None
        return found

    def close(self) -> None:
        asyncio.run(self._source.close())


def test_turns_a_question_a_death_and_a_resume(claude_code: ClaudeCode) -> None:
    program = claude_code.start("--name", "digger")
    reader = Reader(claude_code.home.claude)
    try:
        assert reader.until("digger", State.IDLE).detail.named
        program.say("hold on")
        reader.until("digger", State.BUSY)
        claude_code.stub.release("on")
        reader.until("digger", State.IDLE)
        program.say("ask")
        assert reader.until("digger", State.WAITING).reason == "waits for a person: permission prompt"
        program.allow()
        reader.until("digger", State.IDLE)
        pid = program.pid
        program.end()
        assert f"process {pid}" in reader.until("digger", None, running=False).reason
        again = program.resumed()
        agent = reader.until("digger", State.IDLE)
        assert (agent.pid, agent.restart_count, len(reader.agents())) == (again.pid, 1, 1)
        again.leave()
        eventually(lambda: reader.agents() == {}, what="an orderly end is no alarm")
    finally:
        reader.close()


def test_a_teammate_in_a_pane(claude_code: ClaudeCode) -> None:
    lead = claude_code.start("--name", "boss", "--teammate-mode", "tmux", variables=TEAMS)
    reader = Reader(claude_code.home.claude)
    try:
        lead.say("team scout")
        pid = lead.wait_for_member("scout", active=False)
        scout = reader.until("scout", State.IDLE)
        assert scout.pid == pid
        assert scout.detail.pane_id.startswith("%")
        assert set(reader.agents()) == {"boss", "scout"}
        os.kill(pid, signal.SIGKILL)
        assert "a ghost: in the configuration of team" in reader.until("scout", None, running=False).reason
    finally:
        reader.close()
