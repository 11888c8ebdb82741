"""`orchestrator-telemetry store …`: a copy of what the monitor keeps, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.cli import options as opt

if TYPE_CHECKING:
    from telemetry.settings import Settings
    from telemetry.store.recovery import Contents

HELP = """Back up and restore what the monitor keeps: alerts, silences, messages that wait, history, expected agents.

\b
Examples:
  orchestrator-telemetry store backup /backup/store-$(date +%F).sqlite3     # while the monitor runs
  orchestrator-telemetry store restore /backup/store-2026-11-27.sqlite3     # while it does not
  orchestrator-telemetry store restore STATE_FOLDER/store.sqlite3.v4        # as it was before the last upgrade

Exit codes: 0 done, 1 it could not be done, and all is as it was, 2 a setting is wrong.
"""

app = typer.Typer(name="store", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file; one that exists is left alone.")],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
) -> None:
    """Copy the store as it is now into one file, whether or not a monitor uses it."""
    from telemetry import watching
    from telemetry.store import StoreError
    from telemetry.store.recovery import back_up

    path = watching.store_path(_settings(config, state_dir))
    try:
        contents = back_up(path, file)
    except StoreError as error:
        opt.fail(str(error))
    print(f"{file}: {_said(contents)}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `store backup` wrote, or an upgrade kept.")],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
) -> None:
    """Put a backup in the place of the store. No monitor may run; the store that was there is kept beside it."""
    from telemetry import lockfile, watching
    from telemetry.store import StoreError
    from telemetry.store.recovery import restore as put_back

    settings = _settings(config, state_dir)
    path = watching.store_path(settings)
    try:
        with lockfile.Lock(settings.state_dir):
            restored = put_back(path, file)
    except (StoreError, lockfile.LockedError) as error:
        opt.fail(str(error))
    except OSError as error:
        opt.fail(f"the state folder {settings.state_dir} can't be used: {error.strerror}")
    print(f"{path}: {_said(restored.contents)}")
    if restored.before is not None:
        print(f"what was there before: {restored.before}")


def _settings(config: str | None, state_dir: str | None) -> Settings:
    return opt.settings(config, opt.flags(state_dir=state_dir)).settings


def _said(contents: Contents) -> str:
    return f"open alerts: {contents.alerts}, silences: {contents.silences}, messages that wait: {contents.messages}"
