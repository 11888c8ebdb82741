"""The commands about alerts, against a real daemon, a real tmux and a real server in Slack's place."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.store import AlertStore, Changes, Database, QueuedMessage, QueuedNotice
from tests.daemons import Daemon, Tmux, daemon, run
from tests.notify.faulty import Faulty, serving, status
from tests.notify.samples import message, notice
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def slack() -> Iterator[Faulty]:
    """A receiver that takes everything."""
    with serving(Faulty.willing()) as held:
        yield held


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    """Two agents."""
    server = Tmux("alpha", "beta").keep_dead_panes()
    yield server
    server.close()


def secret_url(held: Faulty) -> str:
    return f"{held.url}/geheim-0123456789"


def told(held: Faulty) -> list[str]:
    """What Slack's server was told, a text each."""
    return [json.dumps(body) for _, _, body in held.taken]


def until_open(home: Path, agent: str, state: str = "") -> dict[str, Any]:
    """The open alert that says that an agent stopped."""

    def look() -> Any:
        answer = run(home, "alerts", "--json", *(["--state-dir", state] if state else []))
        assert answer.returncode == 0, answer.stderr
        return next((a for a in json.loads(answer.stdout)["alerts"] if a["agent_name"] == agent), None)

    return eventually(look, what=f"{agent} has an open alert")


def no_secret(home: Path, watching: Daemon, *texts: str) -> None:
    """Nothing that a person or a program can read holds the webhook's path."""
    logs = "".join(path.read_text() for path in home.rglob("*.jsonl"))
    for text in (watching.said, watching.out.read_text(), logs, *texts):
        assert "geheim" not in text


