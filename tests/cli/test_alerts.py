"""The commands about alerts where something is wrong, or unusual: one line each, an exit code, and never a secret."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from telemetry.model import AlertLevel, Silence
from telemetry.store import AlertStore, Changes, Database
from tests.daemons import Daemon, Tmux, daemon, run
from tests.notify.faulty import Faulty, serving, status
from tests.store.test_alerts import OPEN, over
from tests.waiting import eventually

pytestmark = pytest.mark.slow

STATE = ".local/state/orchestrator-telemetry"
RULE = ("--rule", "agent_stopped")
ODD = "w[1]*"
"""An agent's name that would be a pattern."""


@pytest.fixture
def slack() -> Iterator[Faulty]:
    """A receiver that takes everything, until a test says otherwise."""
    with serving(Faulty.willing()) as held:
        held.fault, held.odds = status(404, "no_team geheim-0123456789"), 1.0
        yield held


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    """Four agents: with two dead the cluster isn't down."""
    server = Tmux(ODD, "w1x", "beta", "gamma").keep_dead_panes()
    yield server
    server.close()


@pytest.fixture
def watching(tmp_path: Path, tmux: Tmux, slack: Faulty) -> Iterator[Daemon]:
    """A daemon that tells Slack's stand-in."""
    arguments = ("dashboard", "--port", "0", "--interval", "0.2", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments, SLACK_WEBHOOK_URL=f"{slack.url}/geheim-0123456789") as running:
        eventually(lambda: running.get("/readyz") == {"status": "ready"})
        yield running


def told(held: Faulty, agent: str) -> bool:
    return any(agent in json.dumps(body) for _, _, body in held.taken)


