"""`status --watch`: the screen drawn anew in its place with every change; a block a change where there is no screen."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.cli.live.board import Board
from telemetry.cli.live.following import follow
from telemetry.cli.live.lines import Shape, blocks, lines, signature
from telemetry.cli.live.overview import Wanted, overview
from telemetry.cli.live.text import as_text, fit
from telemetry.signals.log_sinks import is_terminal

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""Another screen without a cursor, and back: what stood on the terminal stands there again."""
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_NOT_MORE_OFTEN = 0.1
"""Seconds between two drawings: a burst of changes is one."""


@dataclass(frozen=True)
class Look:
    """What is watched, and how it is shown; `every` is in seconds."""

    wanted: Wanted
    every: float
    everything: bool = False
    wide: bool = False
    colour: bool = False


async def watch_status(state_dir: Path, look: Look) -> None:
    """Until Ctrl-C, SIGTERM, or whoever reads has seen enough."""
    loop, ended, news = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGWINCH, news.set)
    board = Board()
    following = asyncio.create_task(_keep(state_dir, board, news))
    showing = asyncio.create_task((_draw if is_terminal(sys.stdout) else _tell)(board, look, news))
    ending = asyncio.create_task(ended.wait())
    tasks: tuple[asyncio.Task[Any], ...] = (following, showing, ending)
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()  # what went wrong is said


async def _keep(state_dir: Path, board: Board, news: asyncio.Event) -> None:
    async for _ in follow(state_dir, board):
        news.set()


async def _draw(board: Board, look: Look, news: asyncio.Event) -> None:
    with _screen():
        while True:
            sys.stdout.write(screenful(board, look, shutil.get_terminal_size()))
            sys.stdout.flush()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), look.every)
            news.clear()
            await asyncio.sleep(_NOT_MORE_OFTEN)


@contextlib.contextmanager
def _screen() -> Iterator[None]:
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def screenful(board: Board, look: Look, size: tuple[int, int]) -> str:
    """One drawing over the last one: every line is written to its end, so nothing flickers."""
    columns, rows = size
    made = [*_head(board), *_body(board, look, Shape(columns, None if look.everything else rows - 2, look.wide))]
    text = as_text([fit(line, columns) for line in made[:rows]], colour=look.colour, encoding=sys.stdout.encoding)
    return _HOME + text.rstrip("\n").replace("\n", f"{_REST_OF_LINE}\n") + _REST_OF_LINE + _REST_OF_SCREEN


def _head(board: Board) -> list[list[tuple[str, str]]]:
    moment = time.strftime("%H:%M:%S", time.localtime(board.now()))
    return [[(f"{moment} · {'not live' if board.connection else 'live'} · Ctrl-C ends", "dim")], []]


def _body(board: Board, look: Look, shape: Shape) -> list[list[tuple[str, str]]]:
    if not board.is_known:
        return [[(f"! {board.connection}", "bold red")] if board.connection else [("asking the monitor …", "dim")]]
    return lines(overview(board.items, board.now(), look.wanted), shape, board.connection)


async def _tell(board: Board, look: Look, news: asyncio.Event) -> None:
    """A block for each change, with its time: for a file, or a terminal that can't be drawn on."""
    last: object = None
    while True:
        found = overview(board.items, board.now(), look.wanted)
        state = (board.connection, board.is_known and signature(found))
        if state != last and (board.is_known or board.connection):
            last = state
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(board.now()))
            shape = Shape(shutil.get_terminal_size().columns, None, look.wide)
            body = blocks(_body(board, look, shape))
            sys.stdout.write(as_text([[(moment, "")], *body, []], colour=look.colour, encoding=sys.stdout.encoding))
            sys.stdout.flush()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), look.every)
        news.clear()
        await asyncio.sleep(_NOT_MORE_OFTEN)
