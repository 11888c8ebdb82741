"""Whatever secret another program sends, and wherever in its records, nothing that the collector writes has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.planting import Planter
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.planting import Planted

pytestmark = pytest.mark.slow
_BATCH = 100
LOOKALIKES = [
    "trace 5b8efff798038103d269b633813fc60c, span eee19b7ec3c1b174, record 01J0000000000000000000000A",
    "commit 3f786850e387550fdaab836ed7e6dc881de23001 of task-5b8efff798038103d269b633813fc60c",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071 in pane %12 at 2026-11-26T18:14:45.123456Z",
    "/srv/agents/workspace/orchestrator/telemetry/signals/providers.py:27",
    "input_tokens=1200, token_count=12, token: 5; key=value",
]


def _text(text: str) -> dict[str, Any]:
    return {"stringValue": text}


def _map(**values: dict[str, Any]) -> dict[str, Any]:
    return {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in values.items()]}}


def _everywhere(text: str) -> list[dict[str, Any]]:
    """Attributes that have the text as a value, deep inside one, and as a name."""
    deep = {"arrayValue": {"values": [_map(inner=_map(text=_text(text))), _text(text)]}}
    return [
        {"key": "text", "value": _text(text)},
        {"key": "deep", "value": deep},
        {"key": f"named {text}", "value": _text("x")},
    ]


def _logs(texts: Iterable[str]) -> dict[str, Any]:
    now = otlp.now()
    records = []
    for text in texts:
        shared = {"timeUnixNano": now, "attributes": _everywhere(text), "eventName": text, "severityText": text}
        records += [shared | {"body": _text(text)}, shared | {"body": _map(a=_map(b=_text(text)))}]
        records.append(shared | {"body": {"arrayValue": {"values": [_text(text)]}}})
    return {
        "resourceLogs": [{"resource": otlp.RESOURCE, "scopeLogs": [{"scope": {"name": "x"}, "logRecords": records}]}]
    }


def _traces(texts: Iterable[str]) -> dict[str, Any]:
    ids = {"traceId": otlp.TRACE, "spanId": otlp.SPAN}
    spans = [
        ids
        | {"name": text, "status": {"message": text, "code": 2}, "attributes": _everywhere(text)}
        | {"startTimeUnixNano": otlp.now(), "endTimeUnixNano": otlp.now()}
        | {"events": [{"name": text, "timeUnixNano": otlp.now(), "attributes": _everywhere(text)}]}
        | {"links": [ids | {"attributes": _everywhere(text)}]}
        for text in texts
    ]
    return {"resourceSpans": [{"resource": otlp.RESOURCE, "scopeSpans": [{"scope": {"name": "x"}, "spans": spans}]}]}


def _metrics(texts: Iterable[str]) -> dict[str, Any]:
    metrics = []
    for text in texts:
        exemplar = {"asDouble": 1.0, "timeUnixNano": otlp.now(), "filteredAttributes": _everywhere(text)}
        point = {"asDouble": 1.0, "timeUnixNano": otlp.now(), "attributes": _everywhere(text), "exemplars": [exemplar]}
        metrics.append({"name": text, "description": text, "unit": text, "gauge": {"dataPoints": [point]}})
    scope = {"name": "x", "attributes": _everywhere(next(iter(texts)))}
    resource = {"attributes": _everywhere(next(iter(texts)))}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": scope, "metrics": metrics}]}]}


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(texts), _BATCH):
        yield texts[at : at + _BATCH]


def plant(binary: Path, folder: Path, planted: list[Planted], texts: list[str]) -> set[str]:
    """Sends the texts as logs, spans and metrics, and gives the kinds of which a piece was written anywhere."""
    with running(binary, "file", environment(folder)) as collector:
        for batch in _batches(texts):
            for signal, payload in (("logs", _logs(batch)), ("traces", _traces(batch)), ("metrics", _metrics(batch))):
                assert otlp.send(collector.url("HTTP"), signal, payload) == 200
        files = [folder / "files" / f"{signal}.jsonl" for signal in ("logs", "traces", "metrics")]
        wanted = len(list(_batches(texts)))
        eventually(lambda: all(path.exists() and path.read_bytes().count(b"\n") == wanted for path in files), 60)
        written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        collector.stop()
    written += [path.read_bytes() for path in folder.rglob("*") if path.is_file()] + ["".join(collector.lines).encode()]
    return {one.kind for one in planted for piece in one.pieces for found in written if piece.encode() in found}


def test_no_planted_secret_is_written(collector_binary: Path, tmp_path: Path) -> None:
    planter = Planter(11)
    planted = list(planter.every_kind())
    texts = [text for one in planted for text in planter.everywhere(one)][::2]  # the soak sends all of them, and more
    found = plant(collector_binary, tmp_path, planted, texts)
    assert not found


def test_what_only_looks_like_one_is_written_as_it_came(collector_binary: Path, tmp_path: Path) -> None:
    with running(collector_binary, "file", environment(tmp_path)) as collector:
        for text in LOOKALIKES:
            otlp.send(collector.url("HTTP"), "logs", otlp.logs(text, note=text))
        path = tmp_path / "files" / "logs.jsonl"
        eventually(lambda: path.exists() and all(path.read_text().count(text) == 2 for text in LOOKALIKES))
        assert "****" not in path.read_text()
