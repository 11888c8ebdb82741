"""What `top` asks of the daemon: the live board, and what a person does about an alert."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from telemetry.cli.live.board import Board
from telemetry.cli.live.following import LostError, connection, follow


class RefusedError(Exception):
    """The daemon didn't do it, or there is none; the message is one line that says why."""


class Client(Protocol):
    """A daemon, or in tests what stands for one."""

    board: Board

    def follow(self) -> AsyncIterator[None]:
        """Keeps the board up to date for ever; yields whenever something may have changed."""

    async def acknowledge(self, alert: str, note: str) -> None:
        """You take care of an alert. Raises RefusedError."""

    async def silence(self, what: Mapping[str, str], seconds: float, reason: str) -> None:
        """Nobody is told of what matches the patterns `cluster`, `agent`, `rule`. Raises RefusedError."""

    async def explain(self, cluster: str, agent: str) -> Mapping[str, Any]:
        """Why it is judged so, and what each source says. Raises RefusedError."""

    async def lines(self, cluster: str, agent: str, count: int) -> Mapping[str, Any]:
        """The last lines of its screen. Its `source` is "" where none sees one. Raises RefusedError."""


class SocketClient:
    """The daemon that runs with a state folder.

    Args:
        state_dir: The folder.
        me: Who acknowledges and silences.
    """

    def __init__(self, state_dir: Path, me: str) -> None:
        self.board = Board()
        self._state_dir, self._me = state_dir, me

    def follow(self) -> AsyncIterator[None]:
        return follow(self._state_dir, self.board)

    async def acknowledge(self, alert: str, note: str) -> None:
        await self._ask("POST", "/api/v1/alerts/ack", json={"alert": alert, "by": self._me, "note": note})

    async def silence(self, what: Mapping[str, str], seconds: float, reason: str) -> None:
        body = {**what, "by": self._me, "seconds": seconds, "reason": reason}
        await self._ask("POST", "/api/v1/silences", json=body)

    async def explain(self, cluster: str, agent: str) -> Mapping[str, Any]:
        answer = await self._ask("GET", "/api/v1/agents/explain", params={"cluster": cluster, "agent": agent})
        return dict(answer["explanations"][0])

    async def lines(self, cluster: str, agent: str, count: int) -> Mapping[str, Any]:
        params = {"cluster": cluster, "agent": agent, "count": count}
        return dict(await self._ask("GET", "/api/v1/agents/lines", params=params))

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        import httpx

        try:
            async with connection(self._state_dir) as client:
                response = await client.request(method, path, **content)
                answer = response.json()
        except LostError as error:
            raise RefusedError(str(error)) from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise RefusedError(f"the monitor gave no answer: {str(error) or type(error).__name__}") from None
        if response.is_success:
            return answer
        detail = answer.get("detail") if isinstance(answer, dict) else None
        raise RefusedError(str(detail or f"the monitor answered {response.status_code}"))