def done(home: Path, *arguments: str) -> str:
    """What a command that works prints."""
    ended = run(home, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def standing(home: Path) -> dict[str, str | None]:
    """Why each agent's open alert is not told, by its name; None: it is told."""
    alerts = json.loads(done(home, "alerts", "--json"))["alerts"]
    return {a["agent"]: a["suppressed"] and a["suppressed"]["detail"] for a in alerts if a["rule"] == "agent_stopped"}


def one_line(ended: CompletedProcess[str], code: int, says: str) -> None:
    assert (ended.returncode, ended.stdout) == (code, "")
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_a_silence_keeps_its_agents_from_being_told_until_it_is_ended(
    tmp_path: Path, tmux: Tmux, slack: Faulty, watching: Daemon
) -> None:
    said = done(tmp_path, "alerts", "silence", "--agent", "b*", "--for", "1h30m", "--reason", "new prompt", "--by", "a")
    assert "agent b* silenced until" in said
    name = said.split(":")[0]
    tmux.kill("beta")
    tmux.kill("gamma")
    eventually(lambda: told(slack, "gamma"))
    assert standing(tmp_path) == {"beta": "silenced by a: new prompt", "gamma": None}
    assert not told(slack, "beta")
    (silence,) = json.loads(done(tmp_path, "alerts", "silences", "--json"))["silences"]
    assert (silence["id"], silence["agent"], silence["rule"], silence["active"]) == (name, "b*", "*", True)
    assert "new prompt" in done(tmp_path, "alerts", "silences")
    done(tmp_path, "alerts", "unsilence", name)
    eventually(lambda: told(slack, "beta"), what="what is still open is told")
    tmux("respawn-pane", "-k", "-t", tmux("list-panes", "-a", "-f", "#{m:beta,#{@agent_name}}", "-F", "#{pane_id}"))
    row = eventually(
        lambda: next((r for r in _history(tmp_path, *RULE) if "beta" in r), ""), 30, what="beta's alert is over"
    )
    assert "error" in row
    assert "agent stopped" in row
    assert _history(tmp_path, "--agent", "nobody") == ["nothing of that kind is kept"]
    assert json.loads(done(tmp_path, "alerts", "history", "--json", "--text", "STOPPED", *RULE))["total"] == 1


def _history(home: Path, *more: str) -> list[str]:
    return done(home, "alerts", "history", *more).splitlines()


def test_an_alert_is_silenced_by_its_id_whatever_its_agent_is_called(
    tmp_path: Path, tmux: Tmux, watching: Daemon
) -> None:
    tmux.kill(ODD)
    tmux.kill("w1x")
    eventually(lambda: standing(tmp_path).keys() == {ODD, "w1x"})
    ids = {a["agent"]: a["id"] for a in json.loads(done(tmp_path, "alerts", "--json"))["alerts"]}
    done(tmp_path, "alerts", "silence", ids[ODD], "--for", "1h", "--reason", "known", "--by", "ann")
    eventually(lambda: standing(tmp_path)[ODD] == "silenced by ann: known")
    assert standing(tmp_path)["w1x"] is None


def test_what_the_monitor_refuses_is_one_line(tmp_path: Path, watching: Daemon) -> None:
    silence = ("alerts", "silence", "--all", "--reason", "x", "--for")
    one_line(run(tmp_path, *silence, "0m"), 2, "--for is '0m': it must be a time such as 30m")
    one_line(run(tmp_path, *silence, "400d"), 2, "at most 366d")
    one_line(run(tmp_path, *silence, "9" * 400 + "d"), 2, "it must be a time such as 30m, 2h or 1d")
    one_line(run(tmp_path, *silence, "1h", "--by", "\udcff"), 2, "is no text in UTF-8")
    one_line(run(tmp_path, *silence, "1h", "--cluster", "x"), 2, "say what: an alert's id, or any of --cluster")
    one_line(run(tmp_path, "alerts", "silence", "nope", "--for", "1h", "--reason", "x"), 1, "no open alert has the id")
    one_line(run(tmp_path, "alerts", "ack", "nope"), 1, "no alert that fires has the id 'nope'")
    one_line(run(tmp_path, "alerts", "unsilence", "a/b?c"), 1, "no silence has the id 'a/b?c'")
    one_line(run(tmp_path, "alerts", "open", "--cluster", "nowhere"), 1, "no cluster is named 'nowhere'")
    one_line(run(tmp_path, "alerts", "history", "--text", "\udcff"), 2, "is no text in UTF-8")
    one_line(run(tmp_path, "notify", "test", "nosuch"), 1, "no channel that is on is named 'nosuch'; on are: slack")
    one_line(run(tmp_path, "forget", "nobody"), 1, "no agent 'nobody' is remembered")
    assert done(tmp_path, "alerts", "silences") == "nothing is silenced\n"


def test_a_channel_that_can_not_deliver_says_so_and_no_secret(
    tmp_path: Path, tmux: Tmux, slack: Faulty, watching: Daemon
) -> None:
    slack.most = 1_000
    tmux.kill("gamma")
    failed = eventually(lambda: json.loads(done(tmp_path, "notify", "status", "--json"))["channels"][0]["failed"])
    assert "answered 404" in failed[0]["error"]
    table = done(tmp_path, "notify", "status")
    assert "slack: not delivered: gamma: " in table
    tried = run(tmp_path, "notify", "test")
    assert tried.returncode == 1
    assert tried.stdout.startswith("slack: NOT delivered: Slack (127.0.0.1) answered 404: no_team")
    paths = ("alerts/open", "alerts/history", "silences", "notifications", "rules", "alerts", "agents", "metrics")
    seen = [str(watching.get(f"/api/{path}")) for path in paths] + [watching.get("/metrics"), watching.get("/runbooks")]
    watching.end()
    files = [path.read_text() for path in (tmp_path / STATE).rglob("*.jsonl")]
    assert any("answered 404" in text for text in files)
    said = [table, tried.stdout, tried.stderr, json.dumps(failed), watching.said, watching.out.read_text()]
    assert [text for text in (*seen, *files, *said) if "geheim" in text] == []


def test_what_was_left_is_shown_as_the_monitor_would(tmp_path: Path) -> None:
    now = time.time()
    worse = replace(OPEN, agent="z", level=AlertLevel.CRITICAL, since=200.0)
    silences = [
        Silence(name, "ann", name, now - 9, now + ends) for name, ends in (("late", 99), ("gone", -1), ("s", 50))
    ]
    AlertStore(Database(tmp_path / STATE / "store.sqlite3")).save(
        Changes(alerts=[OPEN, worse], silences=silences, history=[over("a", now - 7200), over("b", now - 60)])
    )
    shown = run(tmp_path, "alerts")
    assert shown.returncode == 0
    assert "this is what the last one left" in shown.stderr
    assert [line.split()[:4] for line in shown.stdout.splitlines()[1:]] == [
        [worse.id, "critical", "demo", "z"],
        [OPEN.id, "error", "demo", "a"],
    ]
    assert "停止 «x»" in shown.stdout
    assert [line.split()[0] for line in run(tmp_path, "alerts", "silences").stdout.splitlines()] == ["ID", "s", "late"]
    history = json.loads(run(tmp_path, "alerts", "history", "--json", "--since", "1h").stdout)
    assert ([alert["agent_name"] for alert in history["alerts"]], history["total"]) == (["b"], 1)
    assert "and 1 older" in run(tmp_path, "alerts", "history", "--limit", "1").stdout
    one_line(run(tmp_path, "alerts", "unsilence", "s"), 1, "no monitor runs with the state folder")
    one_line(run(tmp_path, "alerts", "history", "--text", "\udcff"), 1, "can't be used")


def test_what_was_left_and_can_not_be_read_is_one_line_and_stays(tmp_path: Path) -> None:
    (tmp_path / STATE).mkdir(parents=True)
    store = tmp_path / STATE / "store.sqlite3"
    store.write_bytes(b"these are notes of mine\n" * 500)
    for command in (("alerts",), ("alerts", "history"), ("alerts", "silences")):
        one_line(run(tmp_path, *command), 1, f"the store {store} can't be used: file is not a database")
    assert [path.name for path in (tmp_path / STATE).iterdir()] == ["store.sqlite3"]
    far = str(tmp_path / ("x" * 300))
    one_line(
        run(tmp_path, "alerts", "--state-dir", far), 1, f"the state folder {far} can't be used: File name too long"
    )
