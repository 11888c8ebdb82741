"""The last lines of a real pane: asked for by a person, cleaned, and never in a check's way."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from telemetry.monitor import ClusterMonitor
from telemetry.runtime import Signals
from telemetry.sources.base import Screens, SourceError
from telemetry.sources.merged import MergedSource, Part
from telemetry.sources.tmux.lines import LONGEST_LINE, MOST_AT_ONCE, last_lines
from telemetry.sources.tmux.source import TmuxOptions, TmuxSource
from telemetry.testing import FakeClock, ScriptedSource
from tests.sources.real_tmux import TmuxServer, eventually
from tests.sources.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def shows(tmux: TmuxServer, script: str, last: str, **size: str) -> str:
    """A pane that has printed something, and sleeps; its id."""
    pane = tmux.session(command=f"sh -c '{script}; exec sleep 1000'", **size)
    tmux.name_pane(pane, "worker")
    eventually(lambda: last in tmux.screen(pane), "the pane has printed")
    return pane


def asked(tmux: TmuxServer, ask: Callable[[TmuxSource], Awaitable[object]], **options: float) -> object:
    """What a source that has looked once says."""

    async def asking() -> object:
        source = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work", **options))  # type: ignore[arg-type]
        try:
            await source.read(0.0)
            return await ask(source)
        finally:
            await source.close()

    return asyncio.run(asking())


def test_the_last_lines_without_blank_ones(tmux: TmuxServer) -> None:
    shows(tmux, "seq 1 9", "9")
    assert asked(tmux, lambda source: source.last_lines("worker", 3)) == ("tmux", ("7", "8", "9"))
    assert asked(tmux, lambda source: source.last_lines("nobody", 3)) is None


def test_the_last_words_of_a_dead_program_stand_far_above_what_tmux_says() -> None:
    assert last_lines("12 of 20\n" + 30 * "\n" + "Pane is dead\n\n", 20) == ("12 of 20", "", "Pane is dead")


def test_lines_above_the_screen_and_wrapped_ones(tmux: TmuxServer) -> None:
    shows(tmux, "seq 1 30; printf %0100d 7", "0007", size="40x10")
    shown = asked(tmux, lambda source: source.last_lines("worker", 20))
    assert shown == ("tmux", (*map(str, range(12, 31)), "0" * 99 + "7"))


def test_escape_sequences_and_secrets_stay_out(tmux: TmuxServer) -> None:
    token = "ghp_" + "a1B2" * 9
    shows(
        tmux,
        rf'printf "\033[31mred\033[0m\n\033]0;title\007{token}\npassword=hunter22\n-end-\n"',
        "-end-",
        size="60x20",
    )
    assert asked(tmux, lambda source: source.last_lines("worker", 9)) == (
        "tmux",
        ("red", "[redacted]", "password=[redacted]", "-end-"),
    )


def test_a_key_that_begins_above_is_a_secret_too() -> None:
    key = ["-----BEGIN RSA PRIVATE KEY-----", *["QUJD" * 16] * 30, "-----END RSA PRIVATE KEY-----"]
    assert last_lines("\n".join([*key, "done", "", "  "]), 10) == ("[redacted]", "done")


def test_hostile_lines_are_bounded_and_printable() -> None:
    shown = last_lines("\x1b[2J\u202eevil\x00\n" + "x" * 10_000, 5)
    assert all(line.isprintable() and len(line) <= LONGEST_LINE for line in shown)
    assert len(shown) == 2
    assert last_lines("\n\n", 5) == ()


def test_a_pane_of_that_id_on_another_server_is_not_shown(tmux: TmuxServer) -> None:
    pane = shows(tmux, "echo ready", "ready")
    pid = tmux.pid(pane)
    assert asked(tmux, lambda source: source.lines_in(pane, pid, 5)) == ("tmux", ("ready",))
    assert asked(tmux, lambda source: source.lines_in(pane, os.getpid(), 5)) is None
    assert asked(tmux, lambda source: source.lines_in("%99", pid, 5)) is None
    assert asked(tmux, lambda source: source.lines_in(pane, None, 5)) is None


def test_a_server_that_was_started_anew_shows_nothing_of_the_old(tmux: TmuxServer) -> None:
    shows(tmux, "echo old", "old")

    async def ask(source: TmuxSource) -> object:
        tmux("kill-server")
        eventually(lambda: not tmux.runs(), "the server ends")
        gone = await source.last_lines("worker", 5)
        tmux.session(command="sh -c 'echo new; exec sleep 1000'")
        return gone, await source.last_lines("worker", 5)

    assert asked(tmux, ask) == (None, None)


@pytest.mark.slow
def test_a_tmux_that_hangs_holds_up_nobody_else(
    tmux: TmuxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(tmux, "echo ready", "ready")
    real = shutil.which("tmux")
    fake = tmp_path / "tmux"
    # only the question for a screen hangs: it is the one that reads a script with if-shell … capture-pane in it
    fake.write_text(
        f'#!/bin/sh\nscript=$(cat)\ncase "$script" in *capture-pane\\ -p\\ -J*) exec sleep 1000;; esac\n'
        f'printf "%s\\n" "$script" | exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    async def ask(source: TmuxSource) -> object:
        hanging = asyncio.create_task(source.last_lines("worker", 5))
        await asyncio.sleep(0)
        again = await source.read(5.0)  # a check, while that waits
        assert [agent.running for agent in again.agents] == [True]
        with pytest.raises(SourceError, match=r"tmux gave no answer within 0\.5 s"):
            await hanging
        return None

    asked(tmux, ask, timeout=0.5)


def test_so_many_at_once_and_one_call_for_all_who_ask_the_same(
    tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(tmux, "echo ready", "ready")
    release, calls = threading.Event(), []

    async def ask(source: TmuxSource) -> object:
        look = source._lines._client.screen

        def slow(*which: object) -> str | None:
            calls.append(which)
            release.wait(10)
            return look(*which)  # type: ignore[arg-type]

        monkeypatch.setattr(source._lines._client, "screen", slow)
        waiting = [asyncio.create_task(source.last_lines("worker", 1 + n % MOST_AT_ONCE)) for n in range(40)]
        await asyncio.sleep(0)
        with pytest.raises(SourceError, match="too many"):
            await source.last_lines("worker", 100)
        release.set()
        return await asyncio.gather(*waiting)

    said = asked(tmux, ask)
    assert said == [("tmux", ("ready",))] * 40
    assert len(calls) == MOST_AT_ONCE


def test_through_several_sources_and_a_monitor(tmux: TmuxServer) -> None:
    shows(tmux, "echo ready", "ready")
    clock = FakeClock()

    async def ask() -> None:
        inner = TmuxSource(TmuxOptions(socket_name=tmux.socket_name, session="work"))
        assert isinstance(inner, Screens)
        merged = MergedSource([Part(inner, 3), Part(ScriptedSource.of([]), 1)])
        monitor = ClusterMonitor.for_source(merged, signals=Signals.silent(), clock=clock)
        await monitor.check_now()
        assert await monitor.last_lines("worker") == ("tmux", ("ready",))
        assert await monitor.last_lines("nobody") is None
        await monitor.close()
        with pytest.raises(RuntimeError, match="the tmux source is closed"):
            await monitor.last_lines("worker")

    asyncio.run(ask())


def test_a_watcher_that_saw_nobody_has_no_lines(tmux: TmuxServer) -> None:
    watcher = Watcher(tmux)
    watcher.read()
    assert asyncio.run(watcher.source.last_lines("worker", 5)) is None
