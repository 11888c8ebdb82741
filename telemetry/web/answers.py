"""What the API answers from, and the form of its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import HTTPException, Response

from telemetry.clock import Clock
from telemetry.picture import Picture
from telemetry.web.watched import Watched


@dataclass(frozen=True)
class Knowledge:
    """What the API answers from.

    Attributes:
        picture: The current picture.
        monitors: The monitors now; a reload may change them.
        render_metrics: The picture as Prometheus text at a Unix time; called in a thread, never twice at once.
        metrics_type: The content type of that.
        clock: Tells the time.
    """

    picture: Picture
    monitors: Callable[[], Sequence[Watched]]
    render_metrics: Callable[[float], bytes]
    metrics_type: str
    clock: Clock

    def chosen(self, cluster: str | None) -> Sequence[Watched]:
        """The monitor of one cluster, or all. A name that isn't watched is a 404."""
        monitors = self.monitors()
        if cluster is None:
            return monitors
        found = [monitor for monitor in monitors if monitor.cluster == cluster]
        if not found:
            names = ", ".join(monitor.cluster for monitor in monitors)
            raise HTTPException(404, f"no cluster is named {cluster!r}; watched are: {names}")
        return found


def answer(content: Any) -> Response:
    """JSON that nobody keeps."""
    return Response(orjson.dumps(content), media_type="application/json", headers={"cache-control": "no-store"})
