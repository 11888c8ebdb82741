"""The tab key in real shells: commands, flags, names of agents and ids of alerts, and never a word run as code."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.cli import COMMANDS, COMPLETION, nearby
from telemetry.cli.completing import _unquoted
from telemetry.settings import load
from tests.cli.boards import agent, alert
from tests.daemons import ROOT, environment, run
from tests.waiting import eventually

STATE = ".local/state/orchestrator-telemetry"
NAMES = (
    "grand_boss",
    "worker-1",
    "日本語",
    "$(touch hacked)",
    "`touch hacked`",
    'a"; touch hacked; "',
    "x\ny",
    "=ls",
    "--all",
)


def asked(home: Path, *words: str, **more: str) -> list[str]:
    """What the program offers for a line, without what it means."""
    line = "\n".join(["orchestrator-telemetry", *words])
    done = run(home, **{COMPLETION: line}, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return [one.partition("\t")[0] for one in done.stdout.splitlines()]


class _Answers(BaseHTTPRequestHandler):
    """A daemon of which only the answers are there."""

    def do_GET(self) -> None:
        known = {"clusters": [{"name": "main", "agents": [agent(name) for name in NAMES]}]}
        alerts = {"alerts": [alert("3f2a9c01de", "grand_boss"), alert("77c2ab0712", "", "warning")]}
        body = json.dumps(alerts if "alerts" in self.path else known).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "here"

    def log_message(self, *_: Any) -> None:
        """Not in a test's output."""


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home in which a monitor runs, as far as the shell can tell."""
    folder = tmp_path / STATE
    folder.mkdir(parents=True)
    here = Path.cwd()
    os.chdir(folder)  # a socket's path is short
    try:
        server = socketserver.ThreadingUnixStreamServer("daemon.sock", _Answers)
    finally:
        os.chdir(here)
    with _serving(server):
        yield tmp_path


@given(st.text())
def test_no_word_that_is_being_typed_is_an_error(word: str) -> None:
    assert isinstance(_unquoted(word), str)


@pytest.mark.parametrize(
    ("flag", "environ", "file"),
    [
        (None, {}, None),
        ("/somewhere", {}, "state_dir: /elsewhere\n"),
        (None, {"ORCHESTRATOR_STATE_DIR": "/by/variable"}, "state_dir: /elsewhere\n"),
        (None, {"XDG_STATE_HOME": "/xdg"}, None),
        (None, {"XDG_STATE_HOME": "relative"}, None),
        (None, {}, "check_interval: 5\nstate_dir: 'kept here'  # a remark\n"),
        (None, {}, "check_interval: 5\n"),
    ],
)
def test_the_state_folder_is_the_one_that_the_settings_name(
    tmp_path: Path, flag: str | None, environ: dict[str, str], file: str | None
) -> None:
    known = {"HOME": str(tmp_path), **environ}
    if file is not None:
        (tmp_path / "orchestrator-telemetry.yaml").write_text(file)
    flags = {} if flag is None else {"state_dir": ("--state-dir", flag)}
    expected = load(flags, environ=known, cwd=tmp_path).settings.state_dir
    assert nearby.state_dir(flag, None, known, tmp_path) == expected


@pytest.mark.slow
def test_words_are_offered_where_they_belong(home: Path) -> None:
    assert asked(home, "") == list(COMMANDS)
    assert asked(home, "st") == ["status", "store"]
    assert asked(home, "status", "--st") == ["--state-dir", "--state"]
    assert asked(home, "status", "--state", "busy,w") == ["busy,waiting"]
    assert asked(home, "alerts", "un") == ["unsilence"]
    assert asked(home, "completion", "") == ["bash", "fish", "zsh"]
    assert asked(home, "alerts", "ack", "") == ["3f2a9c01de", "77c2ab0712"]
    assert asked(home, "alerts", "ack", "7") == ["77c2ab0712"]
    assert asked(home, "status", "--cluster=m") == ["main"]
    for line in (("logs",), ("forget",), ("check", "--explain"), ("alerts", "history", "--agent")):
        assert asked(home, *line, "") == ["grand_boss", "worker-1", "日本語"], line
    assert asked(home, "logs", "--config", "") == []


@pytest.mark.slow
def test_without_a_monitor_there_are_no_names_and_no_complaint(tmp_path: Path) -> None:
    assert asked(tmp_path, "logs", "") == []
    assert asked(tmp_path, "alerts", "ack", "", ORCHESTRATOR_STATE_DIR="/dev/null") == []
    folder = tmp_path / STATE
    folder.mkdir(parents=True)
    (folder / "daemon.sock").write_text("no socket")
    assert asked(tmp_path, "logs", "") == []
    assert asked(tmp_path, "nonsense", "--nothing", "'") == []


@pytest.mark.slow
def test_an_answer_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            over.wait(30)

    over = threading.Event()
    folder = Path("/tmp") / f"ot-{secrets.token_hex(4)}"  # noqa: S108 - a socket's path is short
    folder.mkdir(mode=0o700)
    try:
        with _serving(server := socketserver.ThreadingUnixStreamServer(str(folder / "daemon.sock"), Silent)):
            server.daemon_threads = True
            assert nearby.ask(folder, "/api/v1/agents") == {}
            over.set()
    finally:
        shutil.rmtree(folder)
    assert tmp_path.exists()


@pytest.mark.slow
def test_the_script_of_an_unknown_shell_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "completion", "csh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "orchestrator-telemetry: the shell is 'csh': it must be one of bash, zsh, fish\n"
    assert run(tmp_path, "completion", SHELL="/usr/bin/fish").stdout.startswith("function __orchestrator_telemetry")


# --- real shells -----------------------------------------------------------------------------------------------------


def shell(name: str) -> str:
    found = os.environ.get(f"TEST_{name.upper()}") or shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not on this machine: the README lists what `make test` needs")
    return found


def program(home: Path) -> Path:
    """The program under its name, as a person has it, and the script of a shell beside it."""
    file = home / "bin" / "orchestrator-telemetry"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m telemetry "$@"\n')
    file.chmod(0o755)
    for kind in ("bash", "zsh", "fish"):
        (home / f"script.{kind}").write_text(run(home, "completion", kind).stdout)
    return file


class Typing:
    """A shell in a tmux pane, and what stands on its screen when keys were pressed."""

    def __init__(self, home: Path, line: str) -> None:
        self._socket = f"test-{os.getpid()}-{secrets.token_hex(4)}"
        path = f"{program(home).parent}:{os.environ['PATH']}"
        variables = environment(home, PATH=path, TERM="screen", LC_ALL="C.UTF-8", LANG="C.UTF-8", PS1="$ ")
        more = [f"{key}={value}" for key, value in variables.items()]
        self(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "40",
            "-c",
            str(home),
            "env",
            "-i",
            *more,
            "sh",
            "-c",
            line,
        )

    def __call__(self, *arguments: str) -> str:
        line = ["tmux", "-u", "-L", self._socket, *arguments]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=10).stdout

    def screen(self) -> str:
        return self("capture-pane", "-p", "-J")

    def press(self, text: str, *keys: str) -> None:
        self("send-keys", "-l", text)
        for key in keys:
            self("send-keys", key)

    def close(self) -> None:
        path = self("display-message", "-p", "#{socket_path}").strip()
        self("kill-server")
        if path:
            Path(path).unlink(missing_ok=True)


STARTS = {
    "bash": "exec {shell} --norc --noprofile -i",
    "zsh": "exec {shell} -f -i",
    "fish": "exec {shell} --no-config -i",
}
SOURCES = {
    "bash": "source script.bash; echo rea''dy",
    "zsh": "autoload -U compinit; compinit -u; source script.zsh; echo rea''dy",
    "fish": "source script.fish; echo rea''dy",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_the_tab_key_in_a_real_shell(home: Path, kind: str) -> None:
    typing = Typing(home, STARTS[kind].format(shell=shell(kind)))
    try:
        eventually(lambda: typing.screen().strip(), what="a prompt")
        typing.press(SOURCES[kind], "Enter")
        eventually(lambda: "\nready" in typing.screen(), what="the script")
        for line, completed in (
            ("orchestrator-telemetry stat", "orchestrator-telemetry status"),
            ("orchestrator-telemetry logs gra", "orchestrator-telemetry logs grand_boss"),
            ("orchestrator-telemetry alerts ack 3", "orchestrator-telemetry alerts ack 3f2a9c01de"),
            ("orchestrator-telemetry status --cluster m", "orchestrator-telemetry status --cluster main"),
        ):
            typing.press(line, "Tab")
            eventually(lambda want=completed: want in typing.screen(), what=completed)  # type: ignore[misc]
            typing.press("", "C-u")
        typing.press("orchestrator-telemetry logs ", "Tab", "Tab")
        eventually(lambda: "worker-1" in typing.screen() and "日本語" in typing.screen(), what=typing.screen())
        assert "touch" not in typing.screen()
        assert not (home / "hacked").exists()
    finally:
        typing.close()
