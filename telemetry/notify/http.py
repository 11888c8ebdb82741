"""One HTTP request to a receiver whose URL is a secret, given up in time, and never to a machine's metadata service.

A name is resolved once, and the address that was checked is the one that is connected to: nobody can swap it between.
"""

from __future__ import annotations

import asyncio
import json as as_json
import os
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, SecretStr

from telemetry.notify.addresses import REFUSED, Resolve, check_url, is_forbidden, literal, pieces, resolve
from telemetry.notify.base import DeliveryError, Notifier, Surroundings
from telemetry.notify.client import make_client, proxy_for, trusted, unlogged
from telemetry.notify.texts import quoted

if TYPE_CHECKING:
    import httpx

DEADLINE = 8.0
"""Seconds for all of a request: looking the name up, connecting, asking, reading."""
CONNECT_TIMEOUT = 4.0
"""Seconds for one address."""
LONGEST_WAIT = 3600.0
"""Seconds that a receiver can ask us to wait."""
LONGEST_ANSWER = 65_536
"""Bytes that are read of an answer."""
_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_PORTS = {"http": 80, "https": 443}


def secret_url(value: SecretStr | None, *, userinfo: bool = False) -> SecretStr | None:
    """For a validator of settings: the URL if it may be used, None for an empty one.

    Raises:
        ValueError: As `check_url`.
    """
    if value is None or not (url := value.get_secret_value().strip()):
        return None
    check_url(url, userinfo=userinfo)
    return SecretStr(url)


