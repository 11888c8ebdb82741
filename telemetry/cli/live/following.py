"""The daemon's event stream over its socket: taken event by event, and taken up again where it broke off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.control import NAME, short_path

if TYPE_CHECKING:
    import httpx

    from telemetry.cli.live.board import Board

STREAM = "/api/v1/stream"
SILENCE = 15.0
"""Seconds: a daemon beats every 5; one that is silent for longer is gone."""
_CONNECTING = 5.0
_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before the first, second, … try to connect again; the last one for all further."""
LONGEST_EVENT = 64 * 1024 * 1024
"""Bytes of one event: more is no stream of ours."""


class LostError(Exception):
    """There is no stream, or no more; the message says why."""


@dataclass
class Parser:
    """Server-sent events out of the bytes of a stream.

    Lines end with a line feed alone: JSON may hold every other character that Unicode calls a line's end.
    """

    _rest: bytes = b""
    _event: str = ""
    _id: str = ""
    _data: list[bytes] = field(default_factory=list)

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Event, id and value of each event that is complete with this chunk. Raises LostError for what is none."""
        *lines, self._rest = (self._rest + chunk if self._rest else chunk).split(b"\n")
        if len(self._rest) > LONGEST_EVENT:
            raise LostError("what comes is no event stream")
        for line in lines:
            name, _, value = line.rstrip(b"\r").partition(b":")
            value = value.removeprefix(b" ")
            if name == b"event":
                self._event = value.decode("utf-8", "replace")
            elif name == b"id":
                self._id = value.decode("utf-8", "replace")
            elif name == b"data":
                self._data.append(value)
            elif not line.strip() and self._data:
                yield self._complete()

    def _complete(self) -> tuple[str, str, dict[str, Any]]:
        data, event = b"\n".join(self._data), self._event or "message"
        self._data, self._event = [], ""
        try:
            value = json.loads(data)
        except ValueError:
            raise LostError("an event can't be read") from None
        if not isinstance(value, dict):
            raise LostError("an event is no object")
        return event, self._id, value


@asynccontextmanager
async def connection(state_dir: Path, patience: float = _CONNECTING) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the daemon that runs with a state folder. Raises LostError where none does."""
    import httpx

    if not (state_dir / NAME).exists():
        raise LostError(f"no monitor runs with the state folder {state_dir}")
    with short_path(state_dir) as socket:
        transport = httpx.AsyncHTTPTransport(uds=socket)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=httpx.Timeout(patience, read=SILENCE)
        ) as client:
            yield client


async def events(state_dir: Path, last_id: str = "") -> AsyncGenerator[tuple[str, str, dict[str, Any]]]:
    """Event, id and value of one connection, until it breaks off: always by LostError."""
    import httpx

    headers = {"accept": "text/event-stream", **({"last-event-id": last_id} if last_id else {})}
    parser = Parser()
    try:
        async with connection(state_dir) as client, client.stream("GET", STREAM, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise LostError(f"the monitor answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                for one in parser.feed(chunk):
                    yield one
    except httpx.ConnectError:
        raise LostError(f"no monitor runs with the state folder {state_dir}") from None
    except httpx.ReadTimeout:
        raise LostError(f"the monitor has said nothing for {SILENCE:g} s") from None
    except httpx.HTTPError as error:
        raise LostError(str(error) or type(error).__name__) from None
    except OSError as error:
        raise LostError(f"the state folder {state_dir} can't be used: {error.strerror}") from None
    raise LostError("the monitor ended")


async def follow(state_dir: Path, board: Board) -> AsyncIterator[None]:
    """Keeps the board up to date for ever; yields whenever something may have changed, the connection included."""
    failures = 0
    while True:
        try:
            async for event, id_, value in events(state_dir, board.last_id if board.is_known else ""):
                failures = 0
                if board.take(event, value, id_):
                    yield
        except LostError as error:
            if board.lose(str(error)):
                yield
        await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
        failures += 1
