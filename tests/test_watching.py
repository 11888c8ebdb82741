"""Settings become clusters to watch, with their thresholds."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry.alerts.rules import AGENT_STOPPED, CATALOGUE
from telemetry.model import AlertLevel
from telemetry.rulebook import rules_of
from telemetry.settings import Settings, SettingsError, load
from telemetry.watching import is_configured, source_of, watches


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
    ],
)
def test_whether_anybody_said_what_to_watch(tmp_path: Path, text: str, configured: bool) -> None:
    assert is_configured(settings(tmp_path, text)) is configured


def test_without_a_word_it_is_the_users_own_tmux(tmp_path: Path) -> None:
    (watch,) = watches(settings(tmp_path))
    options = watch.options
    assert (options.socket_name, options.socket_path, options.session, options.cluster) == (None, None, None, None)
    assert watch.words == "every tmux session"


def test_a_socket_is_a_name_or_a_path(tmp_path: Path) -> None:
    (named,) = watches(settings(tmp_path, "tmux: {socket: night, session: work}\ncluster_name: x"))
    assert (named.options.socket_name, named.options.socket_path, named.options.cluster) == ("night", None, "x")
    assert named.words == "x: tmux session work of the server night"
    (by_path,) = watches(settings(tmp_path, "tmux: {socket: /run/tmux/x}"))
    assert (by_path.options.socket_name, by_path.options.socket_path) == (None, "/run/tmux/x")


def test_the_orchestrators_file_names_session_cluster_and_agents_and_settings_win(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("cluster: {name: main, session_name: s, agents: [{name: a, pane_index: 0}]}")
    (told,) = watches(settings(tmp_path, "cluster_file: c.yaml"))
    assert (told.options.cluster, told.options.session, len(told.options.agents)) == ("main", "s", 1)
    assert told.words == f"tmux session s (1 agents named in {tmp_path / 'c.yaml'})"
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
    assert source_of(watches(held)[0], None, held).options.quiet_after == quiet_after
