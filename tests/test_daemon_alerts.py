"""The daemon and whoever it tells: an end that waits for nobody, a start that goes on, settings that are read again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons import Tmux, daemon, run
from tests.notify.faulty import Faulty, hang, serving
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[Faulty]:
    """Takes everything, until a test says otherwise."""
    with serving(Faulty.willing()) as held:
        yield held


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    """Four agents: with three dead the cluster isn't down."""
    server = Tmux("alpha", "beta", "gamma", "delta").keep_dead_panes()
    yield server
    server.close()


def told(receiver: Faulty, agent: str) -> int:
    """How many messages about an agent, by its name as a whole text or after its level, it took."""
    words = (f'"{agent}"', f'] {agent}"')
    return sum(any(word in json.dumps(body) for word in words) for _, _, body in receiver.taken)


def test_a_receiver_that_hangs_holds_up_no_end_and_is_told_after_the_next_start(
    tmp_path: Path, tmux: Tmux, receiver: Faulty
) -> None:
    receiver.fault, receiver.odds, receiver.most = hang, 1.0, 1
    arguments = ("dashboard", "--port", "0", "--interval", "0.2", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments, SLACK_WEBHOOK_URL=receiver.url) as watching:
        eventually(lambda: watching.get("/readyz") == {"status": "ready"})
        tmux.kill("alpha")
        eventually(lambda: receiver.failed, what="it hangs")
        assert watching.end() < 5
    assert receiver.taken == []
    with daemon(tmp_path, *arguments, SLACK_WEBHOOK_URL=receiver.url) as watching:
        eventually(lambda: told(receiver, "alpha") == 1, what="it is told")
        tmux.kill("beta")
        eventually(lambda: told(receiver, "beta"), what="the next one is told")
        assert watching.end() < 5
    assert told(receiver, "alpha") == 1


def test_settings_that_are_read_again_change_who_is_told_and_keep_what_is_open(
    tmp_path: Path, tmux: Tmux, receiver: Faulty
) -> None:
    file = tmp_path / "orchestrator-telemetry.yaml"
    base = f"check_interval: 0.2\ndashboard: {{port: 0}}\ntmux: {{socket: {tmux.socket}}}\n"
    file.write_text(base)
    with daemon(tmp_path, "dashboard") as watching:
        eventually(lambda: watching.get("/readyz") == {"status": "ready"})
        tmux.kill("alpha")
        eventually(lambda: watching.agents()["alpha"] == "stopped")
        (before,) = [a["id"] for a in watching.get("/api/alerts/open")["alerts"] if a["agent_name"] == "alpha"]
        silenced = run(tmp_path, "alerts", "silence", "--agent", "beta", "--for", "1h", "--reason", "x")
        assert silenced.returncode == 0, silenced.stderr

        file.write_text(base + "channels: {webhook: {url: 'http://169.254.169.254/geheim'}}\n")
        watching.process.send_signal(signal.SIGHUP)
        eventually(lambda: [line for line in watching.log if line["message"] == "settings not changed"])

        file.write_text(
            base
            + f"channels: {{webhook: {{url: '{receiver.url}/geheim'}}}}\n"
            + "overrides: [{agent: gamma, rules: {agent_stopped: {level: critical}}}]\n"
        )
        watching.process.send_signal(signal.SIGHUP)
        eventually(lambda: told(receiver, "alpha"), what="the new channel hears of what is open")
        (after,) = [a["id"] for a in watching.get("/api/alerts/open")["alerts"] if a["agent_name"] == "alpha"]
        assert after == before
        tmux.kill("beta")
        tmux.kill("gamma")
        eventually(lambda: told(receiver, "gamma"))
        (level,) = [a["level"] for _, _, body in receiver.taken for a in body["alerts"] if a["agent"] == "gamma"]
        assert level == "critical"
        assert told(receiver, "beta") == 0
        assert "geheim" not in watching.out.read_text() + watching.said


def test_a_damaged_store_is_set_aside_in_one_line_and_the_new_one_is_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".local/state/orchestrator-telemetry/store.sqlite3"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(b"no database at all\n" * 1_000)
    with daemon(tmp_path, "dashboard", "--port", "0", "--source", "push") as watching:
        answer = watching.get("/api/v1/alerts")
        assert (answer["alerts"], answer["over_from"]) == ([], "store")
        (told,) = [line["message"] for line in watching.log if "store" in line["message"]]
        assert told.startswith(f"the store {path} is damaged (file is not a database): kept as {path}.damaged-1, ")
        assert told.endswith("that it held are lost, watching goes on")
        assert "orchestrator_store_usable 1.0" in watching.get("/metrics")
        assert watching.end() < 5
