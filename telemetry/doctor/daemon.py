"""The monitor that runs with a state folder, as a visitor sees it: over its socket, within a few seconds, or not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.control import NAME, short_path
from telemetry.lockfile import holder

WITHIN = 3.0
"""Seconds for an answer; one that works needs milliseconds."""
_READY = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of it.

    Attributes:
        pid: Its process, 0 where none runs.
        problem: Why it gives no answer, in words; "" where it does, or where none runs.
        not_ready: What /readyz says against it; "" where it is ready.
        pipeline: Its answer about the backends, or None.
        sources: Its answer about the sources, or None.
        channels: Its answer about the channels, or None.
    """

    pid: int = 0
    problem: str = ""
    not_ready: str = ""
    pipeline: dict[str, Any] | None = None
    sources: dict[str, Any] | None = None
    channels: dict[str, Any] | None = None

    @property
    def answers(self) -> bool:
        """Whether one runs and can be asked."""
        return bool(self.pid) and not self.problem


class Daemon:
    """The one that runs with a state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir

    async def look(self) -> Seen:
        """Asks everything at once."""
        import httpx

        pid = holder(self._folder)
        if not pid:
            return Seen()
        if not os.access(self._folder / NAME, os.F_OK):
            return Seen(pid, problem="it has no socket in the state folder (an older version, or it is just starting)")
        try:
            with short_path(self._folder) as socket:
                transport = httpx.AsyncHTTPTransport(uds=socket)
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://localhost", timeout=WITHIN
                ) as client:
                    ready = await client.get("/readyz")
                    return Seen(
                        pid,
                        not_ready="" if ready.status_code == _READY else _detail(ready),
                        pipeline=_pipeline(await client.get("/api/v1/backends")),
                        sources=_held(await client.get("/api/v1/sources"), "clusters"),
                        channels=_held(await client.get("/api/v1/notifications"), "channels"),
                    )
        except httpx.TimeoutException:
            return Seen(pid, problem=f"it gave no answer within {WITHIN:g} s{_asleep(pid)}")
        except (httpx.HTTPError, OSError) as error:
            return Seen(pid, problem=f"its socket can't be used: {error}")


def _pipeline(answer: Any) -> dict[str, Any] | None:
    found = _held(answer, "backends")
    return found if found and isinstance(found.get("collector"), dict) and found["collector"].get("kind") else None


def _held(answer: Any, key: str) -> dict[str, Any] | None:
    """The answer where it is one of the form that this version knows."""
    try:
        content = answer.json()
    except ValueError:
        return None
    is_known = answer.status_code == _READY and isinstance(content, dict) and isinstance(content.get(key), list)
    return content if is_known else None


def _detail(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"/readyz answered {answer.status_code}"


def _asleep(pid: int) -> str:
    """Why a process may be silent: somebody stopped it."""
    import psutil

    try:
        state = psutil.Process(pid).status()
    except psutil.Error:
        return ""
    return f": the process is stopped (SIGSTOP); `kill -CONT {pid}` lets it go on" if state == "stopped" else ""
