"""The web server inside our own loop: without its own signal handlers, log configuration or access log."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

_GRACE = 1
"""Seconds that a request under way may take when the server stops."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield


class WebServer:
    """Serves one application on one listening socket."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(
            self._server.serve(sockets=[self._listener]), name="web server"
        )

    async def stop(self, within: float) -> None:
        """Takes no more requests, lets those under way end, and cuts what is left after so many seconds."""
        if self._task is None:
            return
        self._server.should_exit = True
        done, _ = await asyncio.wait({self._task}, timeout=within)
        if not done:
            self._server.force_exit = True
            self._task.cancel()
        self._listener.close()
