"""What the API answers from, and the form of its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from fastapi import HTTPException, Response

from telemetry.clock import Clock
from telemetry.picture import Picture
from telemetry.web.watched import HasAlerts, Watched


@dataclass(frozen=True)
class Knowledge:
    """What the API answers from.

    Attributes:
        picture: The current picture.
        monitors: The monitors now; a reload may change them.
        render_metrics: The picture as Prometheus text at a Unix time; called in a thread, never twice at once.
        metrics_type: The content type of that.
        clock: Tells the time.
        others: What has alerts besides the monitors.
    """

    picture: Picture
    monitors: Callable[[], Sequence[Watched]]
    render_metrics: Callable[[float], bytes]
    metrics_type: str
    clock: Clock
    others: Callable[[], Sequence[HasAlerts]] = tuple

    def chosen(self, cluster: str | None) -> Sequence[Watched]:
        """The monitor of one cluster, or all. A name that isn't watched is a 404."""
        return _chosen(self.monitors(), cluster)

    def with_alerts(self, cluster: str | None = None) -> Sequence[HasAlerts]:
        """Those that have alerts, of one cluster or all. A name that isn't watched is a 404."""
        return _chosen([*self.monitors(), *self.others()], cluster)


H = TypeVar("H", bound=HasAlerts)


def _chosen(held: Sequence[H], cluster: str | None) -> Sequence[H]:
    if cluster is None:
        return held
    found = [one for one in held if one.cluster == cluster]
    if not found:
        names = ", ".join(one.cluster for one in held)
        raise HTTPException(404, f"no cluster is named {cluster!r}; watched are: {names}")
    return found


def answer(content: Any) -> Response:
    """JSON that nobody keeps."""
    return Response(orjson.dumps(content), media_type="application/json", headers={"cache-control": "no-store"})
