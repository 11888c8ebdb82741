"""Whatever the files hold, nothing is raised, and what comes out is clean."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.sources.claude.files import UnusableError, parsed
from telemetry.sources.claude.sessions import session_of
from telemetry.sources.claude.tasks import Task, counted, task_of, work_of
from telemetry.sources.claude.teams import notes_of, team_of
from tests.sources.claude.world import World, a_member, a_note, a_session, a_task, a_team

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

TEXT = st.text() | st.sampled_from(
    ["busy", "in_progress", "%1", "main:@1.%2", "2026-11-26T03:18:52.026Z", "\ud800", "x\x1b[2J"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def safe(text: str) -> bool:
    """Nothing in it acts on a terminal, hides, or breaks the line."""
    return not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text)


def like(real: Any) -> SearchStrategy[Any]:
    """Objects that look like a real one, with anything in any of their fields."""
    if isinstance(real, dict):
        fields = {key: like(value) for key, value in real.items()}
        return st.fixed_dictionaries({}, optional=fields) | JSON
    if isinstance(real, list):
        return st.lists(st.one_of([JSON, *map(like, real)]), max_size=3) | JSON
    return st.just(real) | JSON


SESSION = like(a_session(1, waitingFor="permission prompt"))
TEAM = like(a_team("red", a_member("red", isActive=True)))
INBOX = like([a_note("scout", {"type": "idle_notification"}), a_note("scout", "hello")])
TASK = like(a_task(1, "in_progress", "scout", 2))


@settings(max_examples=60)
@given(SESSION)
def test_sessions(content: Any) -> None:
    try:
        session, wrong = session_of(content, 1)
    except UnusableError:
        return
    assert session.pid == 1
    assert all(safe(text) for text in (session.name, session.session_id, session.status, wrong))
    assert "\n" not in session.waiting_for + session.folder
    assert 0 <= session.last_sign < 4_102_444_800


@settings(max_examples=60)
@given(TEAM)
def test_teams(content: Any) -> None:
    try:
        team, wrong = team_of(content, "folder")
    except UnusableError:
        return
    assert team.name
    assert safe(team.name)
    assert safe(wrong)
    for member in team.members:
        assert member.name
        assert safe(member.name + member.role)


@settings(max_examples=60)
@given(INBOX)
def test_inboxes(content: Any) -> None:
    try:
        notes, wrong = notes_of(content)
    except UnusableError:
        return
    assert safe(wrong)
    assert all(safe(note.sender) and note.at >= 0 for note in notes)


@settings(max_examples=40)
@given(st.lists(TASK, max_size=4))
def test_tasks(contents: list[Any]) -> None:
    tasks: list[Task] = []
    for number, content in enumerate(contents, 1):
        try:
            tasks.append(task_of(content, str(number), 1000.0)[0])
        except UnusableError:
            continue
    counts = counted("red", tasks)
    assert counts.open + counts.in_progress + counts.blocked + counts.done <= len(tasks)
    assert "\n" not in work_of({"scout"}, tasks).at


@given(st.binary() | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_content(content: bytes) -> None:
    try:
        parsed(content)
    except UnusableError as error:
        assert str(error)  # noqa: PT017 - either is fine, nothing else is


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(SESSION, max_size=4), st.lists(TEAM, max_size=3), INBOX, st.lists(TASK, max_size=3))
def test_the_whole_source(sessions: list[Any], teams: list[Any], inbox: Any, tasks: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            for at in (1.0, 20.0):
                for number, session in enumerate(sessions, 1):
                    world.write(f"sessions/{number}.json", json.dumps(session))
                for number, team in enumerate(teams, 1):
                    world.write(f"teams/{number}/config.json", json.dumps(team))
                    world.write(f"teams/{number}/inboxes/team-lead.json", json.dumps(inbox))
                for number, task in enumerate(tasks, 1):
                    world.write(f"tasks/1/{number}.json", json.dumps(task))
                agents = world.read(at)
                assert all(agent.name and safe(agent.name) for agent in agents.values())
                sessions, teams = sessions[1:], [*teams[1:], *teams[:1]]
            assert world.read(at=30.0).keys() == world.read(at=31.0).keys()
        finally:
            world.close()
