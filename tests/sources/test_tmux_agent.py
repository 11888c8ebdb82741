"""Which process is the agent, in trees made by hand: also for systems and places where little can be seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.sources.processes import ProcessInfo, descendants
from telemetry.sources.tmux.agent import AgentFinder, AgentProcess, Before, NoAgent
from telemetry.sources.tmux.answer import Pane
from telemetry.sources.tmux.commands import KNOWN_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER = 10
ROOT = 100


class Tree:
    """A made-up process table: the server, and the pane's processes with their command lines."""

    def __init__(self, *, groups: bool = True) -> None:
        self.groups = groups
        self.infos = {
            SERVER: ProcessInfo(SERVER, "tmux: server", dead=False, group=0, session=0, foreground=0, started=1)
        }
        self.commands: dict[int, list[str]] = {}
        self.below: dict[int, list[int]] = {}

    def add(
        self, pid: int, command: Sequence[str], parent: int = 0, *, name: str = "", foreground: bool = False
    ) -> None:
        self.commands[pid] = list(command)
        self.below.setdefault(parent, []).append(pid)
        self.infos[pid] = ProcessInfo(
            pid,
            name or command[0].rpartition("/")[2].lstrip("-")[:15],
            dead=False,
            group=pid if self.groups else 0,
            session=ROOT if self.groups else 0,
            foreground=(ROOT if self.groups else 0),
            started=pid * 7,
        )
        if foreground and self.groups:
            self.infos = {
                key: info._replace(foreground=pid) if info.session == ROOT else info for key, info in self.infos.items()
            }

    def get(self, pid: int) -> ProcessInfo | None:
        return self.infos.get(pid)

    def arguments(self, pid: int) -> list[str]:
        return self.commands.get(pid, [])

    def children(self, process: ProcessInfo) -> list[int]:
        return self.below.get(process.pid, [])


PANE = Pane(
    pane_id="%1", index=0, window_index=0, pid=ROOT, dead=False, dead_status=None, dead_signal=None, server_pid=SERVER,
    session_id="$0", session_created=0, session_name="work", window_activity=0, size="80x24", position="0,0,0",
    command="bash", has_command=False, label="worker", role="",
)  # fmt: skip


def find(tree: Tree, before: Before | None = None, pane: Pane = PANE) -> AgentProcess | NoAgent:
    finder = AgentFinder(KNOWN_PROGRAMS, tree)
    return finder.find(pane, before) if before else finder.find(pane)


@pytest.mark.parametrize(
    "command",
    [
        ["bash"], ["-bash"], ["/bin/zsh", "-l"], ["sh", "-i"], ["bash", "--rcfile", "/etc/x", "-i"],
        ["fish", "-C", "true"], ["bash", "--norc", "+O", "extglob"], ["zsh", "-o", "vi"], ["bash", "-s"],
    ],
)  # fmt: skip
def test_interactive_shells(command: list[str]) -> None:
    tree = Tree()
    tree.add(ROOT, command)
    assert isinstance(find(tree), NoAgent)


@pytest.mark.parametrize(
    "command",
    [
        ["bash", "loop.sh"], ["sh", "-c", "work; work"], ["bash", "-lc", "work; work"], ["bash", "-x", "loop.sh"],
        ["fish", "--command=work"], ["bash", "-o", "errexit", "loop.sh"], ["python3", "agent.py"], ["sleep", "9"],
    ],
)  # fmt: skip
def test_what_is_an_agent_by_itself(command: list[str]) -> None:
    tree = Tree()
    tree.add(ROOT, command)
    tree.add(200, ["git", "status"], ROOT)
    assert find(tree) == AgentProcess(ROOT, f"{ROOT}@{ROOT * 7}")


@pytest.mark.parametrize(
    ("command", "name", "program"),
    [
        (["/usr/bin/claude"], "", "claude"),
        (["claude"], "MainThread", "claude"),
        (["node", "/usr/lib/x/gemini.js"], "", "gemini"),
        (["node", "--max-old-space-size=99", "/usr/bin/codex", "run"], "node-MainThread", "codex"),
        (["/usr/bin/python3.12", "/usr/bin/aider", "--yes"], "", "aider"),
        (["python3", "-m", "aider"], "", "aider"),
        (["/bin/bash", "/usr/local/bin/goose"], "goose", "goose"),
        (["/bin/bash", "/usr/local/bin/goose"], "bash", "goose"),
        (["cursor-agent"], "", "cursor-agent"),
        (["python3", "-c", "claude"], "", ""),
        (["python3"], "", ""),
        (["vim", "claude"], "", ""),
        (["node", "--inspect"], "", ""),
    ],
)
def test_known_programs(command: list[str], name: str, program: str) -> None:
    tree = Tree()
    tree.add(ROOT, command, name=name)
    found = find(tree)
    assert isinstance(found, AgentProcess)
    assert found.program == program


def test_name_longer_than_the_kernel_keeps() -> None:
    tree = Tree()
    tree.add(ROOT, ["my-very-own-coding-agent"])
    found = AgentFinder(("my-very-own-coding-agent",), tree).find(PANE)
    assert isinstance(found, AgentProcess)
    assert found.program == "my-very-own-coding-agent"


