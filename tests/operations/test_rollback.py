"""The real monitor, upgraded and taken back: alerts, acknowledgements and silences stay, and nobody is told twice."""

from __future__ import annotations

import json

import pytest

from tests.daemons import run
from tests.operations.cluster import Watched, alerts, silenced
from tests.waiting import eventually

pytestmark = pytest.mark.slow
OF = {name: ("tests.store.versions", name) for name in ("before", "present", "adding")}
"""This program by its schema: of the version before, of this one, and of a next one that adds to every table."""


def test_up_and_back_twice_once_by_a_command_and_once_by_itself(watched: Watched) -> None:
    with watched.monitor(*OF["before"]) as running:
        first = watched.die(running, "alpha")
        eventually(lambda: watched.told("alpha"), what="the message about alpha")
        watched.command("alerts", "ack", first["id"], "--note", "on it")
        watched.command("alerts", "silence", "--agent", "beta", "--for", "1h", "--reason", "known")
        running.end()
    with watched.monitor(*OF["present"]) as running:
        assert alerts(running)["alpha"]["id"] == first["id"]
        assert silenced(running) == ["beta"]
        running.end()

    refused = run(watched.home, "alerts", program=OF["before"])
    assert refused.returncode == 1
    assert "was written by a newer version of this program" in refused.stderr
    (kept,) = watched.state.glob("store.sqlite3.v*")
    watched.command("store", "restore", str(kept), program=OF["before"])
    left = json.loads(watched.command("alerts", "--json", program=OF["before"]))
    assert first["id"] in {alert["id"] for alert in left["alerts"]}

    with watched.monitor(*OF["adding"]) as running:
        second = watched.die(running, "beta")
        watched.command("alerts", "silence", "--agent", "gamma", "--for", "1h", "--reason", "known too")
        running.end()
    with watched.monitor(*OF["present"]) as running:
        found = alerts(running)
        assert {name: alert["id"] for name, alert in found.items()} == {"alpha": first["id"], "beta": second["id"]}
        assert found["alpha"]["acknowledged"]["note"] == "on it"
        assert found["beta"]["suppressed"]["reason"] == "silenced"
        assert silenced(running) == ["beta", "gamma"]
        watched.die(running, "delta")
        eventually(lambda: watched.told("delta"), what="the message about delta")
        assert "orchestrator_store_usable 1.0" in running.get("/metrics")
        running.end()
    assert [watched.told(agent) for agent in ("alpha", "beta", "gamma", "delta")] == [1, 0, 0, 1]
