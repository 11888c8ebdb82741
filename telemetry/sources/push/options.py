"""The settings of a push source."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from telemetry.fields import A_SECOND, STRICT, About, Number, Seconds, Whole

_MONTH = 30 * 86_400


class PushOptions(BaseModel):
    """How long what was sent holds, and of how many agents."""

    model_config = STRICT
    ttl: Annotated[Seconds, About(A_SECOND, "ORCHESTRATOR_PUSH_TTL")] = 60.0
    """Seconds without an event after which an agent that reports itself is unresponsive, where it named no other time.
    Sessions of Claude Code promise nothing: theirs is the time in `hooks`."""
    forget_after: Annotated[
        Number, Field(ge=1, le=_MONTH), About("a number of seconds from 1 to 2592000", "ORCHESTRATOR_PUSH_FORGET_AFTER")
    ] = 86_400.0
    """Seconds without an event after which an agent is no longer expected."""
    most_agents: Annotated[
        Whole, Field(ge=1, le=100_000), About("a whole number from 1 to 100000", "ORCHESTRATOR_PUSH_MOST_AGENTS")
    ] = 1000
    """So many are held; an event of a further one is refused."""
