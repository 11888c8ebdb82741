"""The settings of a claude source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from telemetry.fields import A_FOLDER, A_NAME, STRICT, About, Name, SomePath


class ClaudeOptions(BaseModel):
    """Where Claude Code keeps its files, and whose are looked at.

    Attributes:
        config_dir: Claude Code's own folder; left out: `.claude` in the home folder.
        team: Only the members of this team; left out: every session and every team.
    """

    model_config = STRICT

    config_dir: Annotated[SomePath | None, About(A_FOLDER, "CLAUDE_CONFIG_DIR")] = None
    team: Annotated[Name | None, About(A_NAME, "ORCHESTRATOR_CLAUDE_TEAM")] = None

    @property
    def folder(self) -> Path:
        """The folder that is looked at."""
        return self.config_dir or Path.home() / ".claude"
