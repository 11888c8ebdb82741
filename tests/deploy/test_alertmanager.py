"""deploy/alertmanager: sound by amtool, who is told, and the messages that a real monitor's alerts become."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from telemetry.alerts import CATALOGUE
from telemetry.collector import build as build_collector
from tests.backends import build
from tests.backends.alertmanager import Alertmanager
from tests.deploy.alerting import DEPLOY, alerted
from tests.notify.faulty import Faulty
from tests.waiting import eventually

FOLDER = DEPLOY / "alertmanager"
CONFIG = FOLDER / "alertmanager.yml"


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = build.folder(Alertmanager.part) / "bin" / "amtool"
    line = [str(program), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def ruled() -> set[str]:
    """The names of all alerts that Prometheus can send."""
    files = [*(DEPLOY / "prometheus").glob("rules*.yaml"), DEPLOY / "prometheus" / "watchdog.yaml"]
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"] for group in groups for rule in group["rules"]}


def alternatives(pattern: str) -> list[str]:
    """`a(b|c)` is `ab`, `ac`, and `a|b` is `a`, `b`: the forms that stand in the file."""
    before, bracket, within = pattern.rstrip(")").partition("(")
    return [before + one for one in within.split("|")] if bracket else pattern.split("|")


def test_what_is_inhibited_is_there() -> None:
    """Every matcher matches something that a rule can send: what is called otherwise would be told twice."""
    known = {"alertname": ruled(), "rule": {rule.id for rule in CATALOGUE}, "job": {"orchestrator-cc"}}
    rules = yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
    matchers = [one for rule in rules for one in (*rule["source_matchers"], *rule["target_matchers"])]
    assert matchers
    for matcher in matchers:
        label, pattern = re.split("=~?", matcher)
        for one in alternatives(pattern.strip('"')):
            assert any(re.fullmatch(one, name) for name in known[label]), f"no {label} is {one}"


UNITS = {"s": (1, "s"), "m": (60, "minute"), "h": (3600, "hour"), "d": (86400, "day")}


def seconds(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]][0]


def spoken(duration: str) -> str:
    """`10s` is `10 s`, `1h` is `hour`, `4h` is `4 hours`: as the README says it."""
    number, name = int(duration[:-1]), UNITS[duration[-1]][1]
    return name if number == 1 else f"{number} {name}{'s' * (len(name) > 1)}"


def routes() -> dict[str, dict[str, str]]:
    """How each kind of alert is told, by what the README's table calls it: what a route doesn't say is the root's."""
    root = yaml.safe_load(CONFIG.read_text())["route"]
    by_kind = {"error": root}
    for route in root["routes"]:
        [matcher] = route["matchers"]
        by_kind[matcher.partition("=")[2].strip('"')] = root | route
    return by_kind


def test_the_readme_says_who_is_told_and_when() -> None:
    readme = (FOLDER / "README.md").read_text()
    table = re.findall(r"^\| `?(\w+)`? \| `(\w+)` \| (.+) \|$", readme, re.MULTILINE)
    rows = {kind: (to, when) for kind, to, when in table}
    told = routes()
    assert rows.keys() == told.keys()
    for kind, (to, when) in rows.items():
        route = told[kind]
        assert route["receiver"] == to, kind
        assert re.search(rf"\b(every|again after)( an?)? {spoken(route['repeat_interval'])}\b", when), kind
        first = {"at once": "0s", "the same": told["error"]["group_wait"]}.get(when.partition(";")[0])
        if first is None and kind == "error":
            assert when.startswith(f"after {spoken(route['group_wait'])}, ")
        else:
            assert route["group_wait"] == (first or "0s"), kind
    assert f"what comes later is gathered for a {spoken(told['error']['group_interval'])}." in readme


def test_alertmanager_can_repeat_as_often_as_it_is_told_to() -> None:
    """It looks at a group once an interval, and not in between."""
    for kind, route in routes().items():
        assert seconds(route["repeat_interval"]) % seconds(route["group_interval"]) == 0, kind


