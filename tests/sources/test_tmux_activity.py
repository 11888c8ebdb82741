"""When was the agent active last? By what its pane shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from telemetry.model import State
from telemetry.store import Store
from tests.sources.real_tmux import eventually
from tests.sources.watching import START, Watcher, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.real_tmux import TmuxServer

ECHO = "while read line; do printf '%s\\n' \"$line\"; done"


def agent_that_echoes(tmux: TmuxServer) -> str:
    pane = tmux.session(command=f"stty -echo; {ECHO}")
    tmux.name_pane(pane, "worker")
    say(tmux, pane, "ready")
    return pane


def say(tmux: TmuxServer, pane: str, text: str) -> None:
    """The agent prints this, and the screen shows it."""
    before = tmux.screen(pane).count(text)
    tmux.type(pane, text)
    eventually(lambda: tmux.screen(pane).count(text) > before, f"{text} is printed")


def settled(tmux: TmuxServer) -> Watcher:
    """A watcher that has looked twice: it knows the screen."""
    watcher = Watcher(tmux)
    watcher.read(-20)
    watcher.read(-19)
    return watcher


def test_output_is_activity(tmux: TmuxServer) -> None:
    pane = agent_that_echoes(tmux)
    watcher = settled(tmux)
    say(tmux, pane, "work")
    agent = watcher.read(0)["worker"]
    assert (agent.last_activity, agent.reported) == (START, State.BUSY)
    assert watcher.read(9.9)["worker"].reported is State.BUSY
    quiet = watcher.read(10)["worker"]
    assert (quiet.last_activity, quiet.reported) == (START, State.IDLE)


def test_quiet_after_is_a_setting(tmux: TmuxServer) -> None:
    agent_that_echoes(tmux)
    watcher = Watcher(tmux, quiet_after=2.5)
    watcher.read(0)
    at = watcher.read(1)["worker"].last_activity - START
    assert watcher.read(at + 2.4)["worker"].reported is State.BUSY
    assert watcher.read(at + 2.5)["worker"].reported is State.IDLE


def test_first_sight_takes_tmuxs_word(tmux: TmuxServer) -> None:
    pane = agent_that_echoes(tmux)
    seen = float(tmux.show(pane, "window_activity"))
    agent = Watcher(tmux).read(0)["worker"]
    assert agent.last_activity == seen
    assert agent.reported is State.IDLE, "that was long before the time of this test"
    early = Watcher(tmux).read(seen - 100 - START)["worker"]
    assert early.last_activity == seen - 100, "never in the future"


def test_same_line_again_is_activity(tmux: TmuxServer) -> None:
    pane = tmux.session(command=f"stty -echo; yes same | head -60; {ECHO}")
    tmux.name_pane(pane, "worker")
    eventually(lambda: int(tmux.show(pane, "history_size")) >= 10, "the screen scrolls")
    eventually(lambda: set(tmux.screen(pane).split()) == {"same"}, "only that is left")
    watcher = settled(tmux)
    shown, history = tmux.screen(pane), tmux.show(pane, "history_size")
    tmux.type(pane, "same")
    eventually(lambda: tmux.show(pane, "history_size") != history, "another line")
    assert tmux.screen(pane) == shown
    assert watcher.read(0)["worker"].last_activity == START


def test_resize_is_no_activity(tmux: TmuxServer) -> None:
    pane = agent_that_echoes(tmux)
    say(tmux, pane, "a rather long line" * 6)
    watcher = settled(tmux)
    before = watcher.read(0)["worker"].last_activity
    tmux("resize-window", "-t", "work:", "-x", "60", "-y", "20")
    assert watcher.read(1)["worker"].last_activity == before
    # A program that redraws itself because of it isn't working either.
    say(tmux, pane, "redrawn")
    assert watcher.read(1.9)["worker"].last_activity == before
    say(tmux, pane, "work")
    assert watcher.read(3)["worker"].last_activity == START + 3


def test_neighbours_that_come_and_go_are_no_activity(tmux: TmuxServer) -> None:
    agent_that_echoes(tmux)
    watcher = settled(tmux)
    before = watcher.read(0)["worker"].last_activity
    extra = tmux.split()
    assert watcher.read(5)["worker"].last_activity == before
    tmux("kill-pane", "-t", extra)
    assert watcher.read(10)["worker"].last_activity == before


def test_copy_mode_and_clock_are_no_activity(tmux: TmuxServer) -> None:
    pane = tmux.session(command="seq 1 100; sleep 1000")
    tmux.name_pane(pane, "worker")
    eventually(lambda: "100" in tmux.screen(pane), "all is printed")
    watcher = settled(tmux)
    before = watcher.read(0)["worker"].last_activity
    tmux("copy-mode", "-t", pane)
    tmux("send-keys", "-t", pane, "-X", "page-up")
    assert watcher.read(5)["worker"].last_activity == before
    tmux("send-keys", "-t", pane, "-X", "cancel")
    tmux("clock-mode", "-t", pane)
    assert watcher.read(10)["worker"].last_activity == before


def test_neighbours_output_is_not_ones_own(tmux: TmuxServer) -> None:
    pane = agent_that_echoes(tmux)
    other = tmux.split(command=f"stty -echo; {ECHO}")
    tmux.name_pane(other, "other")
    say(tmux, other, "ready")
    watcher = settled(tmux)
    before = watcher.read(0)
    say(tmux, pane, "work")
    after = watcher.read(5)
    assert after["worker"].last_activity == START + 5
    assert after["other"].last_activity == before["other"].last_activity


@pytest.mark.slow
def test_an_agent_is_idle_for_no_longer_than_its_process_lives(tmux: TmuxServer) -> None:
    """tmux keeps a pane's time of activity when another process is started in it."""
    pane = tmux.session()
    tmux.name_pane(pane, "worker")
    seen = float(tmux.show(pane, "window_activity"))
    eventually(lambda: time.time() > seen + 1.5, "that is a while ago")
    tmux("respawn-pane", "-k", "-t", pane, "sleep 1000")
    agent = Watcher(tmux).read(0)["worker"]
    assert agent.last_activity == int(psutil.Process(tmux.pid(pane)).create_time())
    assert agent.last_activity > seen


