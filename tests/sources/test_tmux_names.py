"""Who is expected, and which pane is whose?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from telemetry.sources.agents_file import ConfiguredAgent
from telemetry.sources.tmux.source import TmuxOptions
from telemetry.store import Store
from tests.sources.real_tmux import eventually
from tests.sources.watching import START, Watcher, running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sources.real_tmux import TmuxServer

pytestmark = pytest.mark.slow  # whole programs: not for every edit

FIVE = tuple(ConfiguredAgent(name, f"the {name}", index) for index, name in enumerate("abcde"))


def panes_of(tmux: TmuxServer, count: int = 5) -> list[str]:
    return [tmux.session(), *(tmux.split() for _ in range(count - 1))]


class TestPaneOptions:
    @pytest.mark.parametrize(
        "name",
        [
            "two words", "日本の担当", "#{pane_id}", "#(touch /tmp/nothing)", 'a"b', "a'b", "a;b", "$HOME",
            "a\\nb", "~x", "%%", "#[fg=red]x", "{x}", "=x:",
        ],
    )  # fmt: skip
    def test_name_comes_through_as_it_is(self, tmux: TmuxServer, name: str) -> None:
        pane = tmux.session()
        tmux.name_pane(pane, name, name)
        agents = Watcher(tmux).read()
        assert set(agents) == {name}
        assert agents[name].role == name
        assert agents[name].running

    @pytest.mark.parametrize("name", ["tab\tin", "new\nline", "esc\x1b[31mred", "bidi\u202eevil", "c1\x9b"])
    def test_hostile_name_becomes_one_clean_line(self, tmux: TmuxServer, name: str) -> None:
        first = tmux.session()
        second = tmux.split()
        tmux.name_pane(first, name, name)
        tmux.name_pane(second, "neighbour")
        agents = Watcher(tmux).read()
        assert len(running(agents)) == 2
        assert "neighbour" in agents
        assert all(text.isprintable() for agent in agents.values() for text in (agent.name, agent.role))

    def test_huge_name_is_bounded(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "x" * 10_000)
        (name,) = Watcher(tmux).read()
        assert len(name) <= 128

    @pytest.mark.parametrize("name", ["", " ", "  \t "])
    def test_blank_name_is_no_name(self, tmux: TmuxServer, name: str) -> None:
        tmux.name_pane(tmux.session(), name)
        assert Watcher(tmux).read() == {}

    def test_names_in_other_alphabets_survive_the_c_locale(
        self, tmux: TmuxServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LC_ALL", "C")
        tmux("-u", "new-session", "-d", "-s", "work", "sleep 1000")
        tmux("-u", "set-option", "-p", "-t", "work:", "@agent_name", "調査員")
        assert set(Watcher(tmux).read()) == {"調査員"}

    def test_two_panes_of_one_name(self, tmux: TmuxServer) -> None:
        panes = panes_of(tmux, 3)
        for pane in panes:
            tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        agents = watcher.read()
        assert list(agents) == ["worker", "worker#2", "worker#3"]
        assert agents["worker#2"].reason == f"pane {panes[1]} is called worker, as another one is"
        tmux("kill-pane", "-t", panes[0])
        assert running(watcher.read(5)) == {"worker#2", "worker#3"}

    def test_suffix_that_somebody_is_called(self, tmux: TmuxServer) -> None:
        panes = panes_of(tmux, 3)
        for pane, name in zip(panes, ("worker", "worker#2", "worker"), strict=True):
            tmux.name_pane(pane, name)
        assert set(Watcher(tmux).read()) == {"worker", "worker#2", "worker#3"}

    def test_new_pane_of_that_name_is_the_agent_again(self, tmux: TmuxServer) -> None:
        tmux.session()
        pane = tmux.split()
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        watcher.read()
        tmux("kill-pane", "-t", pane)
        assert not watcher.read(5)["worker"].running
        tmux.name_pane(tmux.window(), "worker")
        agents = watcher.read(10)
        assert (agents["worker"].running, agents["worker"].restart_count) == (True, 1)
        assert len(agents) == 1

    def test_pane_that_gets_another_name(self, tmux: TmuxServer) -> None:
        pane = tmux.session()
        tmux.name_pane(pane, "before")
        watcher = Watcher(tmux)
        watcher.read()
        tmux.name_pane(pane, "after")
        assert running(watcher.read(5)) == set(watcher.read(6)) == {"after"}
        tmux("set-option", "-p", "-u", "-t", pane, "@agent_name")
        assert watcher.read(10) == {}

    def test_panes_that_exchange_their_names(self, tmux: TmuxServer) -> None:
        first, second = panes_of(tmux, 2)
        tmux.name_pane(first, "a")
        tmux.name_pane(second, "b")
        watcher = Watcher(tmux)
        assert watcher.read()["a"].pane_index == 0
        tmux.name_pane(first, "b")
        tmux.name_pane(second, "a")
        agents = watcher.read(5)
        assert {name: agent.pane_index for name, agent in agents.items()} == {"a": 1, "b": 0}

    def test_forgotten_agent(self, tmux: TmuxServer) -> None:
        tmux.session()
        pane = tmux.split()
        tmux.name_pane(pane, "worker")
        store = Store(":memory:")
        watcher = Watcher(tmux, store)
        watcher.read()
        tmux("kill-pane", "-t", pane)
        assert set(watcher.read(5)) == {"worker"}
        assert asyncio.run(watcher.source.forget("worker"))
        assert watcher.read(10) == {}
        assert not asyncio.run(watcher.source.forget("worker"))
        assert store.agents("work") == ()
        assert store.restarts("work") == {}


class TestConfigured:
    def test_by_index(self, tmux: TmuxServer) -> None:
        panes_of(tmux)
        agents = Watcher(tmux, agents=FIVE).read()
        assert list(agents) == list("abcde")
        assert running(agents) == set("abcde")
        assert agents["c"].role == "the c"

    def test_renumbering_confuses_nobody(self, tmux: TmuxServer, tmp_path: Path) -> None:
        panes = panes_of(tmux)
        watcher = Watcher(tmux, Store(tmp_path / "state.db"), agents=FIVE)
        watcher.read()
        tmux("kill-pane", "-t", panes[0])
        for at, watched in ((5, watcher), (60, Watcher(tmux, Store(tmp_path / "state.db"), agents=FIVE))):
            agents = watched.read(at)
            assert running(agents) == set("bcde")
            assert agents["a"].reason == f"pane {panes[0]} is gone"
            assert agents["b"].pane_index == 0
            watched.close()

    def test_index_is_tmuxs_own(self, tmux: TmuxServer) -> None:
        tmux.session()
        tmux("set-option", "-g", "pane-base-index", "1")
        tmux.split()
        agents = Watcher(
            tmux, agents=(ConfiguredAgent("none", "", 0), ConfiguredAgent("one", "", 1), ConfiguredAgent("two", "", 2))
        ).read()
        assert running(agents) == {"one", "two"}
        assert agents["none"].reason == "the session's first window has no pane with index 0: they are 1 to 2"

    def test_first_window_counts(self, tmux: TmuxServer) -> None:
        tmux(
            "start-server",
            ";",
            "set-option",
            "-g",
            "base-index",
            "3",
            ";",
            "new-session",
            "-d",
            "-s",
            "work",
            "sleep 1000",
        )
        tmux.window()
        agents = Watcher(tmux, agents=(ConfiguredAgent("a", "", 0), ConfiguredAgent("b", "", 1))).read()
        assert running(agents) == {"a"}

    def test_name_on_the_pane_is_stronger_than_the_index(self, tmux: TmuxServer) -> None:
        panes = panes_of(tmux, 3)
        tmux.name_pane(panes[2], "a", "shown role")
        tmux.name_pane(panes[1], "somebody")
        agents = Watcher(tmux, agents=FIVE[:2]).read()
        assert {name: agent.pane_index for name, agent in agents.items()} == {"a": 2, "b": None, "somebody": 1}
        assert agents["a"].role == "the a"
        assert agents["b"].reason == "the pane with index 1 is somebody's"

    def test_without_an_index_the_pane_must_say_the_name(self, tmux: TmuxServer) -> None:
        pane = tmux.session()
        watcher = Watcher(tmux, agents=(ConfiguredAgent("a"),))
        assert watcher.read()["a"].reason == "no pane carries @agent_name a"
        tmux.name_pane(pane, "a")
        assert watcher.read(5)["a"].running

    def test_session_still_being_opened(self, tmux: TmuxServer) -> None:
        tmux.session()
        born = int(tmux("display-message", "-p", "#{session_created}")) - START
        last = tmux.split()
        watcher = Watcher(tmux, agents=FIVE[:3])
        assert running(watcher.read(born + 1)) == {"a", "b"}
        # The third pane is opened between the two, so that the second gets another index.
        tmux("split-window", "-d", "-t", "work:0.0", "sleep 1000")
        agents = watcher.read(born + 2)
        assert running(agents) == {"a", "b", "c"}
        assert tmux.show(last, "pane_index") == "2"
        assert agents["c"].pid == tmux.pid(last)

    def test_pane_missing_from_a_settled_session(self, tmux: TmuxServer) -> None:
        panes = panes_of(tmux, 4)
        watcher = Watcher(tmux, agents=FIVE)
        assert running(watcher.read()) == set("abcd")
        tmux("kill-pane", "-t", panes[0])
        assert running(watcher.read(5)) == set("bcd")

    def test_agent_that_left_the_configuration(self, tmux: TmuxServer, tmp_path: Path) -> None:
        panes_of(tmux)
        first = Watcher(tmux, Store(tmp_path / "state.db"), agents=FIVE)
        first.read()
        first.close()
        store = Store(tmp_path / "state.db")
        assert set(Watcher(tmux, store, agents=FIVE[:3]).read(5)) == set("abc")
        assert {agent.name for agent in store.agents("work")} == set("abc")

    def test_configured_agent_cannot_be_forgotten(self, tmux: TmuxServer) -> None:
        watcher = Watcher(tmux, agents=FIVE)
        watcher.read()
        assert not asyncio.run(watcher.source.forget("a"))
        assert set(watcher.read(5)) == set("abcde")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"agents": (FIVE[0], FIVE[0]), "session": "x"}, "two configured agents are called 'a'"),
            ({"agents": FIVE}, "agent 'a' has a pane_index, which needs session_name"),
            ({"socket_name": "a", "socket_path": "/b"}, "tmux has one socket"),
        ],
    )
    def test_options_that_contradict_each_other(self, options: dict[str, object], message: str) -> None:
        with pytest.raises(ValueError, match="^" + message):
            TmuxOptions(**options)  # type: ignore[arg-type] # one case a row


class TestSessions:
    def test_recreated_session_is_resolved_anew(self, tmux: TmuxServer, tmp_path: Path) -> None:
        tmux.session("keeper")
        panes = panes_of(tmux)
        tmux.name_pane(tmux.window(), "guest")
        store = Store(tmp_path / "state.db")
        watcher = Watcher(tmux, store, agents=FIVE)
        watcher.read()
        tmux("kill-pane", "-t", panes[0])
        watcher.read(5)
        tmux("kill-session", "-t", "work")
        gone = watcher.read(10)
        assert not watcher.reading.session_exists
        assert watcher.reading.session_name == "work"
        assert running(gone) == set()
        assert {agent.reason for agent in gone.values()} == {"tmux has no session work"}
        assert set(gone) == {*"abcde", "guest"}
        panes_of(tmux)
        agents = watcher.read(15)
        assert running(agents) == set(agents) == set("abcde"), "the guest belonged to the earlier session"
        assert {agent.restart_count for agent in agents.values()} == {1}

    def test_renamed_session_is_followed(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        watcher = Watcher(tmux)
        watcher.read()
        tmux("rename-session", "-t", "work", "x")
        tmux.name_pane(tmux.session("work"), "stranger")
        assert running(watcher.read(5)) == {"worker"}, "another one of that name changes nothing"
        assert (watcher.reading.session_name, watcher.source.cluster) == ("x", "work")
        tmux("rename-session", "-t", "x", "y")
        assert running(watcher.read(10)) == {"worker"}
        tmux("kill-session", "-t", "y")
        assert running(watcher.read(15)) == {"stranger"}, "the name counts again once the session is gone"
        assert watcher.reading.session_name == "work"

    def test_session_of_the_same_id_on_a_new_server_is_another(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        watcher = Watcher(tmux)
        watcher.read()
        tmux("kill-server")
        eventually(lambda: not tmux.runs(), "the server ends")
        tmux.name_pane(tmux.session("other"), "stranger")
        assert tmux("display-message", "-p", "-t", "other:", "#{session_id}") == "$0"
        assert watcher.read(5)["worker"].reason == "tmux has no session work"
        assert not watcher.reading.session_exists
        tmux.name_pane(tmux.session(), "worker")
        assert set(watcher.read(10)) == running(watcher.read(15)) == {"worker"}

    def test_new_server(self, tmux: TmuxServer, tmp_path: Path) -> None:
        panes_of(tmux)
        first = Watcher(tmux, Store(tmp_path / "state.db"), agents=FIVE)
        first.read()
        first.close()
        tmux("kill-server")
        eventually(lambda: not tmux.runs(), "the server ends")
        panes_of(tmux)
        agents = Watcher(tmux, Store(tmp_path / "state.db"), agents=FIVE).read(60)
        assert running(agents) == set("abcde")
        assert {agent.restart_count for agent in agents.values()} == {1}

    @pytest.mark.parametrize(
        "name", ["two words", "日本", "a'b", 'a"b', "a;b", "a\\b", "$x", "@1", "%0", "-d", "=x", "{x}", "a#b"]
    )
    def test_session_names(self, tmux: TmuxServer, name: str) -> None:
        tmux.session("other")
        tmux("rename-session", "-t", "other", "--", name)
        shown = tmux("list-sessions", "-F", "#{session_name}")
        tmux.name_pane(tmux.panes()[0], "worker")
        tmux.name_pane(tmux.session("decoy"), "decoy")
        watcher = Watcher(tmux, session=shown)
        assert set(watcher.read()) == {"worker"}

    def test_session_name_is_exact(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session("workshop"), "worker")
        watcher = Watcher(tmux)
        assert watcher.read() == {}
        assert not watcher.reading.session_exists

    def test_all_sessions(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session("one"), "a")
        tmux.name_pane(tmux.session("two"), "b")
        tmux.session("private")
        watcher = Watcher(tmux, session=None)
        assert running(watcher.read()) == {"a", "b"}
        assert watcher.source.cluster == tmux.socket_name
        tmux("kill-session", "-t", "two")
        agents = watcher.read(5)
        assert running(agents) == {"a"}
        assert watcher.reading.session_exists
        assert agents["b"].reason.startswith("pane %")
        tmux.name_pane(tmux.session("two"), "c")
        assert set(watcher.read(10)) == {"a", "c"}, "who was in the earlier session two is not expected in the new one"

    def test_the_clusters_name_does_not_depend_on_what_is_open(self, tmux: TmuxServer, tmp_path: Path) -> None:
        tmux.name_pane(tmux.session("project"), "a")
        first = Watcher(tmux, Store(tmp_path / "state.db"), session=None)
        assert set(first.read()) == {"a"}
        first.close()
        tmux.name_pane(tmux.session("second"), "b")
        again = Watcher(tmux, Store(tmp_path / "state.db"), session=None)
        assert set(again.read(10)) == {"a", "b"}
        assert again.source.cluster == first.source.cluster == tmux.socket_name

    def test_configured_cluster_name(self, tmux: TmuxServer) -> None:
        tmux.session()
        assert Watcher(tmux, cluster="mine\n").source.cluster == "mine"
        assert Watcher(tmux).source.cluster == "work"

    def test_window_in_two_sessions_is_one_agent(self, tmux: TmuxServer) -> None:
        tmux.name_pane(tmux.session(), "worker")
        tmux("new-session", "-d", "-s", "mirror", "-t", "work")
        assert set(Watcher(tmux, session=None).read()) == {"worker"}

    def test_pane_moved_to_another_window_is_the_same_agent(self, tmux: TmuxServer) -> None:
        tmux.session()
        pane = tmux.split()
        tmux.name_pane(pane, "worker")
        watcher = Watcher(tmux)
        watcher.read()
        tmux("break-pane", "-d", "-s", pane)
        agent = watcher.read(5)["worker"]
        assert (agent.running, agent.restart_count, agent.pane_index) == (True, 0, 0)
