"""A real Alertmanager that takes alerts and says which it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.backends.server import HOST, Server

RECEIVER = "nobody"


class Alertmanager(Server):
    """One Alertmanager that notifies nobody, at its own default times."""

    part: ClassVar[str] = "alertmanager"

    @property
    def address(self) -> str:
        """Its host:port, as Prometheus wants it."""
        return f"{HOST}:{self.ports['http']}"

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        config = self.data / "alertmanager.json"
        config.write_text(json.dumps({"route": {"receiver": RECEIVER}, "receivers": [{"name": RECEIVER}]}))
        return [
            str(built / "bin" / "alertmanager"),
            f"--config.file={config}",  # JSON is YAML
            f"--storage.path={self.data / 'storage'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/-/ready").is_success

    def post(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Send alerts, each with `labels` and perhaps annotations, startsAt and endsAt."""
        self.send_json("POST", "/api/v2/alerts", json=list(alerts))

    def alerts(self, **filters: Any) -> list[dict[str, Any]]:
        """The alerts it holds; `filter=['rule="agent_idle"']`, `active`, `silenced`, `inhibited` choose among them."""
        found: list[dict[str, Any]] = self.get_json("/api/v2/alerts", **filters)
        return found