def test_typing_in_the_shell_that_is_left_is_no_activity(tmux: TmuxServer) -> None:
    pane = tmux.session(command="bash --norc --noprofile")
    tmux.name_pane(pane, "worker")
    eventually(lambda: "bash-" in tmux.screen(pane), "the shell is ready")
    watcher = settled(tmux)
    tmux("send-keys", "-t", pane, "-l", "echo")
    eventually(lambda: "echo" in tmux.screen(pane), "it is shown")
    agent = watcher.read(0)["worker"]
    assert (agent.running, agent.reported, agent.last_activity) == (False, None, 0.0)


def test_activity_survives_a_restart_of_the_monitor(tmux: TmuxServer, tmp_path: Path) -> None:
    pane = agent_that_echoes(tmux)
    watcher = Watcher(tmux, Store(tmp_path / "state.db"))
    watcher.read(-2)
    watcher.read(-1)
    say(tmux, pane, "work")
    watcher.read(0)
    watcher.close()
    agent = Watcher(tmux, Store(tmp_path / "state.db")).read(100)["worker"]
    assert (agent.last_activity, agent.reported) == (START, State.IDLE)


def test_pane_that_prints_our_own_format(tmux: TmuxServer) -> None:
    pane = agent_that_echoes(tmux)
    other = tmux.split()
    tmux.name_pane(other, "other")
    watcher = settled(tmux)
    for text in ("S0", "E", "P%0 0 0 1 1 9  1 $0 0 0 1x1 0,0,0 1", "%end 1 1 0", "#{pane_id}", "0" * 32 + "E"):
        say(tmux, pane, text)
        assert running(watcher.read(0)) == {"worker", "other"}


def test_screen_text_is_kept_nowhere(tmux: TmuxServer, tmp_path: Path) -> None:
    pane = agent_that_echoes(tmux)
    watcher = Watcher(tmux, Store(tmp_path / "state.db"))
    watcher.read(0)
    say(tmux, pane, "hush-hush-4711")
    watcher.read(1)
    assert "4711" not in repr(watcher.reading)
    assert "4711" not in repr(vars(watcher.source._screens))
    watcher.close()
    assert all(b"4711" not in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.slow
def test_sixty_panes_are_looked_at_in_turn(tmux: TmuxServer) -> None:
    tmux.session(command=f"stty -echo; {ECHO}")
    every = ["new-window", "-d", "-t", "work:", f"stty -echo; {ECHO}", ";"]
    tmux(*(every * 59)[:-1])
    panes = tmux.panes()
    tmux(*_for_each(panes, "set-option -p -t {pane} @agent_name agent{pane}"))
    watcher = Watcher(tmux)
    for at in range(-6, 0):
        assert len(running(watcher.read(at))) == 60
    tmux(*_for_each(panes, "send-keys -t {pane} work Enter"))
    eventually(lambda: all("work" in tmux.screen(pane) for pane in panes), "all print", within=30)
    one = watcher.read(0).values()
    assert sum(agent.last_activity == START for agent in one) == 50
    two = watcher.read(5).values()
    assert all(agent.last_activity >= START for agent in two)
    assert {agent.reported for agent in two} == {State.BUSY}


def _for_each(panes: list[str], command: str) -> list[str]:
    """One call of tmux with a command for each pane."""
    return " ; ".join(command.format(pane=pane) for pane in panes).split(" ")


def test_long_scrollback_costs_nothing(tmux: TmuxServer) -> None:
    pane = tmux.session(command="seq 1 200000; sleep 1000")
    tmux.name_pane(pane, "worker")
    eventually(lambda: "200000" in tmux.screen(pane), "all is printed", within=30)
    watcher = settled(tmux)
    started = time.perf_counter()
    watcher.read(0)
    assert time.perf_counter() - started < 2
