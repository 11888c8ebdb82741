"""A proxy before a real Elasticsearch that gives single documents of a bulk request a bad answer of its own."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from tests.collector.durability import Valve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_PACKED = {"content-encoding", "accept-encoding"}


class BulkFaults(Valve):
    """Of ten documents, by the last digit of their id, number 0 is always bad and number 1 comes too soon once.

    Attributes:
        bad: The ids of those that were answered with 400, never to be indexed.
        too_soon: The ids of those that were answered with 429, the first time.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.bad: set[str] = set()
        self.too_soon: set[str] = set()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """Hands on what it leaves of a bulk request, and answers for the rest."""
        if not path.partition("?")[0].endswith("/_bulk"):
            return super().ask(method, path, headers, body)
        lines = (gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body).splitlines()
        pairs = [(json.loads(action), document) for action, document in zip(lines[::2], lines[1::2], strict=True)]
        faults = [self._fault(action) for action, _ in pairs]
        kept = [(action, line) for (action, line), fault in zip(pairs, faults, strict=True) if fault is None]
        plain = {name: value for name, value in headers.items() if name.lower() not in _PACKED}
        request = b"".join(json.dumps(action).encode() + b"\n" + document + b"\n" for action, document in kept)
        status, answered, content = super().ask(method, path, plain, request)
        if status != 200:
            return status, answered, content
        said = json.loads(content)
        indexed = iter(said["items"])
        items = [next(indexed) if fault is None else fault for fault in faults]
        whole = {**said, "errors": True, "items": items}
        return (
            status,
            [("Content-Type", "application/json"), ("X-Elastic-Product", "Elasticsearch")],
            json.dumps(whole).encode(),
        )

    def _fault(self, action: dict[str, Any]) -> dict[str, Any] | None:
        ((verb, about),) = action.items()
        name: str = about["_id"]
        if name.endswith("0"):
            self.bad.add(name)
            return _item(verb, name, 400, "document_parsing_exception")
        if name.endswith("1") and name not in self.too_soon:
            self.too_soon.add(name)
            return _item(verb, name, 429, "es_rejected_execution_exception")
        return None


def _item(verb: str, name: str, status: int, kind: str) -> dict[str, Any]:
    return {verb: {"_index": "x", "_id": name, "status": status, "error": {"type": kind, "reason": "said by the test"}}}
