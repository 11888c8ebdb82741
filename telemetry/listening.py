"""The socket that the web listens on: bound before anything starts, so that a busy port is known at once."""

from __future__ import annotations

import errno
import ipaddress
import socket

from telemetry.settings import Dashboard

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
BACKLOG = 1024
"""Connections that the kernel holds until we take them."""
_LONGEST_COMMAND = 80


class ListenError(Exception):
    """The address can't be used: one line that says why, who holds it, and which variable moves it."""


class RefusedAddressError(ListenError):
    """The address is one that anybody on the network reaches, which nobody allowed."""


def listen(dashboard: Dashboard, *, asks: bool = False) -> socket.socket:
    """A listening socket at the dashboard's address, not blocking.

    Args:
        dashboard: The address.
        asks: Whether the server will ask for a token.

    Raises:
        RefusedAddressError: It isn't this machine's loopback, no token is asked for, and `allow_remote` is off.
        ListenError: It can't be had.
    """
    address, port = dashboard.address, dashboard.port
    if not address.is_loopback and not asks and not dashboard.allow_remote:
        raise RefusedAddressError(
            f"ORCHESTRATOR_DASHBOARD_HOST: {address} is reachable from other machines and no token is set: make one "
            "with `orchestrator-telemetry token new` or set ORCHESTRATOR_DASHBOARD_TOKEN; or use 127.0.0.1; or set "
            "ORCHESTRATOR_DASHBOARD_ALLOW_REMOTE=1 where the network itself is closed, as in a container whose port is "
            "published on 127.0.0.1"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - the protocol's version
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(_why(error, address, port)) from error
    listener.setblocking(False)
    return listener


def url(listener: socket.socket, *, tls: bool = False) -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - the protocol's version
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def port_holder(port: int) -> str:
    """Who listens on a TCP port of this machine, in words: «process 4711 (nginx -g …)»; "" where nobody does."""
    import psutil

    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr.port != port:
            continue
        if connection.pid is None:
            return "another user's process"
        try:
            command = " ".join(psutil.Process(connection.pid).cmdline())
        except psutil.Error:
            command = ""
        short = command if len(command) <= _LONGEST_COMMAND else f"{command[:_LONGEST_COMMAND]}…"
        return f"process {connection.pid}" + (f" ({short})" if short else "")
    return ""


def _why(error: OSError, address: IpAddress, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        who = port_holder(port) or "another process"
        return f"port {port} on {address} is held by {who}: ORCHESTRATOR_DASHBOARD_PORT moves the dashboard to another"
    if error.errno == errno.EACCES:
        return f"port {port} needs a privilege that this user lacks: ORCHESTRATOR_DASHBOARD_PORT takes one from 1024 up"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this machine: ORCHESTRATOR_DASHBOARD_HOST names one"
    return f"can't listen on {address}, port {port}: {error.strerror}"
