"""A record nested without an end: what comes with it still arrives, whichever way it came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.collector import otlp
from tests.collector.harness import environment, get, running
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

pytestmark = pytest.mark.slow
LEVELS = 3000  # Elasticsearch never answers this; Python's protobuf refuses a request deeper than 100
DEEPEST = 16
COUNTED = "otelcol_redaction_nested_too_deep"


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf with its length: no library writes so deep a message."""
    size = len(content)
    head = bytearray([number << 3 | 2])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + content


def _in_protobuf(body: str) -> bytes:
    value = _field(1, b"x")
    for _ in range(LEVELS):
        value = _field(6, _field(1, _field(1, b"k") + _field(2, value)))
    deep = _field(6, _field(1, b"deep") + _field(2, value))
    records = _field(2, _field(5, _field(1, body.encode())) + deep) + _field(2, _field(5, _field(1, b"record-11;")))
    return _field(1, _field(2, records))


def _in_json(body: str) -> str:
    value = '{"kvlistValue":{"values":[{"key":"k","value":' * LEVELS + '{"stringValue":"x"}' + "}]}}" * LEVELS
    deep = '{"key":"deep","value":' + value + "}"
    return json.dumps(otlp.logs(body, marked=1)).replace(
        '"attributes": [{"key": "record_id"', f'"attributes": [{deep}, {{"key": "record_id"', 1
    )


def _levels(value: AnyValue) -> tuple[int, str]:
    """How many maps lie in each other, and the text in the innermost."""
    levels = 0
    while value.HasField("kvlist_value"):
        value = value.kvlist_value.values[0].value
        levels += 1
    return levels, value.string_value


def test_what_comes_with_a_record_nested_too_deep_arrives(collector_binary: Path, tmp_path: Path) -> None:
    lines = tmp_path / "deep.jsonl"
    lines.write_text('{"message": "record-3;", "deep": ' + '{"k": ' * LEVELS + '"x"' + "}" * LEVELS + "}\n")
    with Taking().serving() as backend:
        env = environment(tmp_path, OTLP_BACKEND_URL=backend.url, ORCHESTRATOR_COLLECTOR_LOG_FILES=str(lines))
        with running(collector_binary, "otlp", env) as collector:
            url = f"{collector.url('HTTP')}/v1/logs"
            for content, kind in ((_in_protobuf("record-1;"), "x-protobuf"), (_in_json("record-2;"), "json")):
                headers = {"Content-Type": f"application/{kind}"}
                assert httpx.post(url, content=content, headers=headers, timeout=30, trust_env=False).status_code == 200
            eventually(lambda: backend.has(4))
            page = get(f"{collector.url('TELEMETRY')}/metrics")
            assert collector.stop() == 0
    records = {one.record.body.string_value: one.record for one in backend.records()}  # the strict parser takes it
    assert records.keys() == {"record-1;", "record-11;", "record-2;", "record-3;"}
    deep = [item.value for record in records.values() for item in record.attributes if item.key == "deep"]
    assert [_levels(value) for value in deep] == [(DEEPEST, "[nested too deep]")] * 3
    counted = [float(line.split()[-1]) for line in page.splitlines() if line.startswith(COUNTED)]
    assert sum(counted) == 3
