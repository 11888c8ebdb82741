"""The options that commands share, and what all commands do with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from telemetry.cli import suggest

if TYPE_CHECKING:
    from telemetry.settings import Flags, Loaded

ConfigFile = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Settings file instead of ./orchestrator-telemetry.yaml.")
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="development (default), staging or production.")
]
Interval = Annotated[str | None, typer.Option("--interval", metavar="SECONDS", help="Seconds between two checks.")]
ClusterPattern = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="PATTERN",
        help="These clusters only; * and ? are patterns.",
        autocompletion=suggest.clusters,
    ),
]
ClusterFile = Annotated[
    str | None,
    typer.Option("--cluster-file", metavar="FILE", help="The orchestrator's own YAML, which names the agents."),
]
TmuxSession = Annotated[
    str | None, typer.Option("--tmux-session", metavar="NAME", help="Watch this tmux session only.")
]
TmuxSocket = Annotated[
    str | None, typer.Option("--tmux-socket", metavar="NAME", help="Another tmux server: a name (tmux -L) or a path.")
]
Sources = Annotated[
    str | None,
    typer.Option("--source", metavar="NAMES", help="auto (default), or some of tmux, claude, process, push."),
]
StateDir = Annotated[
    str | None, typer.Option("--state-dir", metavar="FOLDER", help="Where the store, the lock and the logs are kept.")
]
LogLevel = Annotated[
    str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info (default), warning, error or critical.")
]
Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Where the dashboard listens (127.0.0.1).")]
Port = Annotated[str | None, typer.Option("--port", metavar="PORT", help="Its port (8000); 0 takes any free one.")]

_KEYS = {
    "profile": ("--profile", "profile"),
    "interval": ("--interval", "check_interval"),
    "cluster_file": ("--cluster-file", "cluster_file"),
    "tmux_session": ("--tmux-session", "tmux.session"),
    "tmux_socket": ("--tmux-socket", "tmux.socket"),
    "source": ("--source", "sources"),
    "state_dir": ("--state-dir", "state_dir"),
    "log_level": ("--log-level", "log.level"),
    "host": ("--host", "dashboard.host"),
    "port": ("--port", "dashboard.port"),
}

BAD_SETTINGS = 2
CANNOT_START = 1


def flags(**given: str | None) -> Flags:
    """What the command line gave, by the settings' keys."""
    return {key: (flag, given[name]) for name, (flag, key) in _KEYS.items() if given.get(name) is not None}


def settings(config: str | None, given: Flags) -> Loaded:
    """The settings; ends the process with one line and code 2 where one is wrong. Warnings go to standard error."""
    from telemetry.settings import SettingsError, load  # a tenth of a second that --help does without

    try:
        loaded = load(given, file=config)
    except SettingsError as error:
        fail(str(error), BAD_SETTINGS)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    return loaded


def say(line: str) -> None:
    """One line for the person at the terminal, on standard error: standard output belongs to data."""
    print(line, file=sys.stderr, flush=True)


def fail(why: str, code: int = CANNOT_START) -> NoReturn:
    """Ends the process with one line."""
    say(f"orchestrator-telemetry: {why}")
    raise typer.Exit(code)
