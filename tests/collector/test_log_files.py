"""Programs that only write the JSON log: what stands in their files arrives as if they had sent it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # it has no stubs

from telemetry.collector import command, merged_config, sources_dir
from tests.collector.harness import environment, get, running
from tests.collector.log_writer import SERVICE
from tests.collector.taking import Taking
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.loki import Loki
    from tests.collector.harness import Running
    from tests.collector.taking import Taken

pytestmark = pytest.mark.slow
WRITTEN = 6


@pytest.fixture
def taking() -> Iterator[Taking]:
    with Taking().serving() as backend:
        yield backend


def reading(folder: Path, **extra: str) -> dict[str, str]:
    """The environment of a collector that reads every file of the folder `logs`."""
    (folder / "logs").mkdir()
    return environment(folder, ORCHESTRATOR_COLLECTOR_LOG_FILES=f"{folder}/logs/*.jsonl", **extra)


def write(file: Path, numbers: range, **fields: str) -> None:
    """Appends a line for each number, as programs do."""
    with file.open("a") as lines:
        for number in numbers:
            line = {"timestamp": "2026-01-31T01:02:03.000004Z", "level": "info", "message": f"record-{number};"}
            lines.write(json.dumps({**line, "record_id": f"id-{number:06d}", **fields}) + "\n")


def plain(taken: Taken) -> dict[str, Any]:
    """What must be the same whichever way a record came: all but the order of its attributes."""
    shown: dict[str, Any] = MessageToDict(taken.record)
    shown["attributes"] = {item["key"]: in_order(item["value"]) for item in shown["attributes"]}
    return {"service": taken.service, "scope": taken.scope, **shown}


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return (
            sorted(map(in_order, value), key=lambda item: item.get("key", ""))
            if named(value)
            else list(map(in_order, value))
        )
    return value


def named(value: list[Any]) -> bool:
    return all(isinstance(item, dict) and "key" in item for item in value)


def log_both_ways(folder: Path, url: str) -> None:
    program = [sys.executable, "-m", "tests.collector.log_writer", str(folder / "logs" / "agent.jsonl"), url]
    subprocess.run(program, check=True, timeout=60)


def test_a_record_is_the_same_whichever_way_it_came(collector_binary: Path, tmp_path: Path, taking: Taking) -> None:
    env = reading(tmp_path, OTLP_BACKEND_URL=taking.url)
    with running(collector_binary, "otlp", env) as collector:
        log_both_ways(tmp_path, collector.url("HTTP"))
        eventually(lambda: len(taking.records()) == 2 * WRITTEN)
        assert collector.stop() == 0
    pairs: dict[str, list[dict[str, Any]]] = {}
    for record in map(plain, taking.records()):
        pairs.setdefault(record["attributes"]["record_id"]["stringValue"], []).append(record)
    assert len(pairs) == WRITTEN
    for one, other in pairs.values():
        assert one == other
        assert one["service"] == SERVICE
    assert {one["severityText"] for one, _ in pairs.values()} == {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
    assert [one["eventName"] for one, _ in pairs.values() if "eventName" in one] == ["orchestrator.agent.stopped"]
    assert [one["flags"] & 1 for one, _ in pairs.values() if "traceId" in one] == [1]


def test_elasticsearch_stores_a_record_once(
    collector_binary: Path, tmp_path: Path, elasticsearch: Elasticsearch
) -> None:
    index = "logs-files.otel-default"
    env = reading(tmp_path, ELASTICSEARCH_URL=elasticsearch.url, ELASTICSEARCH_LOGS_INDEX=index)
    file = tmp_path / "logs" / "many.jsonl"
    write(file, range(3000), agent_name="grand_boss")
    for _ in range(2):  # a kill while it reads: what was read since the last checkpoint is read again
        with running(collector_binary, "elasticsearch", env) as collector:
            eventually(lambda: elasticsearch.count(index) > 0)
            collector.process.kill()
            collector.process.wait(20)
    write(file, range(3000, 3100), agent_name="grand_boss")
    with running(collector_binary, "elasticsearch", env) as collector:
        log_both_ways(tmp_path, collector.url("HTTP"))
        eventually(lambda: elasticsearch.count(index) >= 3100 + WRITTEN)
        assert collector.stop() == 0
    assert elasticsearch.count(index) == 3100 + WRITTEN
    found = elasticsearch.search(index, {"term": {"record_id": "id-000007"}})[0]
    assert found["body"]["text"] == "record-7;"
    assert found["attributes"]["agent_name"] == "grand_boss"


def test_the_readmes_example_is_found_in_loki(collector_binary: Path, tmp_path: Path, loki: Loki) -> None:
    section = (sources_dir() / "README.md").read_text().partition("### A host without OTLP")[2].partition("###")[0]
    write_a_line = section[section.index("    printf") : section.index("    # in Loki")]
    asked, answered = re.findall(r"^    # (?:in Loki:|→) (.*)$", section, re.MULTILINE)
    env = reading(tmp_path, LOKI_URL=loki.url)
    with running(collector_binary, "loki", env) as collector:
        subprocess.run(
            ["sh", "-c", write_a_line.replace("/var/log/agents", f"{tmp_path}/logs")], check=True, timeout=10
        )
        (line,) = eventually(lambda: loki.query(asked))
        assert collector.stop() == 0
    stream, text = json.loads(answered.partition(" … ")[0]), answered.partition(" … ")[2]
    assert line.line == text
    assert stream.items() <= line.labels.items()


def test_nothing_is_lost_over_a_kill_and_rotations_and_a_refusing_backend(
    collector_binary: Path, tmp_path: Path, taking: Taking
) -> None:
    # The queue is full after a few requests, so that the files are what waits.
    env = reading(tmp_path, OTLP_BACKEND_URL=taking.url, ORCHESTRATOR_COLLECTOR_QUEUE_BYTES="10000")
    taking.answering = 503
    file, stop = tmp_path / "logs" / "agent.jsonl", tmp_path / "logs"
    for life in range(4):
        with running(collector_binary, "otlp", env) as collector:
            write(file, range(life * 500, life * 500 + 250))
            eventually(lambda collector=collector: refused(collector))  # type: ignore[misc]
            file.rename(stop / f"agent-2026-01-3{life}.jsonl")
            write(file, range(life * 500 + 250, life * 500 + 500))
            if life % 2:  # an ordinary stop gives up what it tries to hand on
                collector.stop()
            collector.process.kill()
            collector.process.wait(20)
    taking.answering = 200
    with running(collector_binary, "otlp", env) as collector:
        eventually(lambda: missing(taking) == "")
        assert collector.stop() == 0


def test_a_file_that_is_copied_and_cut_off_comes_once_a_packed_one_never_and_a_pipe_stops_none(
    collector_binary: Path, tmp_path: Path, taking: Taking
) -> None:
    env = reading(tmp_path, OTLP_BACKEND_URL=taking.url)
    env["ORCHESTRATOR_COLLECTOR_LOG_FILES"] = f"{tmp_path}/logs/*"
    file = tmp_path / "logs" / "agent.jsonl"
    (tmp_path / "logs" / "agent-2026-01-30.jsonl.gz").write_bytes(gzip.compress(b"record-1;\n" * 100, compresslevel=0))
    os.mkfifo(tmp_path / "logs" / "0")  # into which nobody writes
    write(file, range(200))
    with running(collector_binary, "otlp", env) as collector:
        eventually(lambda: taking.has(200))
        write(file, range(200, 300))
        shutil.copy(file, tmp_path / "logs" / "agent-2026-01-31.jsonl")
        os.truncate(file, 0)
        write(file, range(300, 400))
        eventually(lambda: taking.has(400))
        assert collector.stop() == 0
    assert taking.arrived() == list(range(400))
    (said,) = [line for line in collector.lines if "no regular file" in line]
    assert f'"path": "{tmp_path}/logs/0"' in said


def missing(taking: Taking) -> str:
    """Which of the records never came."""
    lost = sorted(set(range(2000)) - set(taking.arrived()))
    assert not lost, f"{len(lost)} lost, such as {lost[:3]} and {lost[-3:]}"
    return ""


def refused(collector: Running) -> bool:
    """Whether the only backend's queue has refused records."""
    found = re.search(
        r"^otelcol_connector_refused_log_records\{.*\} (\S+)$",
        get(f"{collector.url('TELEMETRY')}/metrics"),
        re.MULTILINE,
    )
    return found is not None and float(found[1]) > 0


