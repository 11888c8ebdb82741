"""The dead man's switch: somebody outside is asked for a URL while all is well, and alarms when that ceases."""

from __future__ import annotations

import asyncio
import logging

from telemetry.notify.base import DeliveryError
from telemetry.notify.http import Endpoint

_log = logging.getLogger(__name__)


class DeadMansSwitch:
    """Asks for one URL (GET, as healthchecks.io and its like want it); any success is fine.

    Args:
        url: Where; a secret.

    Raises:
        ValueError: The URL may not be asked for; says why, without it.
    """

    def __init__(self, url: str) -> None:
        self._endpoint = Endpoint(url, "the dead man's switch")
        self._asking: asyncio.Task[None] | None = None
        self._failing = False

    def ping(self) -> None:
        """All is well. Returns at once; does nothing while the last one is still under way."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask(), name="dead man's switch")

    async def close(self) -> None:
        """Ends what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            await self._endpoint.send("GET")
        except DeliveryError as error:
            if not self._failing:  # it is tried again at the next check anyway: told once
                _log.warning("the dead man's switch could not be told that all is well: %s", error)
            self._failing = True
            return
        if self._failing:
            _log.warning("the dead man's switch can be told again that all is well")
        self._failing = False
