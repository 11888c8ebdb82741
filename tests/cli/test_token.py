"""`token new|list|revoke`: what is printed once, what is kept, and the one line where something is wrong."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from telemetry.cli.token import app
from telemetry.web.tokens import digest_of, parse


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_new_token_is_printed_alone_and_only_its_hash_is_kept(state: Path) -> None:
    done = _run("new", "--name", "grafana", "--role", "read", "--expires", "90d")
    assert done.exit_code == 0
    token = done.stdout.strip()
    assert re.fullmatch(r"ort_[\w-]{43}", token)
    assert "grafana: role read, until 2" in done.stderr
    assert "from now on the dashboard and the API ask for a token" in done.stderr
    file = state / "tokens"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert token not in file.read_text()
    (kept,) = parse(file.read_text())
    assert (kept.name, kept.role, kept.digest) == ("grafana", "read", digest_of(token))


def test_without_a_name_each_has_its_number(state: Path) -> None:
    for role in ("operate", "operate", "read"):
        assert _run("new", "--role", role).exit_code == 0
    assert [token.name for token in parse((state / "tokens").read_text())] == ["operate-1", "operate-2", "read-1"]


def test_a_token_that_only_reports_is_noted_while_it_is_the_only_kind(state: Path) -> None:
    assert "this one only reports" in _run("new", "--role", "report").stderr
    assert "only reports" not in _run("new", "--role", "read").stderr


def test_they_are_listed_without_hashes(state: Path) -> None:
    assert _run("list").stdout == "no tokens: everybody on this machine may ask, unless the settings have one\n"
    _run("new", "--name", "boss")
    (state / "tokens").open("a").write(f"old read 2001-01-01T00:00:00Z sha256:{'0' * 64}\n")
    assert _run("list").stdout.splitlines() == [
        "NAME  ROLE     UNTIL",
        "boss  operate  never",
        "old   read     2001-01-01T00:00:00Z  expired",
    ]
    assert json.loads(_run("list", "--json").stdout) == {
        "tokens": [
            {"name": "boss", "role": "operate", "ends_at": None, "holds": True},
            {"name": "old", "role": "read", "ends_at": 978307200.0, "holds": False},
        ]
    }


def test_a_revoked_token_is_gone(state: Path) -> None:
    _run("new", "--name", "a")
    _run("new", "--name", "b")
    assert _run("revoke", "a").stdout == "a: revoked\n"
    assert [token.name for token in parse((state / "tokens").read_text())] == ["b"]
    assert "stays closed until it is started again" in _run("revoke", "b").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["new", "--role", "admin"], 2, "--role is 'admin': it must be one of read, operate, report"),
        (["new", "--expires", "soon"], 2, "--expires is 'soon': it must be a time such as 30m"),
        (["new", "--name", "two words"], 2, "--name: 'two words' is no name of a token"),
        (["new", "--name", "boss"], 1, "a token named boss exists already"),
        (["revoke", "nobody"], 1, "no token is named 'nobody'; there are: boss"),
    ],
)
def test_what_is_wrong_is_one_line_and_its_own_code(state: Path, arguments: list[str], code: int, said: str) -> None:
    _run("new", "--name", "boss")
    before = (state / "tokens").read_text()
    done = _run(*arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (state / "tokens").read_text() == before


@pytest.mark.parametrize(("text", "mode"), [("junk", 0o600), ("", 0o666)])
def test_a_file_that_cannot_be_used_stays_as_it_is(state: Path, text: str, mode: int) -> None:
    state.mkdir()
    (state / "tokens").write_text(text)
    (state / "tokens").chmod(mode)
    for command in (["new"], ["list"], ["revoke", "a"]):
        done = _run(*command)
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
        assert str(state / "tokens") in done.stderr
    assert (state / "tokens").read_text() == text
