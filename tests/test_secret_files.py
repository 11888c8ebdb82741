"""Secrets from files: `NAME_FILE` instead of `NAME`, and what is said of a file that can't be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.collector import child_environment
from telemetry.secret_files import LONGEST, SECRETS, SecretFileError, read_into
from telemetry.settings import load


@pytest.mark.parametrize("name", SECRETS)
def test_a_file_is_as_good_as_the_variable(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("  https://somewhere.example/made-up \n")
    environ = {f"{name}_FILE": str(file)}
    read_into(environ)
    assert environ[name] == "https://somewhere.example/made-up"
    assert not [line for line in load(environ=environ, cwd=tmp_path).warnings if "not known" in line]


def test_an_empty_file_leaves_it_unset(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    environ = {"SMTP_PASSWORD_FILE": str(tmp_path / "secret")}
    read_into(environ)
    assert "SMTP_PASSWORD" not in environ


def test_the_same_value_twice_is_one(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("made-up\n")
    environ = {"SMTP_PASSWORD_FILE": str(tmp_path / "secret"), "SMTP_PASSWORD": "made-up"}
    read_into(environ)
    assert environ["SMTP_PASSWORD"] == "made-up"


@pytest.mark.parametrize(
    ("content", "already", "said"),
    [
        (b"made-up", "another", "SMTP_PASSWORD and SMTP_PASSWORD_FILE are both set: only one of them may be"),
        (None, "", "SMTP_PASSWORD_FILE: <file>: No such file or directory"),
        (b"\xff\xfe", "", "SMTP_PASSWORD_FILE: <file> is not text in UTF-8"),
        (b"x" * (LONGEST + 1), "", "SMTP_PASSWORD_FILE: <file> is longer than 64 KiB"),
    ],
    ids=["both", "missing", "binary", "huge"],
)
def test_one_line_says_what_is_wrong(content: bytes | None, already: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environ = {"SMTP_PASSWORD_FILE": str(file)} | ({"SMTP_PASSWORD": already} if already else {})
    before = dict(environ)
    with pytest.raises(SecretFileError) as raised:
        read_into(environ)
    assert str(raised.value) == said.replace("<file>", str(file))
    assert environ == before


def test_the_collector_is_not_given_them(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("made-up\n")
    environ = {"SMTP_PASSWORD_FILE": str(tmp_path / "secret"), "SMTP_USER": "ann"}
    read_into(environ)
    given = child_environment(environ)
    assert "SMTP_PASSWORD" not in given
    assert given["SMTP_USER"] == "ann"


@pytest.mark.slow
def test_every_command_begins_with_them(tmp_path: Path) -> None:
    def config(**environ: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "telemetry", "config", "--json"]
        known = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
        return subprocess.run(
            program, env=known | environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    (tmp_path / "slack").write_text("https://hooks.slack.com/services/made/up\n")
    done = config(SLACK_WEBHOOK_URL_FILE=str(tmp_path / "slack"))
    assert done.returncode == 0, done.stderr
    assert "SLACK_WEBHOOK_URL" in done.stdout
    assert "made/up" not in done.stdout + done.stderr
    wrong = config(SLACK_WEBHOOK_URL_FILE=str(tmp_path / "nothing"))
    assert wrong.returncode == 2
    assert wrong.stderr == (
        f"orchestrator-telemetry: SLACK_WEBHOOK_URL_FILE: {tmp_path / 'nothing'}: No such file or directory\n"
    )
