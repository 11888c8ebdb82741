"""A recorder that speaks Datadog's intake and shows what it was sent; no server of Datadog's own can be had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx

from tests.backends.server import HOST, Server


class DatadogRecorder(Server):
    """The recorder. With `only_key` every other API key is refused, as the intake refuses a wrong one."""

    part: ClassVar[str] = "datadogrecorder"
    api_key: ClassVar[str] = "0123456789abcdef0123456789abcdef"
    """A made-up key of the right form."""

    def __init__(self, data: Path, only_key: str = "") -> None:
        super().__init__(data)
        self._only_key = only_key

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        return [str(built / "bin" / self.part), "-listen", f"{HOST}:{self.ports['http']}", "-api-key", self._only_key]

    def is_ready(self) -> bool:
        """See `Server.is_ready`."""
        return self.request("GET", "/recorded/requests").status_code == httpx.codes.OK

    def metrics(self, name: str = "", tags: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The series and sketches sent: name, type (count, rate, gauge, sketch), host, tags, points, interval.

        A point is [time, value]; a sketch's is its sum, and `sketches` has the rest. `tags`: all of them.
        """
        return self._recorded("metrics", name=name, tag=list(tags))

    def logs(self, contains: str = "") -> list[dict[str, Any]]:
        """The log records as they were sent, with `attributes`: what their message holds, where that is JSON."""
        return self._recorded("logs", contains=contains)

    def spans(self, trace_id: str = "") -> list[dict[str, Any]]:
        """The spans sent: trace_id (32 hex), trace_id_decimal, span_id, service, name, resource, meta, metrics, …

        `trace_id` selects by either form of the trace's id.
        """
        return self._recorded("spans", trace_id=trace_id)

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """Every request to the intake whose path begins so: method, path, encoding, bytes, status, error."""
        return self._recorded("requests", path=path)

    def reset(self) -> None:
        """Forget everything recorded."""
        self.send_json("DELETE", "/recorded")

    def answer(self, status: int, paths: Sequence[str] = (), times: int = 0) -> None:
        """Answer with this status instead of taking data, for paths that begin so (none: all); 200 ends it.

        With `times`, it ends by itself after so many requests.
        """
        self.send_json("POST", "/control", json={"status": status, "paths": list(paths), "times": times})

    def _recorded(self, what: str, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get_json(f"/recorded/{what}", **parameters)
        return found