@pytest.mark.parametrize("launcher", [["npx", "claude"], ["npm exec claude"], ["sudo", "claude"], ["bash", "start.sh"]])
def test_launcher_is_not_the_agent(launcher: list[str]) -> None:
    tree = Tree()
    tree.add(ROOT, launcher)
    tree.add(200, ["sh", "-c", "claude"], ROOT)
    tree.add(300, ["claude"], 200)
    tree.add(400, ["claude", "--helper"], 300)
    found = find(tree)
    assert found == AgentProcess(300, "300@2100", "claude", f"{ROOT}@{ROOT * 7}")


def test_program_started_in_the_background_of_a_shell() -> None:
    tree = Tree()
    tree.add(ROOT, ["bash"])
    tree.add(200, ["gitstatusd"], ROOT)
    assert isinstance(find(tree), NoAgent), "a prompt's helper"
    tree.add(300, ["claude"], ROOT)
    assert find(tree) == AgentProcess(300, "300@2100", "claude")


def test_foreground_is_the_agent() -> None:
    tree = Tree()
    tree.add(ROOT, ["bash"])
    tree.add(200, ["gitstatusd"], ROOT)
    tree.add(300, ["python3", "agent.py"], ROOT, foreground=True)
    assert find(tree) == AgentProcess(300, "300@2100")


def test_without_process_groups_a_child_is_the_foreground() -> None:
    tree = Tree(groups=False)
    tree.add(ROOT, ["bash"])
    assert isinstance(find(tree), NoAgent)
    tree.add(300, ["python3", "agent.py"], ROOT)
    assert find(tree) == AgentProcess(300, "300@2100")
    assert find(tree, Before("300@2100")) == AgentProcess(300, "300@2100")


def test_pid_that_is_somebody_elses_now() -> None:
    tree = Tree()
    tree.add(ROOT, ["bash"])
    tree.add(300, ["python3"], 1)
    assert isinstance(find(tree, Before("300@1")), NoAgent)
    tree.infos[300] = tree.infos[300]._replace(session=999)
    assert isinstance(find(tree, Before("300@2100")), NoAgent)


@pytest.mark.parametrize(
    ("status", "killed_by", "reason"),
    [
        (3, None, "it ended with status 3 in pane %1"),
        (None, 9, "it was killed by signal 9 in pane %1"),
        (None, None, "it ended in pane %1"),
    ],
)
def test_dead_panes(status: int | None, killed_by: int | None, reason: str) -> None:
    pane = dataclasses.replace(PANE, dead=True, dead_status=status, dead_signal=killed_by)
    assert find(Tree(), pane=pane) == NoAgent(reason)


def test_process_that_is_gone_while_tmux_keeps_the_pane() -> None:
    assert find(Tree()) == NoAgent(f"process {ROOT} is gone from pane %1")


class TestFromInsideAContainer:
    """tmux's socket is there, its processes are not, or are others."""

    @pytest.mark.parametrize("server", [None, "postgres"])
    def test_tmuxs_own_word_is_taken(self, server: str | None) -> None:
        tree = Tree()
        del tree.infos[SERVER]
        if server:
            tree.add(SERVER, [server])
        assert find(tree) == NoAgent("only bash is left in pane %1")
        claude = dataclasses.replace(PANE, command="claude")
        assert find(tree, pane=claude) == AgentProcess(None, f"{ROOT}@{SERVER}", "claude")
        script = dataclasses.replace(PANE, has_command=True)
        assert find(tree, pane=script) == AgentProcess(None, f"{ROOT}@{SERVER}")


def test_fork_bomb_is_looked_at_for_a_moment_only() -> None:
    tree = Tree()
    tree.add(ROOT, ["bash", "bomb.sh"])
    for pid in range(1000, 3000):
        tree.add(pid, ["x"], ROOT)
    assert len(list(descendants(tree, tree.infos[ROOT]))) == 500
    assert find(tree) == AgentProcess(ROOT, f"{ROOT}@{ROOT * 7}")


NAMES = st.sampled_from(["bash", "sh", "claude", "python3", "node", "npx", "sleep", "zsh"])


PROCESSES = st.tuples(NAMES, st.integers(0, 30), st.booleans(), st.lists(st.sampled_from(["-c", "x", "-l", "claude"])))


@given(st.lists(PROCESSES, max_size=8), st.booleans())
def test_any_tree_has_one_answer_that_stays(processes: list[tuple[str, int, bool, list[str]]], groups: bool) -> None:
    tree = Tree(groups=groups)
    tree.add(ROOT, ["bash"])
    for number, (name, parent, foreground, arguments) in enumerate(processes):
        above = ROOT if parent % (number + 1) == 0 else 200 + parent % number
        tree.add(200 + number, [name, *arguments], above, foreground=foreground)
    first = find(tree)
    if isinstance(first, AgentProcess):
        again = find(tree, Before(first.identity, first.program, first.wrapper))
        assert isinstance(again, AgentProcess)
        assert again.identity == first.identity
        assert not again.continues
