"""A valve before a backend whose protocol isn't plain HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TcpValve:
    """Hands bytes on in both directions; shut, it ends every connection, those that are open too.

    Attributes:
        port: Its own port on the loopback, to be used in place of the backend's.
        refused: How many connections it ended at once, being shut.
    """

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.refused = 0
        self._lock = threading.Lock()
        self._shut = False
        self._open: set[socket.socket] = set()

    @contextlib.contextmanager
    def open(self) -> Iterator[TcpValve]:
        """Hands on until the end of the block."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self.shut(True)

    def shut(self, shut: bool) -> None:
        """Shuts it, or opens it again."""
        with self._lock:
            self._shut = shut
            ended, self._open = (self._open, set()) if shut else (set(), self._open)
        for connection in ended:
            with contextlib.suppress(OSError):  # its other end was faster
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                if self._shut:
                    self.refused += 1
                    near.close()
                    continue
            try:
                far = socket.create_connection(self._upstream, timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
