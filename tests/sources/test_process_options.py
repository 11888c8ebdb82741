"""What may be configured of a process source, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telemetry.sources.process.source import KIND, ProcessOptions


def test_one_of_each() -> None:
    options = ProcessOptions.model_validate(
        {
            "agents": [
                {"name": "a", "role": "reviewer", "pid_file": "~/a.pid"},
                {"name": "b", "command": "python .*agent"},
                {"name": "c", "unit": "agent@3.service", "user": True},
            ]
        }
    )
    assert options.agents[0].pid_file == Path.home() / "a.pid"
    assert KIND.look(options).there
    assert KIND.look(options).why == "3 agents configured by pid_file, command, unit"


def test_nobody_configured() -> None:
    found = KIND.look(ProcessOptions())
    assert (found.there, found.why) == (False, "no agent is configured by pid file, command or unit")


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ({}, "it must have exactly one of the keys pid_file, command, unit"),
        ({"pid_file": "/x", "unit": "y"}, "it must have exactly one of the keys pid_file, command, unit"),
        ({"command": "(", "unit": "y"}, "missing ), unterminated subpattern at position 0"),
        ({"command": ""}, "it would be every process"),
        ({"command": "x{99999999999}"}, "the repetition number is too large"),
        ({"unit": "a*"}, "no name of a unit"),
        ({"unit": "--now"}, "no name of a unit"),
        ({"unit": "a\n"}, "no name of a unit"),
        ({"pid_file": "/x", "user": True}, "the key user goes with a unit only"),
    ],
)
def test_refused(agent: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ProcessOptions.model_validate({"agents": [{"name": "a"} | agent]})
    (error,) = caught.value.errors()
    assert error["msg"] == f"Value error, {message}"
    assert error["loc"][:2] == ("agents", 0)


@pytest.mark.parametrize("second", ["a", " a"])
def test_names_are_unique(second: str) -> None:
    agents = [{"name": "a", "command": "x"}, {"name": second, "command": "y"}]
    with pytest.raises(ValidationError) as caught:
        ProcessOptions.model_validate({"agents": agents})
    assert caught.value.errors()[0]["msg"] == "Value error, two agents are called 'a': each needs a name of its own"
