"""The real monitor, upgraded and taken back: alerts, acknowledgements and silences stay, and nobody is told twice."""

from __future__ import annotations

import pytest

from tests.daemons import run
from tests.operations.cluster import Watched, alerts, silenced
from tests.waiting import eventually

pytestmark = pytest.mark.slow
OF = {name: ("tests.store.versions", name) for name in ("before", "present", "adding")}
"""This program by its schema: of the version before, of this one, and of a next one that adds to every table."""


def test_an_upgrade_that_adds_is_taken_back_with_all_that_happened_since(watched: Watched) -> None:
    with watched.monitor(*OF["present"]) as running:
        first = watched.die(running, "alpha")
        eventually(lambda: watched.told("alpha"), what="the message about alpha")
        watched.command("alerts", "ack", first["id"], "--note", "on it")
        watched.command("alerts", "silence", "--agent", "beta", "--for", "1h", "--reason", "known")
        running.end()
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


def test_the_program_from_before_this_schema_has_its_store_back_by_one_command(watched: Watched) -> None:
    with watched.monitor(*OF["before"]) as running:
        first = watched.die(running, "alpha")
        eventually(lambda: watched.told("alpha"), what="the message about alpha")
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
    said = watched.command("store", "restore", str(kept), program=OF["before"])
    assert f"{watched.state}/store.sqlite3: " in said
    with watched.monitor(*OF["before"]) as running:
        assert alerts(running)["alpha"]["id"] == first["id"]
        watched.die(running, "beta")
        watched.die(running, "gamma")
        eventually(lambda: watched.told("gamma"), what="the message about gamma")
        running.end()
    assert [watched.told(agent) for agent in ("alpha", "beta", "gamma")] == [1, 0, 1]