# --- what the real programs say -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_amtool_finds_nothing_wrong() -> None:
    said = amtool("check-config", str(CONFIG))
    assert said.returncode == 0, said.stderr
    assert "3 receivers" in said.stdout
    assert "1 templates" in said.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=OrchestratorWatchdog", "severity=none"], "heartbeat"),
        (["alertname=OrchestratorAlert", "severity=critical", "cluster=main", "rule=cluster_down"], "oncall"),
        (["alertname=OrchestratorMonitorAbsent", "severity=critical"], "oncall"),
        (["alertname=OrchestratorAlert", "severity=error", "cluster=main", "rule=agent_stopped"], "team"),
        (["alertname=OrchestratorAlert", "severity=warning", "cluster=main", "rule=agent_idle"], "team"),
        (["alertname=SomebodyElses"], "team"),
    ],
)
def test_who_is_told(labels: list[str], receiver: str) -> None:
    said = amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *labels)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.slow
def test_what_an_agent_is_called_wakes_nobody(tmp_path: Path) -> None:
    alert = {
        "status": "firing",
        "labels": {"severity": "error", "cluster": "<!channel>"},
        "annotations": {"summary": "An agent does not run.", "description": "<!here> & co", "todo": "Look at <@U1>."},
    }
    data = {"status": "firing", "commonLabels": alert["labels"], "alerts": [alert]}
    (tmp_path / "data.json").write_text(json.dumps(data))

    def rendered(name: str) -> str:
        said = amtool(
            "template", "render", f"--template.glob={FOLDER}/templates/*.tmpl",
            f'--template.text={{{{ template "orchestrator.{name}" . }}}}', f"--template.data={tmp_path / 'data.json'}",
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    assert rendered("title") == "&lt;!channel&gt;: 1 open"
    assert rendered("text") == ("*error* An agent does not run. &lt;!here&gt; &amp; co\n→ Look at &lt;@U1&gt;.")
    assert rendered("color") == "danger"


def slack(receiver: Faulty) -> list[tuple[str, str]]:
    """(title, text) of every message."""
    attachments = [body["attachments"] for _, _, body in receiver.taken]
    return [(attachment["title"], attachment["text"]) for [attachment] in attachments]


@pytest.mark.slow
def test_alerts_come_grouped_and_without_what_follows_from_others(tmp_path: Path) -> None:
    with alerted(tmp_path, build_collector(print), "boss", "worker", "tester") as world:
        cluster = world.tmux.socket_name
        world.kill("worker")
        world.kill("tester")
        for open_one in (
            'agent_name="worker",rule="agent_stopped",level="error"} 1.0',
            'agent_name="tester",rule="agent_stopped",level="error"} 1.0',
            'agent_name="otlp",rule="backend_failing",level="error"} 1.0',
        ):
            eventually(lambda wanted=open_one: wanted in world.monitor.get("/metrics").text, what=open_one)  # type: ignore[misc]

        world.scrape()  # which shows all of it to Prometheus at once
        eventually(lambda: len(slack(world.team)) >= 2, what="a message for each group")
        told = dict(slack(world.team))
        agents = told[f"{cluster}: 3 open"]
        assert f"agent_stopped is open for worker in cluster {cluster};" in agents
        assert f"agent_stopped is open for tester in cluster {cluster};" in agents
        assert "*error* Several agents of the cluster do not run." in agents
        assert "→ Look at its pane or its last log lines, start it again." in agents
        assert "*error* A backend takes nothing of what the collector has for it." in told["@pipeline: 1 open"]

        # The collector's own page says the same of that backend: it is held back.
        failing = "expr: otelcol_exporter_queue_size > 0\n"
        world.prometheus.change_rules(f"{failing}        for: 5m\n", failing)
        by_name = ['alertname="OrchestratorCollectorExporterFailing"']
        again, *_ = eventually(lambda: world.alertmanager.alerts(filter=by_name), what="the collector's own alert")
        [backend] = world.alertmanager.alerts(filter=['rule="backend_failing"'])
        assert again["status"]["state"] == "suppressed"
        assert again["status"]["inhibitedBy"] == [backend["fingerprint"]]

        world.kill("boss")
        eventually(lambda: slack(world.oncall), what="a message for whoever is on call")
        (title, text), *_ = slack(world.oncall)
        assert title == f"{cluster}: 1 open"
        assert text.startswith("*critical* The whole cluster is down.")
        assert "takes no data from the collector" not in str(slack(world.team)), "nobody was told of that backend twice"

        before = len(world.heartbeat.taken)
        assert before
        eventually(lambda: len(world.heartbeat.taken) > before, what="the next heartbeat")
        _, _, body = world.heartbeat.taken[-1]
        assert [alert["labels"]["alertname"] for alert in body["alerts"]] == ["OrchestratorWatchdog"]
