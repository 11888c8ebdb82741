"""Settings become clusters to watch, with their thresholds."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.alerts.rules import AGENT_STOPPED, CATALOGUE
from telemetry.model import AlertLevel
from telemetry.rulebook import rules_of
from telemetry.settings import Settings, SettingsError, load
from telemetry.sources.merged import MergedSource
from telemetry.watching import is_configured, parts_of, source_of, tmux_options, watches


def settings(folder: Path, text: str = "") -> Settings:
    (folder / "orchestrator-telemetry.yaml").write_text(text)
    return load({}, {"HOME": str(folder)}, folder).settings


@pytest.mark.parametrize(
    ("text", "configured"),
    [
        ("", False),
        ("check_interval: 5", False),
        ("tmux: {session: a}", True),
        ("tmux: {socket: a}", True),
        ("cluster_name: a", True),
        ("cluster_file: a.yaml", True),
        ("clusters: [{name: a}]", True),
        ("sources: claude", True),
        ("claude: {team: a}", True),
        ("process: {agents: [{name: a, command: b}]}", True),
    ],
)
def test_whether_anybody_said_what_to_watch(tmp_path: Path, text: str, configured: bool) -> None:
    assert is_configured(settings(tmp_path, text)) is configured


def test_without_a_word_it_is_the_users_own_tmux(tmp_path: Path) -> None:
    (watch,) = watches(settings(tmp_path))
    options = watch.options
    assert (options.socket_name, options.socket_path, options.session, options.cluster) == (None, None, None, None)
    assert watch.kinds == ("tmux", "claude", "push")
    assert watch.is_automatic
    assert watch.words.startswith("every tmux session; Claude Code in ")
    source = source_of(watch, None, settings(tmp_path))
    assert (source.name, source.cluster) == ("tmux", "tmux")
    assert [part.name for part in parts_of(source)] == ["tmux", "claude", "push"]


def test_what_is_found_by_itself_follows_what_is_configured(tmp_path: Path) -> None:
    (watch,) = watches(settings(tmp_path, "process: {agents: [{name: a, command: b}]}"))
    assert watch.kinds == ("tmux", "claude", "process", "push")
    (only,) = watches(settings(tmp_path, "sources: push"))
    source = source_of(only, None, settings(tmp_path, "sources: push"))
    assert (parts_of(source), source.cluster) == ((source,), "push")
    (two,) = watches(settings(tmp_path, "sources: [claude, tmux]"))
    assert source_of(two, None, settings(tmp_path, "sources: [claude, tmux]")).cluster == "claude"


@pytest.mark.parametrize(
    ("text", "everybody"),
    [
        ("", True),
        ("tmux: {session: a}", False),
        ("tmux: {session: a}\nclaude: {team: b}", True),
        ("tmux: {session: a}\nsources: tmux,claude", True),
    ],
)
def test_sessions_of_nobody_in_a_named_cluster_are_not_its_agents(tmp_path: Path, text: str, everybody: bool) -> None:
    held = settings(tmp_path, text)
    source = source_of(watches(held)[0], None, held)
    assert isinstance(source, MergedSource)
    assert {part.source.name: part.adds for part in source.parts}["claude"] is everybody


@pytest.mark.parametrize("text", ["sources: tmux,tmux", "sources: auto,tmux", "sources: tmuxx", "sources: []"])
def test_sources_that_cannot_be_meant_are_told_with_what_is_allowed(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"sources is .*: it must be auto, or some of tmux, claude, process, push"):
        settings(tmp_path, text)


def test_a_socket_is_a_name_or_a_path(tmp_path: Path) -> None:
    (named,) = watches(settings(tmp_path, "tmux: {socket: night, session: work}\ncluster_name: x"))
    assert (named.options.socket_name, named.options.socket_path, named.options.cluster) == ("night", None, "x")
    assert named.words.startswith("x: tmux session work of the server night; Claude Code in ")
    (by_path,) = watches(settings(tmp_path, "tmux: {socket: /run/tmux/x}"))
    assert (by_path.options.socket_name, by_path.options.socket_path) == (None, "/run/tmux/x")


def test_the_orchestrators_file_names_session_cluster_and_agents_and_settings_win(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("cluster: {name: main, session_name: s, agents: [{name: a, pane_index: 0}]}")
    (told,) = watches(settings(tmp_path, "cluster_file: c.yaml"))
    assert (told.options.cluster, told.options.session, len(told.options.agents)) == ("main", "s", 1)
    assert told.words.startswith(f"tmux session s (1 agents named in {tmp_path / 'c.yaml'}); Claude Code in ")
    (ours,) = watches(settings(tmp_path, "clusters: [{name: mine, tmux: {session: t}, file: c.yaml}]"))
    assert (ours.options.cluster, ours.options.session) == ("mine", "t")


def test_a_file_that_cannot_be_meant_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("cluster: {agents: [{name: a, pane_index: 0}]}")
    with pytest.raises(SettingsError, match=r"c\.yaml: agent 'a' has a pane_index, which needs session_name"):
        watches(settings(tmp_path, "cluster_file: c.yaml"))
    with pytest.raises(SettingsError, match=r"gone\.yaml: can't be read"):
        watches(settings(tmp_path, "cluster_file: gone.yaml"))


def test_thresholds_reach_the_rules_and_nothing_else_changes(tmp_path: Path) -> None:
    rules = {
        rule.id: rule
        for rule in rules_of(
            settings(tmp_path, "max_idle_time: 60\nthresholds: {restarts: '1,2,3', stopped: '2,3,4'}")
        ).rules
    }
    assert list(rules) == [rule.id for rule in CATALOGUE]
    assert rules["agent_idle"].level(119) is AlertLevel.WARNING
    assert rules["agent_idle"].level(180) is AlertLevel.CRITICAL
    assert rules["agent_restarting"].level(2) is AlertLevel.ERROR
    assert rules["stopped_agents"].level(1) is None
    assert rules["agent_stopped"] == AGENT_STOPPED


def test_the_settings_own_thresholds_are_the_catalogues(tmp_path: Path) -> None:
    assert rules_of(settings(tmp_path)).rules == CATALOGUE


@pytest.mark.parametrize(("interval", "quiet_after"), [(1, 10.0), (10, 25.0)])
def test_nobody_is_idle_before_two_looks_could_be_compared(tmp_path: Path, interval: int, quiet_after: float) -> None:
    held = settings(tmp_path, f"check_interval: {interval}")
    assert tmux_options(watches(held)[0], held).quiet_after == quiet_after
