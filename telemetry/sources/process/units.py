"""Agents that are systemd units: what systemd itself says of them, by one call of `systemctl show` for all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from telemetry.clean import clean_line, clean_name
from telemetry.exits import describe_exit
from telemetry.sources.process.census import Census
from telemetry.sources.process.sight import Sight, is_hidden

_PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,MainPID,ExecMainStatus,ExecMainCode,NRestarts"
_TIMEOUT = 3.0
_LONGEST_NUMBER = 18
_MOST_MISSED = 1000
_EXITED, _KILLED, _DUMPED = "1", "2", "3"
"""`ExecMainCode`, as `si_code` of waitid(2)."""

_RESULTS = {
    "timeout": "it was not ready, or did not stop, in time",
    "watchdog": "it gave its watchdog no sign of life",
    "start-limit-hit": "it was started too often",
    "oom-kill": "the system ran out of memory",
    "resources": "the system refused what it needs",
    "protocol": "it did not start as its unit says",
    "exec-condition": "its ExecCondition does not hold",
}
_MISSING = {"not-found": "systemd knows no unit {}", "masked": "unit {} is masked"}


class UnitError(Exception):
    """systemd can't be asked; the message says why, in one line."""


class Unit(NamedTuple):
    """What systemd says of one unit, in its own words; numbers that it doesn't give are 0."""

    load_state: str
    active_state: str
    sub_state: str
    result: str
    main_pid: int
    restarts: int
    exit_status: int | None

    @classmethod
    def from_properties(cls, values: dict[str, str]) -> Unit:
        code, status = values.get("ExecMainCode", ""), _number(values.get("ExecMainStatus"))
        return cls(
            load_state=values.get("LoadState", ""),
            active_state=values.get("ActiveState", ""),
            sub_state=values.get("SubState", ""),
            result=values.get("Result", ""),
            main_pid=_number(values.get("MainPID")),
            restarts=_number(values.get("NRestarts")),
            exit_status={_EXITED: status, _KILLED: -status, _DUMPED: -status}.get(code),
        )


def ask_systemd(units: Sequence[str], *, user: bool) -> list[Unit]:
    """What systemd says of these units, in their order.

    Args:
        units: Names without wildcards.
        user: Ask the user's own systemd instead of the system's.

    Raises:
        UnitError: There is none, or it gives no answer.
    """
    shown = "systemctl --user" if user else "systemctl"
    command = ["systemctl", *(["--user"] if user else []), "show", f"--property={_PROPERTIES}", "--no-pager", "--"]
    try:
        done = subprocess.run(
            [*command, *units],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
        )
    except FileNotFoundError:
        raise UnitError("this machine has no systemctl") from None
    except subprocess.TimeoutExpired:
        raise UnitError(f"{shown} gave no answer within {_TIMEOUT:g} s") from None
    except OSError as error:
        raise UnitError(f"{shown} can't be started: {error.strerror}") from None
    if done.returncode != 0:
        said = clean_line(done.stderr.decode("utf-8", "replace"), limit=300)
        raise UnitError(f"{shown}: {said or f'it ended with status {done.returncode}'}")
    blocks = done.stdout.decode("utf-8", "replace").strip("\n").split("\n\n")
    if len(blocks) != len(units):
        raise UnitError(f"{shown} gave {len(blocks)} answers about {len(units)} units")
    return [Unit.from_properties(dict(_pair(line) for line in block.splitlines())) for block in blocks]


def see_unit(name: str, called: str, unit: Unit, census: Census) -> Sight:
    """The agent that a unit is: its main process, or why there is none."""
    entry = census.alive(unit.main_pid)
    if entry is not None:
        return Sight(name, entry, running=True)
    if unit.active_state == "active" and unit.sub_state == "running":
        # systemd knows it by its control group without a main process, or /proc hides that from us.
        hidden = unit.main_pid if unit.main_pid not in census.entries else 0
        if hidden == unit.main_pid and (not hidden or is_hidden(hidden)):
            return Sight(name, running=True, pid=hidden or None)
    return Sight(name, reason=_why_stopped(clean_name(called), unit), status=unit.exit_status)


class UnitRestarts:
    """The restarts that systemd counted between two checks, of which one sees the last only."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def counted(self, sight: Sight, unit: Unit) -> Sight:
        """What was seen of a unit, with the restarts that were missed."""
        if not sight.running:
            return sight
        before = self._before.get(sight.name, unit.restarts)
        self._before[sight.name] = unit.restarts
        return sight._replace(missed=min(max(0, unit.restarts - before - 1), _MOST_MISSED))


def _why_stopped(called: str, unit: Unit) -> str:
    missing = _MISSING.get(unit.load_state)
    if missing:
        return missing.format(called)
    words = [f"unit {called} is {clean_name(unit.active_state)} ({clean_name(unit.sub_state)})"]
    if unit.exit_status is not None:
        words.append(describe_exit(unit.exit_status))
    if unit.result in _RESULTS:
        words.append(_RESULTS[unit.result])
    if unit.sub_state.startswith("auto-restart"):
        words.append("systemd starts it again")
    return ": ".join([words[0], ", ".join(words[1:])]) if words[1:] else words[0]


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key, value


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else 0
