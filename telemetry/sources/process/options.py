"""The settings of a process source."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, model_validator

from telemetry.clean import clean_name
from telemetry.fields import A_NAME, STRICT, About, Name, SomePath

_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}\Z")  # as systemd.unit(5) has it; no wildcards
_WAYS = ("pid_file", "command", "unit")


def _a_pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if not text:
        raise ValueError("it would be every process")
    return text


def _a_unit(text: str) -> str:
    if not _UNIT_NAME.match(text):
        raise ValueError("no name of a unit")
    return text


class ProcessAgent(BaseModel):
    """One agent, and by what its process is found: exactly one of `pid_file`, `command` and `unit`."""

    model_config = STRICT
    name: Annotated[Name, About(A_NAME)]
    role: Annotated[Name | None, About(A_NAME)] = None
    pid_file: Annotated[SomePath | None, About("the path of a file that holds a process id")] = None
    command: Annotated[
        Annotated[str, AfterValidator(_a_pattern)] | None,
        About("a regular expression, looked for in the command line, whose arguments are joined by blanks"),
    ] = None
    unit: Annotated[
        Annotated[str, AfterValidator(_a_unit)] | None, About("the name of a systemd unit, without wildcards")
    ] = None
    user: Annotated[bool, About("true or false")] = False
    """The unit is one of the user's own systemd, not of the system's."""

    @model_validator(mode="after")
    def _found_in_one_way(self) -> Self:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError(f"it must have exactly one of the keys {', '.join(_WAYS)}")
        if self.user and self.unit is None:
            raise ValueError("the key user goes with a unit only")
        return self


class ProcessOptions(BaseModel):
    """Which processes are agents."""

    model_config = STRICT
    agents: Annotated[
        tuple[ProcessAgent, ...], About("a list of agents: - {name: …, and pid_file: …, command: … or unit: …}")
    ] = ()
    """Only a settings file has them."""

    @model_validator(mode="after")
    def _names_of_their_own(self) -> Self:
        names = [clean_name(agent.name) for agent in self.agents]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two agents are called {twice!r}: each needs a name of its own")
        return self