def test_lines_that_are_no_records_arrive_as_they_are(collector_binary: Path, tmp_path: Path, taking: Taking) -> None:
    env = reading(tmp_path, OTLP_BACKEND_URL=taking.url)
    two = '{"message": "one", "level": "info"} {"message": "two"}'
    odd = [
        "plain text",
        "{",
        '{"message": "cut',
        two,
        "[1, 2]",
        '{"trace_id": "zz", "level": "odd", "timestamp": "soon"}',
    ]
    long = "x" * (2 * 1024 * 1024)
    (tmp_path / "logs" / "odd.jsonl").write_bytes(
        "\n".join([*odd, long, "\xff"]).encode("latin-1") + b'\n\0\n{"torn": '
    )
    with running(collector_binary, "otlp", env) as collector:
        eventually(lambda: '{"torn":' in bodies(taking))
        assert collector.stop() == 0
    found = bodies(taking)
    assert found[: len(odd)] == odd
    pieces = [body for body in found if body.startswith("xxx")]
    assert "".join(pieces) == long
    assert max(map(len, pieces)) <= 256 * 1024
    unread = plain(taking.records()[len(odd) - 1])["attributes"]
    assert unread == {name: {"stringValue": value} for name, value in json.loads(odd[-1]).items()}


def bodies(taking: Taking) -> list[str]:
    return [taken.record.body.string_value for taken in taking.records()]


