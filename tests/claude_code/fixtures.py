"""The real program as a fixture: a stub, a home and a way to start any number of programs, all one test's own.

A conftest imports `claude_code`; it needs a fixture `tmux` beside it, as that of the tests of the sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.claude_code import fetch
from tests.claude_code.home import Home, prepare
from tests.claude_code.program import Program
from tests.claude_code.stub import Stub
from tests.sources.real_tmux import TmuxServer


@dataclass(frozen=True)
class ClaudeCode:
    """What one test has of it."""

    binary: Path
    tmux: TmuxServer
    home: Home
    stub: Stub

    def start(self, *arguments: str, session: str = "work", variables: Mapping[str, str] | None = None) -> Program:
        """Start one program with arguments beside the usual ones, and wait until it is idle."""
        program = Program(
            binary=self.binary,
            tmux=self.tmux,
            home=self.home,
            api=self.stub.url,
            session=session,
            arguments=(*Program.arguments, *arguments),
            variables=variables or {},
        )
        return program.started()


@pytest.fixture(scope="session")
def claude_binary(request: pytest.FixtureRequest) -> Path:
    """The program's file, fetched where it isn't there."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        return fetch.binary()
    with capture.global_and_fixture_disabled():  # half a minute without a word looks like a hang
        return fetch.binary()


@pytest.fixture
def claude_code(claude_binary: Path, tmux: TmuxServer, tmp_path: Path) -> Iterator[ClaudeCode]:
    """Claude Code, ready to be started in the test's own tmux server; ended with that server."""
    with Stub() as stub:
        yield ClaudeCode(claude_binary, tmux, prepare(tmp_path / "claude"), stub)
