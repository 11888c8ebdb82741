"""Where files belong on this machine, by the XDG base directory specification."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

APP = "orchestrator-telemetry"


def default_state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """`$XDG_STATE_HOME/orchestrator-telemetry`, which is below ~/.local/state where that isn't set."""
    return _base("XDG_STATE_HOME", ".local/state", os.environ if environ is None else environ) / APP


def settings_files(environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """Where a settings file is looked for without ORCHESTRATOR_CONFIG: the first that exists is read."""
    return (cwd / f"{APP}.yaml", _base("XDG_CONFIG_HOME", ".config", environ) / APP / "config.yaml")


def _base(variable: str, below_home: str, environ: Mapping[str, str]) -> Path:
    given = environ.get(variable, "")
    if Path(given).is_absolute():  # the specification: a relative one is to be ignored
        return Path(given)
    return Path(environ.get("HOME") or Path.home()) / below_home
