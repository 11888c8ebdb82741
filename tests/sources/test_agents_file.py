"""The orchestrator's own YAML: what is read, and how a mistake is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.sources.agents_file import AgentsFile, ConfigError, ConfiguredAgent, read_agents_file

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
cluster:
  name: my cluster
  session_name: work
  work_dir: /somewhere
  agents:
    - {name: grand_boss, role: Plans, pane_index: 0, command: claude}
    - name: 007
      pane_index: 3
    - name: "  helper "
monitoring: {interval: 5}
"""


def read(folder: Path, text: str) -> AgentsFile:
    path = folder / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    return read_agents_file(path)


def test_what_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD) == AgentsFile(
        cluster="my cluster",
        session_name="work",
        agents=(
            ConfiguredAgent("grand_boss", "Plans", 0),
            ConfiguredAgent("7", "", 3),
            ConfiguredAgent("helper", "", None),
        ),
    )


def test_names_are_cleaned(tmp_path: Path) -> None:
    (agent,) = read(tmp_path, r'cluster: {agents: [{name: "a\e[31mb\u202e", role: "x\ny"}]}').agents
    assert agent.name.isprintable()
    assert agent.role.isprintable()


def test_little_is_needed(tmp_path: Path) -> None:
    assert read(tmp_path, "cluster: {}") == AgentsFile(None, None, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is nothing; allowed is a mapping with the key `cluster`"),
        ("- a", "the file is ['a']; allowed is a mapping with the key `cluster`"),
        ("agents: []", "cluster is nothing; allowed is a mapping"),
        ("cluster: 5", "cluster is 5; allowed is a mapping"),
        ("cluster: {name: [a]}", "cluster.name is ['a']; allowed is a text"),
        ("cluster: {session_name: yes}", "cluster.session_name is True; allowed is a text"),
        ("cluster: {agents: {a: 1}}", "cluster.agents is {'a': 1}; allowed is a list of entries with name, role"),
        ("cluster: {agents: [boss]}", "cluster.agents[0] is 'boss'; allowed is a mapping"),
        ("cluster: {agents: [{role: x}]}", "cluster.agents[0].name is nothing; allowed is a name"),
        ("cluster: {agents: [{name: ' '}]}", "cluster.agents[0].name is ' '; allowed is a name"),
        ("cluster: {agents: [{name: a, role: {}}]}", "cluster.agents[0].role is {}; allowed is a text"),
        ("cluster: {agents: [{name: a, pane_index: -1}]}", "cluster.agents[0].pane_index is -1; allowed is a whole"),
        ("cluster: {agents: [{name: a, pane_index: '1'}]}", "cluster.agents[0].pane_index is '1'; allowed is a whole"),
        (
            "cluster: {agents: [{name: a, pane_index: true}]}",
            "cluster.agents[0].pane_index is True; allowed is a whole",
        ),
        ("cluster: {agents: [{name: a}, {name: a}]}", "cluster.agents[1].name is 'a'; allowed is a value of its own"),
        (
            "cluster: {agents: [{name: a, pane_index: 1}, {name: b, pane_index: 1}]}",
            "cluster.agents[1].pane_index is 1; allowed is a value of its own: cluster.agents[0].pane_index has it",
        ),
        ("cluster: {\n  name: [", "is not YAML in line 2"),
        ("cluster: !!python/object:os.system {}", "is not YAML in line 1: could not determine a constructor"),
        ("a: 2024-99-99", "is not YAML that can be read: month must be in 1..12"),
        ("[" * 1000, "is not YAML that can be read"),
    ],
)
def test_mistake_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'cluster.yaml'}: {message}")
    assert said.isprintable()


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml: can't be read: No such file or directory$"):
        read_agents_file(tmp_path / "nowhere.yaml")
    with pytest.raises(ValueError, match=r"can't be read: Is a directory$"):
        read_agents_file(tmp_path)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_bytes(b"cluster: \xff\xfe")
    with pytest.raises(ConfigError, match=r"cluster.yaml: is not UTF-8 text: byte 9$"):
        read_agents_file(tmp_path / "cluster.yaml")
