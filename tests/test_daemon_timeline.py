"""The timeline, last lines and links of the real daemon: over an orderly end, a kill -9 and a store on disk."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import Daemon, Tmux, daemon
from tests.waiting import eventually

pytestmark = pytest.mark.slow
STORE = ".local/state/orchestrator-telemetry/store.sqlite3"


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta").keep_dead_panes()
    yield server
    server.close()


def watching(tmux: Tmux) -> list[str]:
    return ["dashboard", "--tmux-socket", tmux.socket, "--port", "0", "--interval", "0.2"]


def strips(running: Daemon) -> dict[str, Any]:
    (cluster,) = running.get("/api/v1/timeline/agents")["clusters"]
    found: dict[str, Any] = cluster
    return found


def test_what_was_is_there_after_an_orderly_end(tmp_path: Path, tmux: Tmux) -> None:
    with daemon(tmp_path, *watching(tmux)) as first:
        eventually(lambda: set(strips(first)["agents"]) == {"alpha", "beta"}, what="both agents")
        tmux.kill("alpha")
        eventually(lambda: strips(first)["agents"]["alpha"][-1][1] == "stopped", what="the stop of alpha")
        (counts,) = first.get("/api/v1/timeline/counts?points=10")["clusters"]
        assert max(n for n in counts["troubled"] if n is not None) == 1
        before = strips(first)
        assert first.end() < 5.0
    with daemon(tmp_path, *watching(tmux)) as second:
        eventually(lambda: len(strips(second)["watched"]) == 2, what="a second time of watching")
        now = strips(second)
    assert now["agents"]["alpha"][:2] == before["agents"]["alpha"][:2]
    assert now["agents"]["alpha"][-1][1] == "stopped"
    (begun, ended), (again, _) = now["watched"]
    assert begun == before["watched"][0][0]
    assert before["watched"][0][1] <= ended < again, "nobody watched in between, and that shows"


def test_what_was_written_is_there_after_a_kill(tmp_path: Path, tmux: Tmux) -> None:
    def written() -> bool:
        try:
            with closing(sqlite3.connect(f"file:{tmp_path / STORE}?mode=ro", uri=True)) as file:
                return bool(
                    file.execute("SELECT count(*) FROM timeline_watched WHERE until - since > 5000").fetchone()[0]
                )
        except sqlite3.OperationalError:
            return False

    with daemon(tmp_path, *watching(tmux)) as first:
        eventually(lambda: set(strips(first)["agents"]) == {"alpha", "beta"}, what="both agents")
        before = strips(first)
        eventually(written, what="the first write")
        first.end(signal.SIGKILL)
    with daemon(tmp_path, *watching(tmux)) as second:
        eventually(lambda: len(strips(second)["watched"]) == 2, what="a second time of watching")
        now = strips(second)
    assert {name: pairs[0] for name, pairs in now["agents"].items()} == {
        name: pairs[0] for name, pairs in before["agents"].items()
    }
    (begun, ended), (again, _) = now["watched"]
    assert begun == before["watched"][0][0]
    assert begun + 5 < ended < again


def test_last_lines_and_links(tmp_path: Path, tmux: Tmux) -> None:
    pane = tmux("list-panes", "-a", "-F", "#{pane_id} #{@agent_name}").splitlines()[0].split()[0]
    tmux("respawn-pane", "-k", "-t", pane, r"printf 'one\npassword=hunter22\n\033[31mlast\033[0m\n'; exec sleep 1000")
    more = {"ORCHESTRATOR_JAEGER_URL": "http://jaeger.example/"}
    with daemon(tmp_path, *watching(tmux), **more) as running:
        path = "/api/v1/agents/lines?agent=alpha&count=2"
        eventually(lambda: set(running.agents()) == {"alpha", "beta"}, what="both agents")
        said = eventually(lambda: isinstance(answer := running.get(path), dict) and answer, what="lines")
        assert isinstance(said, dict)
        assert (said["agent"], said["source"], said["lines"]) == ("alpha", "tmux", ["password=[redacted]", "last"])
        assert running.get("/api/v1/agents/lines?agent=nobody") == 404
        (link,) = running.get("/api/v1/links")["links"]
        assert link["url"] == "http://jaeger.example/trace/{trace_id}"
    with daemon(tmp_path, *watching(tmux), ORCHESTRATOR_DASHBOARD_SCREENS="false") as private:
        eventually(lambda: set(private.agents()) == {"alpha", "beta"}, what="both agents")
        assert private.get(path) == 404


def test_a_wrong_link_ends_the_start_with_one_line(tmp_path: Path, tmux: Tmux) -> None:
    (tmp_path / "orchestrator-telemetry.yaml").write_text("links:\n- {name: x, url: 'https://x/{agnet}'}\n")
    with daemon(tmp_path, *watching(tmux)) as refused:
        assert refused.process.wait(20) == 2
        assert "links[0].url is 'https://x/{agnet}': it must be an http or https URL" in " ".join(refused.said.split())