def test_secrets_are_masked(collector_binary: Path, tmp_path: Path, taking: Taking) -> None:
    secret = "ghp_" + "a1B2" * 9
    env = reading(tmp_path, OTLP_BACKEND_URL=taking.url)
    file = tmp_path / "logs" / "agent.jsonl"
    write(file, range(1), said=f"with {secret}", password="hunter2hunter2", nested=f'{{"a": "{secret}"}}')
    file.open("a").write(f"plain {secret}\n")
    with running(collector_binary, "otlp", env) as collector:
        eventually(lambda: len(taking.records()) == 2)
        assert collector.stop() == 0
    came = str(taking.records())
    assert "****" in came
    assert secret not in came
    assert "hunter2" not in came


ALLOWED = "absolute paths with commas between, such as /var/log/agents/*.jsonl"
REFUSED = [
    ("logs/*.jsonl", f'has "logs/*.jsonl", which isn\'t an absolute path; allowed are {ALLOWED}'),
    ("/var/log/a.jsonl,,/b", f"has an empty entry; allowed are {ALLOWED}"),
    ("/var/log/[a.jsonl", f'has "/var/log/[a.jsonl", whose brackets or braces don\'t close; allowed are {ALLOWED}'),
]


@pytest.mark.parametrize(("value", "wrong"), REFUSED)
def test_what_names_no_files_is_said_in_one_line(
    collector_binary: Path, tmp_path: Path, value: str, wrong: str
) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_LOG_FILES=value)
    done = subprocess.run(
        command(collector_binary, backends="debug"), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    name = "ORCHESTRATOR_COLLECTOR_LOG_FILES"
    assert done.stderr == f'otelcol-orchestrator: the collector: {name}="{value}" {wrong}\n'
    assert done.returncode == 2


def test_without_the_variable_no_file_is_read(collector_binary: Path, tmp_path: Path) -> None:
    assert "file_log" not in merged_config(collector_binary, backends="debug", environ=environment(tmp_path))


def test_it_is_a_file_like_the_others_for_the_stock_distribution(collector_binary: Path, tmp_path: Path) -> None:
    config = sources_dir() / "config"
    files = ("base.yaml", "log_files.yaml", "backends/debug.yaml")
    line = [str(collector_binary), "validate", *(f"--config=file:{config}/{name}" for name in files)]
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_LOG_FILES="/var/log/a/*.jsonl,/var/log/b.jsonl")
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
