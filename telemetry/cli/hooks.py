"""`orchestrator-telemetry hooks …`: have Claude Code tell the monitor what its sessions do."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = """Have Claude Code tell the monitor what its sessions do, by hooks in its settings file.

\b
Examples:
  orchestrator-telemetry hooks print
  orchestrator-telemetry hooks install
  orchestrator-telemetry hooks install --project . --url http://127.0.0.1:8000
  orchestrator-telemetry hooks remove

Nothing else in the file is touched; what changes is printed. A hook costs an agent the milliseconds of one request to
this machine, nothing where no monitor runs, and one second at most. What it holds of prompts and tools is not kept. The
monitor never answers in an agent's place: permissions stay with you.

Exit codes: 0 done, or there was nothing to do, 1 the file can't be changed, 2 a setting or a flag is wrong.
"""

app = typer.Typer(name="hooks", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)

LONGEST = 5 * 1024 * 1024

SettingsFile = Annotated[
    str | None,
    typer.Option(
        "--settings", metavar="FILE", help="This file instead of ~/.claude/settings.json (CLAUDE_CONFIG_DIR)."
    ),
]
Project = Annotated[
    str | None, typer.Option("--project", metavar="FOLDER", help="FOLDER/.claude/settings.json: that project only.")
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Where the monitor is; by default where it would listen.")
]
Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="Whose the sessions are, where several are watched.")
]
Token = Annotated[
    bool | None,
    typer.Option(
        "--token/--no-token", help="Whether they show $ORCHESTRATOR_TOKEN; by default where that is set here."
    ),
]
Events = Annotated[
    str | None, typer.Option("--events", metavar="NAMES", help="Only these, joined by commas; by default all of use.")
]


@app.command()
def install(
    *,
    settings_file: SettingsFile = None,
    project: Project = None,
    url: Url = None,
    cluster: Cluster = None,
    events: Events = None,
    token: Token = None,
    config: opt.ConfigFile = None,
) -> None:
    """Write them into the settings file; those that are there get this address."""
    from telemetry.hooks import entries as hooks

    path = _path(settings_file, project)
    target, chosen = _address(url, cluster, config), _events(events)
    shown = _shows_token(token)
    after = _change(path, lambda text: hooks.installed(text, target, chosen, token=shown), "hooks are there already")
    for line in hooks.obstacles(after, target, token=shown):
        opt.say(f"warning: {path}: {line}")


@app.command("print")
def show(
    *,
    url: Url = None,
    cluster: Cluster = None,
    events: Events = None,
    token: Token = None,
    config: opt.ConfigFile = None,
) -> None:
    """Show what `install` writes, to be put into a file by hand."""
    from json import dumps

    from telemetry.hooks import entries as hooks

    target = _address(url, cluster, config)
    print(dumps(hooks.block(target, _events(events), token=_shows_token(token)), indent=2))


@app.command()
def remove(*, settings_file: SettingsFile = None, project: Project = None) -> None:
    """Take them out again: those whose address is that of a monitor's hooks, and nothing else."""
    from telemetry.hooks import entries as hooks

    _change(_path(settings_file, project), hooks.removed, "no hooks of ours are there")


def _path(settings_file: str | None, project: str | None) -> Path:
    if settings_file is not None and project is not None:
        opt.fail("--settings and --project name two files: give one", opt.BAD_SETTINGS)
    if settings_file is not None:
        return Path(settings_file).expanduser()
    if project is not None:
        if not Path(project).is_dir():
            opt.fail(f"--project is {project!r}: it must be a folder", opt.BAD_SETTINGS)
        return Path(project) / ".claude" / "settings.json"
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path("~/.claude").expanduser()) / "settings.json"


def _address(url: str | None, cluster: str | None, config: str | None) -> str:
    from telemetry.hooks import entries as hooks

    try:
        return hooks.address(url or _where_it_listens(cluster, config), cluster)
    except ValueError as error:
        opt.fail(f"--url: {error}", opt.BAD_SETTINGS)


def _shows_token(wished: bool | None) -> bool:
    """Only the variable's name is written: Claude Code has to have it in its own environment."""
    from telemetry.control import TOKEN_VARIABLE

    return bool(os.environ.get(TOKEN_VARIABLE)) if wished is None else wished


def _where_it_listens(cluster: str | None, config: str | None) -> str:
    """By the settings; ends the process with one line where they don't tell."""
    settings = opt.settings(config, {}).settings
    names = [known.name for known in settings.clusters]
    if cluster is None and len(names) > 1:
        opt.fail(f"several clusters are watched: --cluster must be one of {', '.join(names)}", opt.BAD_SETTINGS)
    if cluster is not None and names and cluster not in names:
        opt.fail(f"--cluster is {cluster!r}: it must be one of {', '.join(names)}", opt.BAD_SETTINGS)
    address, port = settings.dashboard.address, settings.dashboard.port
    if not port:
        opt.fail("dashboard.port is 0, any free port: --url must say where the monitor is", opt.BAD_SETTINGS)
    is_v4 = address.version == 4  # noqa: PLR2004 - the protocol's version
    scheme = "https" if settings.dashboard.tls_cert else "http"
    if address.is_unspecified:
        return f"{scheme}://{'127.0.0.1' if is_v4 else '[::1]'}:{port}"
    return f"{scheme}://{address if is_v4 else f'[{address}]'}:{port}"


def _events(names: str | None) -> tuple[str, ...]:
    from telemetry.hooks import entries as hooks

    if names is None:
        return hooks.EVENTS
    chosen = tuple(dict.fromkeys(names.replace(",", " ").split()))
    for name in chosen:
        if name not in hooks.EVENTS:
            opt.fail(f"--events: {name!r} is not possible; allowed are {', '.join(hooks.EVENTS)}", opt.BAD_SETTINGS)
    if not chosen:
        opt.fail(f"--events is empty; allowed are {', '.join(hooks.EVENTS)}", opt.BAD_SETTINGS)
    return chosen


def _change(path: Path, edit: Callable[[str], str], nothing: str) -> str:
    """Rewrites the file by `edit` and prints what changed; ends the process with one line where it can't be done."""
    from telemetry.hooks.rewriting import RewriteError, read, rewrite

    try:
        before = read(path, LONGEST)
        after = edit(before or "")
        changed = after != before and not (before is None and not after.strip("{} \n"))
        if changed:
            rewrite(path, before, after)
    except RewriteError as error:
        opt.fail(str(error))
    except ValueError as error:
        opt.fail(f"{path}: {error}: nothing was changed")
    if changed:
        _print_difference(path, before or "", after)
    else:
        print(f"{path}: {nothing}, nothing was changed")
    return after


def _print_difference(path: Path, before: str, after: str) -> None:
    from difflib import unified_diff

    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"{path} (before)", f"{path} (after)"
    )
    for line in lines:
        sys.stdout.write(line if line.endswith("\n") else f"{line}\n")
