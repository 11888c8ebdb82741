"""Panes that stay when their program ends are respawned: beside a listener tmux would fall over, so there is none."""

from __future__ import annotations

import pytest

from tests.sources.real_tmux import TmuxServer
from tests.sources.test_tmux_events import controls, listening, looped, soon

RESPAWNED = 300
"""Beside a listener, tmux 3.3a fell over after 5 to 30."""


@pytest.mark.slow
@looped
async def test_a_server_whose_panes_are_respawned_again_and_again_lives_on(tmux: TmuxServer) -> None:
    tmux.session(command="sleep 1000")
    tmux("set-option", "-g", "remain-on-exit", "on")
    pane = tmux.split(command="sleep 1000")
    tmux.name_pane(pane, "worker")
    async with listening(tmux) as watched:
        assert watched.source.events.startswith("polling: panes here stay")
        assert "1" not in controls(tmux)
        for _ in range(RESPAWNED):
            tmux("respawn-pane", "-k", "-t", pane, "echo a last word")
        tmux("respawn-pane", "-k", "-t", pane, "echo x; exec sleep 1000")
        await soon(lambda: "x" in tmux("capture-pane", "-p", "-t", pane), "what it prints")
        assert (await watched.read())["worker"].running


@pytest.mark.slow
@looped
async def test_a_session_is_let_go_when_its_panes_begin_to_stay(tmux: TmuxServer) -> None:
    tmux.name_pane(tmux.session(command="sleep 1000"), "worker")
    async with listening(tmux) as watched:
        await watched.heard()
        tmux("set-option", "-g", "remain-on-exit", "on")
        await watched.read()
        await soon(lambda: "1" not in controls(tmux), "nobody listens")
