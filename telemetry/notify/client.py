"""The HTTP client that a request is made with: which proxy it takes, whom it trusts, and that it logs nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    import httpx

_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_NEEDED_BY_A_REQUEST = ("httpcore", "h11", "encodings.idna", "httpcore._backends.anyio", "anyio._backends._asyncio")
"""What httpx loads with its first request: some 40 ms that the first message would wait for."""
_ours: ContextVar[bool] = ContextVar("telemetry_notify_http", default=False)


def trusted() -> ssl.SSLContext:
    """Whose certificates are good (SSL_CERT_FILE counts). Slow, for a thread: loads httpx, too.

    Raises:
        OSError: A file with certificates can't be read.
    """
    import httpx

    for name in _NEEDED_BY_A_REQUEST:
        with suppress(ImportError):  # another release of httpx may do without it
            import_module(name)
    return httpx.create_ssl_context()


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy for a URL by the usual variables (HTTPS_PROXY, NO_PROXY, …), or None."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def make_client(tls: ssl.SSLContext, proxy: str | None, connect: float) -> httpx.AsyncClient:
    """A client for one request, which gives up after `connect` seconds without a connection and on nothing else.

    Raises:
        ValueError: The proxy can't be used. Its URL may hold a password: nothing of it is quoted.
    """
    import httpx

    try:
        return httpx.AsyncClient(
            verify=tls,
            proxy=proxy,
            trust_env=False,  # the proxy variables were read already, and nothing else there is meant for us
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=connect),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        raise ValueError("the proxy that the environment names can't be used") from None


@contextmanager
def unlogged() -> Iterator[None]:
    """No log line of httpx about what happens inside: it logs every URL at INFO, and every header at DEBUG.

    A filter, rather than a level, leaves alone what somebody else in this process does with httpx. It is hung up each
    time, since whoever configures logging may have taken it down.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def _not_ours(record: logging.LogRecord) -> bool:
    return not _ours.get()
