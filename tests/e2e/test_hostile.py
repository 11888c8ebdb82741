"""What an agent may call itself, and write: nothing of it loses a neighbour's record or breaks a scrape."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.prometheus import promtool_check_metrics
from tests.e2e.world import JOB, World, monitor
from tests.sources.real_tmux import TmuxServer
from tests.waiting import eventually

pytestmark = pytest.mark.slow

HOSTILE_NAMES = ('quote"back\\slash', "\u202eevil", "two\twords", "名前🤖", "#{pane_id};kill-server", "x" * 5_000)

PROGRAM = r"""
import telemetry, math, pathlib, sys
telemetry.configure(telemetry.LogOptions(console="none", file=pathlib.Path(sys.argv[1])))
log = telemetry.get_logger("hostile")

class Evil:
    def __repr__(self): raise RuntimeError("repr")
    __str__ = __repr__

loop = {}; loop["self"] = loop
hostile = ["lone \ud800 surrogate", "nul \x00", "esc \x1b[31m", "c1 \x9b31m", "new\nline", "\u202eevil"]
hostile.append("x" * 1_000_000)
values = [math.nan, math.inf, 2**70, b"\xff\xfe", {1: 2, None: 3}, loop, Evil(), {"k\ud800": Evil()}, object()]
for number, what in enumerate([*hostile, *values]):
    log.info("neighbour", n=f"before-{number}")
    if isinstance(what, str):
        log.error(what, agent_name=what)
        log.error("%s", what)
    log.error("value", value=what, agent_name="a", **{"key\ud800": what})
    log.info("neighbour", n=f"after-{number}")
print(number + 1)
assert telemetry.shutdown(10)
"""


def test_no_record_is_lost_beside_hostile_ones(everything: World, tmp_path: Path) -> None:
    world, file = everything, tmp_path / "log.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **world.otlp},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = {f"{when}-{number}" for number in range(int(done.stdout)) for when in ("before", "after")}
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["n"] for line in lines if line["message"] == "neighbour"} == expected
    every_id = {line["record_id"] for line in lines}
    assert len(every_id) == len(lines) > 2 * len(expected) - 10

    def in_loki() -> bool:
        return {
            line.labels["record_id"] for line in world.loki.query(f'{{service_name="{JOB}"}}', limit=5000)
        } >= every_id

    def in_elasticsearch() -> bool:
        found = world.elasticsearch.search("logs-*", {"term": {"scope.name": "hostile"}}, size=1000)
        return {one["attributes"]["record_id"] for one in found} >= every_id

    def in_recorder() -> bool:
        recorded = json.dumps(world.datadog.logs())
        return all(record_id in recorded for record_id in every_id)

    eventually(in_loki, what="every record in Loki")
    eventually(in_elasticsearch, what="every record in Elasticsearch")
    eventually(in_recorder, what="every record at the recorder")


def test_hostile_names_of_panes_reach_every_prometheus(everything: World, tmux: TmuxServer, tmp_path: Path) -> None:
    world = everything
    tmux.name_pane(tmux.session(), HOSTILE_NAMES[0])
    for name in HOSTILE_NAMES[1:]:
        tmux.name_pane(tmux.split(), name)
    settings = {"ORCHESTRATOR_TMUX_SOCKET": tmux.socket_name, "ORCHESTRATOR_CLUSTER_NAME": "hostile", **world.otlp}
    with monitor(tmp_path, port=world.monitor_port, **settings) as watching:
        watching.until_ready()
        page = watching.get("/metrics").text
        assert promtool_check_metrics(page) == []
        answer = watching.get("/api/agents").json()
        names = [agent["name"] for cluster in answer["clusters"] for agent in cluster["agents"]]
        assert len(names) == len(HOSTILE_NAMES)
        assert "名前🤖" in names
        world.everywhere(
            f'orchestrator_agent_up{{cluster="hostile",job="{JOB}"}}',
            lambda samples: {sample.labels["agent_name"] for sample in samples} == set(names),
        )