def test_from_an_alert_to_its_history(tmp_path: Path, tmux: Tmux, slack: Faulty) -> None:
    said: list[str] = []

    def command(*arguments: str) -> str:
        done = run(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
        return done.stdout

    url = secret_url(slack)
    arguments = ("dashboard", "--port", "0", "--interval", "0.2", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments, SLACK_WEBHOOK_URL=url) as watching:
        eventually(lambda: watching.get("/readyz") == {"status": "ready"})
        assert "no alert is open" in command("alerts")
        tmux.kill("alpha")
        alert = until_open(tmp_path, "alpha")
        eventually(lambda: any("alpha" in text for text in told(slack)), what="Slack was told")

        assert "alpha" in command("alerts")
        assert "acknowledged by ann" in command("alerts", "ack", alert["id"], "--by", "ann", "--note", "at it")
        assert "acknowledged by ann: at it" in command("alerts", "open")

        silence = json.loads(
            command("alerts", "silence", alert["id"], "--for", "2h", "--reason", "known", "--by", "ann", "--json")
        )
        assert (silence["agent"], silence["rule"]) == ("alpha", "agent_stopped")
        assert silence["ends_at"] - silence["starts_at"] == pytest.approx(7200)
        eventually(lambda: "not told: silenced by ann: known" in command("alerts"))
        assert silence["id"] in command("alerts", "silences")
        assert "ended" in command("alerts", "unsilence", silence["id"])
        assert "nothing is silenced" in command("alerts", "silences")

        assert command("notify", "test", "slack").startswith("slack: delivered: ")
        assert "This is a test" in told(slack)[-1]
        assert "on" in command("notify", "status")

        tmux("kill-session", "-t", "work")
        tmux.add("alpha")
        command("alerts", "history", "--limit", "5")
        no_secret(tmp_path, watching, *said, json.dumps(watching.get("/api/notifications")))


def test_an_agent_that_is_forgotten_takes_its_alert_along(tmp_path: Path, tmux: Tmux, slack: Faulty) -> None:
    arguments = ("monitor", "--interval", "0.2", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments, SLACK_WEBHOOK_URL=slack.url) as watching:
        eventually(lambda: "watching" in watching.said)
        eventually(lambda: run(tmp_path, "alerts").returncode == 0)
        eventually(lambda: json.loads(run(tmp_path, "alerts", "--json").stdout)["now"])
        tmux.kill("alpha")
        until_open(tmp_path, "alpha")
        tmux("kill-pane", "-t", tmux("list-panes", "-a", "-f", "#{pane_dead}", "-F", "#{pane_id}"))
        done = run(tmp_path, "forget", "alpha")
        assert (done.returncode, done.stderr) == (0, "")
        eventually(lambda: "no alert is open" in run(tmp_path, "alerts").stdout)
        again = run(tmp_path, "forget", "alpha")
        assert again.returncode == 1
        assert "no agent 'alpha' is remembered" in again.stderr
        history = run(tmp_path, "alerts", "history", "--agent", "alpha")
        assert "agent stopped" in history.stdout


def test_what_a_killed_daemon_left_is_shown_and_its_socket_is_no_obstacle(tmp_path: Path, tmux: Tmux) -> None:
    state = tmp_path / ("deep" * 15) / ("er" * 30)
    arguments = ("monitor", "--interval", "0.2", "--tmux-socket", tmux.socket, "--state-dir", str(state))
    assert len(str(state)) > 108
    for _ in range(2):
        with daemon(tmp_path, *arguments) as watching:
            eventually((state / "daemon.sock").exists)
            eventually(lambda: run(tmp_path, "alerts", "--state-dir", str(state)).returncode == 0)
            assert stat.S_IMODE((state / "daemon.sock").stat().st_mode) == 0o600
            if tmux("list-panes", "-a", "-f", "#{pane_dead}", "-F", "x") == "":
                tmux.kill("beta")
            alert = until_open(tmp_path, "beta", str(state))
            watching.process.kill()
            watching.process.wait()
        left = run(tmp_path, "alerts", "--json", "--state-dir", str(state))
        assert left.returncode == 0
        assert "no monitor runs with the state folder" in left.stderr
        assert alert["id"] in [held["id"] for held in json.loads(left.stdout)["alerts"]]
    refused = run(tmp_path, "alerts", "ack", alert["id"], "--state-dir", str(state))
    assert refused.returncode == 1
    assert refused.stderr.startswith("orchestrator-telemetry: no monitor runs with the state folder")
    with daemon(tmp_path, *arguments) as watching:
        eventually((state / "daemon.sock").exists)
        eventually(lambda: "watching" in watching.said)
        watching.end()
    assert not (state / "daemon.sock").exists()


def test_notify_test_without_a_daemon_sends_from_here(tmp_path: Path, slack: Faulty) -> None:
    done = run(tmp_path, "notify", "test", SLACK_WEBHOOK_URL=secret_url(slack))
    assert done.returncode == 0
    assert done.stdout.startswith("slack: delivered: ")
    assert "sending from here" in done.stderr
    assert "geheim" not in done.stdout + done.stderr
    slack.fault, slack.odds, slack.most = status(404, "no_team geheim-0123456789"), 1.0, 10
    refused = run(tmp_path, "notify", "test", "--json", SLACK_WEBHOOK_URL=secret_url(slack))
    assert refused.returncode == 1
    (result,) = json.loads(refused.stdout)["results"]
    assert not result["delivered"]
    assert "answered 404" in result["said"]
    assert "geheim" not in refused.stdout + refused.stderr
    unknown = run(tmp_path, "notify", "test", "pager", SLACK_WEBHOOK_URL=secret_url(slack))
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no channel that is on is named 'pager'; on are: slack" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("alerts",), 1, "no monitor runs with the state folder"),
        (("alerts", "ack", "x"), 1, "no monitor runs with the state folder"),
        (("alerts", "history", "--level", "loud"), 2, "--level is 'loud': it must be one of info, warning, error,"),
        (("alerts", "history", "--since", "yesterday"), 2, "--since is 'yesterday': it must be a time such as 30m"),
        (("alerts", "silence", "--for", "2h", "--reason", "x"), 2, "say what: an alert's id, or any of --cluster"),
        (("alerts", "silence", "--all", "--for", "2", "--reason", "x"), 2, "--for is '2': it must be a time such as"),
        (("notify", "test"), 1, "no channel is on"),
        (("notify", "status"), 1, "no monitor runs with the state folder"),
        (("forget", "x"), 1, "no monitor runs with the state folder"),
    ],
)
def test_what_can_not_be_done_is_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_rules_are_shown_as_they_are_set(tmp_path: Path) -> None:
    (tmp_path / "orchestrator-telemetry.yaml").write_text(
        "rules: {agent_idle: {thresholds: '60,120,180', for: 30}, agent_stopped: {level: critical}}\n"
        "overrides: [{cluster: night, rules: {agent_idle: {enabled: false}}}]\n"
    )
    table = run(tmp_path, "rules")
    assert table.returncode == 0
    lines = [re.split(r"  +", line) for line in table.stdout.splitlines()]
    idle = [line for line in lines if line[0] == "agent_idle"]
    assert idle[0][1:4] == ["everybody", "warning≥60 error≥120 critical≥180", "30 s"]
    assert idle[1][1] == "cluster=night"
    assert idle[1][2].startswith("off")
    rules = json.loads(run(tmp_path, "rules", "--json").stdout)["rules"]
    assert next(rule["levels"] for rule in rules if rule["rule"] == "agent_stopped") == {"critical": 0.0}


def test_what_was_not_delivered_is_shown_without_a_daemon(tmp_path: Path) -> None:
    state = tmp_path / ".local/state/orchestrator-telemetry"
    waiting = QueuedNotice(1, "slack", notice(agent="alpha"))
    refused = QueuedMessage(message(notice(agent="beta"), channel="old"), 1, error="answered 404", failed=True)
    AlertStore(Database(state / "store.sqlite3")).save(Changes(notices=[waiting], messages=[refused]))
    done = run(tmp_path, "notify", "status", SLACK_WEBHOOK_URL="http://127.0.0.1:1/geheim")
    assert done.returncode == 0
    rows = [line.split()[:4] for line in done.stdout.splitlines()]
    assert rows[1] == ["slack", "on", "–", "1"]
    assert rows[2][:2] == ["old", "off"]
    assert "old: not delivered: beta: worker-1 has stopped: answered 404" in done.stdout
    assert "this is what the last one left" in done.stderr
