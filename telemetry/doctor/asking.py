"""How servers are asked: bounded in time and size, and what goes wrong is said in one line without secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from telemetry.collector.places import without_secrets
from telemetry.notify.http import why

if TYPE_CHECKING:
    import httpx

WITHIN = 4.0
"""Seconds for one request."""
LONGEST_ANSWER = 8 * 1024 * 1024
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNAVAILABLE = 401, 403, 404, 503
_SUCCESS = range(200, 300)


class UnreachableError(Exception):
    """A server gave no answer; the text is one line that names it and why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: The HTTP status.
        text: The body, cut at `LONGEST_ANSWER`.
        date: The server's clock by its Date header (Unix s), or None.
    """

    status: int
    text: str
    date: float | None = None

    @property
    def is_success(self) -> bool:
        """2xx."""
        return self.status in _SUCCESS

    def json(self) -> Any:
        """The body as plain values; None where it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Ask:
    """Asks servers, with one client for all of them. A proxy and certificates are taken from the environment."""

    def __init__(self, within: float = WITHIN) -> None:
        self._within = within
        self._client: httpx.AsyncClient | None = None

    async def __call__(
        self,
        url: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Reply:
        """One request. Redirects are not followed: a login page is no backend.

        Raises:
            UnreachableError: No answer.
        """
        import httpx

        where = without_secrets(url)
        try:
            client = await self._ready(url)
            async with (
                asyncio.timeout(self._within),
                client.stream(method, url, params=params, headers=headers, json=json) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) >= LONGEST_ANSWER:
                        break
        except TimeoutError:
            raise UnreachableError(f"{where} gave no answer within {self._within:g} s") from None
        except (httpx.InvalidURL, UnicodeError, ValueError):
            raise UnreachableError(f"{where} is not a URL that can be asked") from None
        except (httpx.HTTPError, OSError) as error:
            raise UnreachableError(f"{where}: {why(error)}") from None
        text = body[:LONGEST_ANSWER].decode("utf-8", "replace")
        return Reply(answer.status_code, text, _date(answer.headers.get("Date")))

    async def close(self) -> None:
        """Gives the connections back."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ready(self, url: str) -> httpx.AsyncClient:
        import httpx

        if self._client is None:  # in a thread: loading certificates takes a tenth of a second
            self._client = await asyncio.to_thread(
                httpx.AsyncClient, timeout=self._within, headers={"User-Agent": "orchestrator-telemetry-doctor"}
            )
        return self._client


def _date(header: str | None) -> float | None:
    try:
        return parsedate_to_datetime(header or "").timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def headers_of(text: str) -> dict[str, str]:
    """Headers as the collector's `…_HEADERS` variables have them: a YAML map, such as `{X-Scope-OrgID: team-a}`."""
    import yaml

    try:
        found = yaml.safe_load(text or "{}")
    except (yaml.YAMLError, ValueError):  # the collector refuses it in words
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
