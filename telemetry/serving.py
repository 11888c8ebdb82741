"""The web server inside our own loop: without its own signal handlers, log configuration or access log."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from telemetry.listening import BACKLOG
from telemetry.patience import Patience, Patient
from telemetry.web.identity import BY_SOCKET

_GRACE = 1
"""Seconds that a request under way may take when the server stops."""
_LONGEST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers, beyond which it is refused while it still comes in."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, patience: Patience) -> None:
        super().__init__(config)
        self._patience = patience

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, with a bound on how long a client may take to shake hands."""
        await self.lifespan.startup()
        self.servers = []
        loop = asyncio.get_running_loop()
        tls = self.config.ssl
        for listener in sockets or []:
            server = await loop.create_server(
                self._protocol,
                sock=listener,
                backlog=BACKLOG,
                ssl=tls,
                ssl_handshake_timeout=self._patience.head if tls else None,
                ssl_shutdown_timeout=self._patience.head if tls else None,
            )
            self.servers.append(server)
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return Patient(self.config, self.server_state, self.lifespan.state, self._patience)


class WebServer:
    """Serves one application on one listening socket.

    Args:
        app: The application.
        listener: The socket. What comes by a Unix socket is marked: the rights of its file have let it through.
        tls: The certificate, for https.
        patience: How long clients are waited for, and how many there may be.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ) -> None:
        patience = patience or Patience()
        config = uvicorn.Config(
            _by_socket(app) if listener.family == socket.AF_UNIX else app,
            http=Patient,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # what clients send in wrong form is their affair, and would fill the log
            access_log=False,
            server_header=False,
            timeout_keep_alive=int(patience.idle),
            timeout_graceful_shutdown=_GRACE,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            ssl_context_factory=(lambda _, __: tls) if tls is not None else None,
        )
        self._server = _Server(config, patience)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._server.server_state.connections)

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


def _by_socket(app: ASGIApp) -> ASGIApp:
    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        scope[BY_SOCKET] = True
        await app(scope, receive, send)

    return marked
