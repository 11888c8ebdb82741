"""The harness against the real program: what it says of itself while it is driven."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.backends.build import BuildError
from tests.claude_code import fetch
from tests.claude_code.fixtures import ClaudeCode
from tests.claude_code.home import KEY
from tests.claude_code.program import TEAMS
from tests.sources.real_tmux import is_dead
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def test_a_turn_as_long_as_the_test_wants_it(claude_code: ClaudeCode) -> None:
    program = claude_code.start()
    program.say("hold on")
    program.wait_for("busy")
    claude_code.stub.release("on")
    program.wait_for("idle")
    program.say("work 0.2")
    program.wait_for("idle")
    assert [request["stream"] for request in claude_code.stub.requests] == [True, True]
    program.leave()
    assert not program.file.exists()


def test_a_question_waits_for_its_answer(claude_code: ClaudeCode) -> None:
    program = claude_code.start()
    made = claude_code.home.project / "asked-for"
    program.say("ask")
    program.wait_for("waiting")
    record = program.wait(lambda: program.record, "its own file")
    assert record["waitingFor"] == "permission prompt"
    assert not made.exists()
    program.allow()
    program.wait_for("idle")
    assert made.exists()
    program.say("ask touch never-made")
    program.wait_for("waiting")
    program.deny()
    program.wait_for("idle")
    assert not (claude_code.home.project / "never-made").exists()


def test_a_killed_one_leaves_its_file_and_is_resumed_under_another(claude_code: ClaudeCode) -> None:
    first = claude_code.start()
    first.say("work 0")
    first.wait_for("idle")
    first.say("hold on")
    first.wait_for("busy")
    conversation = first.session_id
    first.end()
    assert first.status == "busy"
    second = first.resumed()
    assert second.session_id == conversation
    assert second.pid != first.pid
    assert first.file.exists()
    second.end(signal.SIGTERM)
    assert not second.file.exists()


def test_a_shell_in_the_background_and_one_that_is_typed(claude_code: ClaudeCode) -> None:
    program = claude_code.start("--name", "digger")
    assert program.wait(lambda: program.record, "its own file")["name"] == "digger"
    program.say("shell 1")
    program.wait_for("shell")
    program.wait_for("idle")
    program.say("!sleep 0.5")
    program.wait_for("busy")
    program.wait_for("idle")


def test_an_answer_that_fails(claude_code: ClaudeCode) -> None:
    program = claude_code.start()
    program.say("fail 400")
    program.wait(lambda: "API Error: 400" in program.screen(), "the error on its screen")
    program.wait_for("idle")


def test_two_programs_share_a_stub_and_a_home(claude_code: ClaudeCode) -> None:
    one, two = claude_code.start(), claude_code.start()
    one.say("hold one")
    two.say("hold two")
    one.wait_for("busy")
    two.wait_for("busy")
    claude_code.stub.release("two")
    two.wait_for("idle")
    assert one.status == "busy"
    assert len({path.stem for path in claude_code.home.sessions.glob("*.json")}) == 2


def test_teammates_in_the_lead_and_in_panes(claude_code: ClaudeCode) -> None:
    inside = claude_code.start(variables=TEAMS)
    inside.say("team scout work 0.1")
    assert inside.member("scout")["tmuxPaneId"] == "in-process"
    inside.leave()

    lead = claude_code.start("--teammate-mode", "tmux", variables=TEAMS)
    lead.say("team scout hold on")
    pid = lead.wait_for_member("scout", active=True)
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert b"scout@session-" + lead.session_id[:8].encode() in command
    claude_code.stub.release("on")
    lead.wait_for_member("scout", active=False)
    lead.leave()
    eventually(lambda: is_dead(pid), what="the teammate ends with its lead")


def test_nothing_comes_in_and_nothing_goes_out(claude_code: ClaudeCode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody's")
    lead = claude_code.start("--teammate-mode", "tmux", variables=TEAMS)
    lead.say("team scout work 0")
    teammate = lead.wait_for_member("scout", active=False)
    for pid in (lead.pid, teammate):
        environment = Path(f"/proc/{pid}/environ").read_text()
        assert "somebody's" not in environment
        assert f"ANTHROPIC_API_KEY={KEY}" in environment
        assert f"HOME={claude_code.home.folder}" in environment
    assert claude_code.stub.outside == []


def test_what_a_program_wants_from_elsewhere_is_refused_and_told(claude_code: ClaudeCode) -> None:
    claude_code.start(variables={"CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": ""})
    eventually(lambda: claude_code.stub.outside, what="a request to elsewhere")
    assert all(request.startswith("CONNECT ") for request in claude_code.stub.outside)


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "claude.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(BuildError, match="not the pinned file"):
        fetch.check(archive, next(iter(fetch.TARBALLS.values())).sha512)
    assert os.access(fetch.binary(), os.X_OK)
