"""The READMEs' commands have options that the programs have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import build
from tests.deploy.alerting import DEPLOY
from tests.deploy.flags import ACCEPTED, ELSEWHERE, HERE, Command, commands_of

READMES = sorted(DEPLOY.rglob("README.md"))
BUILT = {"alertmanager": "alertmanager", "amtool": "alertmanager", "loki": "loki", "prometheus": "prometheus"}
BUILT |= {"promtool": "prometheus"}


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_every_option_is_one_that_its_program_has(readme: Path) -> None:
    any_ones = set[str]().union(*ACCEPTED.values())
    for command in commands_of(readme):
        known = ACCEPTED.get(command.program, set()) if command.program else any_ones
        unknown = set(command.options) - known
        assert not unknown, f"{command.program or 'no program'} has no {unknown}; where it has: tests/deploy/flags.py"


def test_every_command_of_a_program_that_is_known_is_one_of_its_own() -> None:
    programs = {name.partition(" ")[0] for name in ACCEPTED}
    for command in (command for readme in READMES for command in commands_of(readme)):
        if command.program.partition(" ")[0] in programs and " " in command.program:
            assert command.program in ACCEPTED


def test_commands_are_found_as_a_shell_finds_them(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(
        "`-v` and `docker compose … up -d`\n\n"
        "    A=1 loki -config.file=x \\\n        -verify-config | curl -s 'a -b'  # --no\n"
        '    do install.sh "$(bin/helm upgrade x --wait)"; done\n'
        "    kubectl create -f - <<END\n    - kind: --x\n    END\n"
    )
    assert [one for one in commands_of(readme) if one.options] == [
        Command("loki", ["-config.file", "-verify-config"]),
        Command("curl", ["-s"]),
        Command("helm upgrade", ["--wait"]),
        Command("kubectl create", ["-f"]),
        Command("", ["-v"]),
        Command("docker compose", ["-d"]),
    ]


# --- what the programs say ------------------------------------------------------------------------------------------


def help_of(command: str) -> str:
    program, *subcommand = command.split()
    line = [program]
    if program in BUILT:
        line = [str(build.folder(BUILT[program]) / "bin" / program)]
    elif program == "orchestrator-telemetry":
        line = [sys.executable, "-m", "telemetry"]
        subcommand += ["build"] * (subcommand == ["collector"])
    asked = {"loki": ["-help"], "curl": ["--help", "all"], "python3": ["-h"], "amtool": ["--help-long"]}
    said = subprocess.run(
        [*line, *subcommand, *asked.get(program, ["--help"])],
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return (said.stdout + said.stderr).replace("[no-]", "")  # as in `--[no-]web.enable-…`


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(HERE))
def test_programs_have_what_is_said_of_them(command: str) -> None:
    said = help_of(command)
    assert "sage" in said, "its help"
    for option in HERE[command]:
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w.-])", said), option


def test_what_is_said_of_programs_is_said_once() -> None:
    assert not HERE.keys() & ELSEWHERE.keys()