SecretUrl = Annotated[SecretStr | None, AfterValidator(partial(secret_url, userinfo=True))]
A_URL = "an http or https URL, not at a link-local or metadata address"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered to a request that it took (2xx).

    Attributes:
        status: The HTTP status.
        text: The body, or its first 64 KiB; as the receiver made it, so quote it only with `Endpoint.quoted`.
    """

    status: int
    text: str


class Endpoint:
    """One URL and how it is asked. Holds no connection: requests are rare, and a kept one would be stale by then.

    Args:
        url: Where to; a user and a password in it are sent as basic authentication.
        what: Who that is, for people: `Slack`.
        secrets: What must not be in any reason either, besides the parts of the URL.
        resolve: Looks the host up.
        deadline: Seconds for all of one request.

    Raises:
        ValueError: As `check_url`.
    """

    def __init__(
        self,
        url: str,
        what: str,
        *,
        secrets: Iterable[str] = (),
        resolve: Resolve = resolve,
        deadline: float = DEADLINE,
    ) -> None:
        parts = check_url(url, userinfo=True)
        self._url, self._scheme, self._host = url, parts.scheme, str(parts.hostname)
        self.name = f"{what} ({quoted(self._host)})"
        self._secrets = pieces(url) | set(secrets)
        self._resolve, self._deadline = resolve, deadline
        self._tls: ssl.SSLContext | None = None

    def quoted(self, text: str) -> str:
        """Another's text for a reason: cleaned, cut, without our secrets."""
        return quoted(text, self._secrets)

    async def prepare(self) -> None:
        """Loads what the first request would have to wait for: a tenth of a second or two.

        Raises:
            OSError: Whom to trust can't be read.
        """
        if self._tls is None:
            self._tls = await asyncio.to_thread(trusted)

    async def send(
        self,
        method: str = "POST",
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Asks once.

        Args:
            method: `POST`, `GET`, …
            json: Sent as JSON, with its type.
            content: Sent as it is; its type stands in `headers`.
            headers: Besides those of the protocol.

        Raises:
            DeliveryError: No answer, or one that is no success. Final for what trying again can't change: 4xx other
                than 408 and 429, redirects, a host at an address that is refused.
        """
        held = {"Accept-Encoding": "identity", "User-Agent": "orchestrator-telemetry", **(headers or {})}
        if json is not None:
            content, held["Content-Type"] = as_json.dumps(json, separators=(",", ":")).encode(), "application/json"
        try:
            async with asyncio.timeout(self._deadline):
                await self.prepare()
                with unlogged():
                    return await self._through(method, content, held)
        except TimeoutError:
            raise DeliveryError(f"{self.name} gave no answer within {self._deadline:g} s") from None
        except OSError as error:  # of the files with certificates
            raise DeliveryError(f"{self.name} could not be asked: {self.quoted(why(error))}") from None

    async def _through(self, method: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        import httpx

        try:
            url = httpx.URL(self._url)
            if proxy := proxy_for(self._scheme, self._host):
                # The proxy looks the name up, from where it stands; what it may reach is for whoever runs it.
                return await self._ask(method, url, content, headers, proxy=proxy)
            headers["Host"] = url.netloc.decode("ascii")
            host = url.raw_host.decode("ascii")
            failure: httpx.HTTPError | None = None
            for address in await self._vetted(host, url.port or _PORTS[self._scheme]):
                try:
                    return await self._ask(method, url.copy_with(host=address), content, headers, sni=host)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent: try the next one
                    failure = error
            raise failure or DeliveryError(f"{self.name} has no address")
        except httpx.ConnectTimeout:
            raise DeliveryError(f"{self.name} took no connection within {CONNECT_TIMEOUT:g} s") from None
        except httpx.HTTPError as error:
            raise DeliveryError(f"{self.name} could not be asked: {self.quoted(why(error))}") from None
        except httpx.InvalidURL:
            raise DeliveryError(f"{self.name}: the URL is not valid", final=True) from None

    async def _vetted(self, host: str, port: int) -> Sequence[str]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "not a host name"
            raise DeliveryError(f"{self.name} has no address: {self.quoted(reason)}") from None
        for text in found:
            if (address := literal(text)) is None or is_forbidden(address):
                raise DeliveryError(f"{self.name} is at {quoted(text)}, {REFUSED}", final=True)
        return found

    async def _ask(
        self,
        method: str,
        url: httpx.URL,
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        sni: str = "",
        proxy: str | None = None,
    ) -> Answer:
        assert self._tls is not None  # noqa: S101 - loaded before
        try:
            client = make_client(self._tls, proxy, CONNECT_TIMEOUT)
        except ValueError as error:
            raise DeliveryError(f"{self.name}: {error}") from None
        extensions = {"sni_hostname": sni} if sni else {}  # TLS asks for, and checks, the name and not the address
        async with (
            client,
            client.stream(method, url, content=content, headers=headers, extensions=extensions) as answer,
        ):
            body = b""
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) >= LONGEST_ANSWER:
                    break
        text = body[:LONGEST_ANSWER].decode("utf-8", "replace")
        if not answer.is_success:
            raise self._refusal(answer.status_code, answer.headers, text)
        return Answer(answer.status_code, text)

    def _refusal(self, status: int, headers: Mapping[str, str], text: str) -> DeliveryError:
        said = self.quoted(text)
        reason = f"{self.name} answered {status}{f': {said}' if said else ''}"
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return DeliveryError(f"{reason} (redirects are not followed)", final=True)
        if (
            status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            return DeliveryError(reason, retry_after=retry_after(headers.get("Retry-After"), time.time()))
        return DeliveryError(reason, final=True)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` asks for – a number or a date – at most an hour; None where it can't be read."""
    value = (value or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(at - now, 0.0), LONGEST_WAIT)


def why(error: BaseException) -> str:
    """The reason below the layers of libraries: «Connection refused» rather than «All connection attempts failed»."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, (ssl.SSLError, socket.gaierror)):  # whose numbers are none of the system's
            return str(getattr(inner, "verify_message", "") or inner.strerror or inner)
        if isinstance(inner, OSError) and inner.errno:
            return os.strerror(inner.errno)
        inner = inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__


class HttpNotifier(Notifier):
    """Sends to one endpoint."""

    def __init__(self, channel: str, endpoint: Endpoint, surroundings: Surroundings) -> None:
        super().__init__(channel)
        self._endpoint = endpoint
        self._surroundings = surroundings

    async def prepare(self) -> None:
        await self._endpoint.prepare()
