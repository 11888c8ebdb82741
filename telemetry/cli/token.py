"""`orchestrator-telemetry token …`: who may ask the dashboard and the API."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from telemetry.web.tokens import Token

HELP = """Make, list and revoke the tokens that the dashboard and the API ask for.

\b
Examples:
  orchestrator-telemetry token new                                     # everything, for ever
  orchestrator-telemetry token new --name grafana --role read --expires 90d
  orchestrator-telemetry token new --name workers --role report        # for ORCHESTRATOR_TOKEN of agents elsewhere
  orchestrator-telemetry token list
  orchestrator-telemetry token revoke grafana

The state folder keeps a hash of each, never the token itself: it is shown once. A monitor that runs notices at once. As
long as there is no token, everybody on this machine may ask; from the first one on, a token is asked for. The socket in
the state folder, by which these commands work, needs none.

Exit codes: 0 done, 1 the file can't be used, or there is no such token, 2 a setting or a flag is wrong.
"""

app = typer.Typer(name="token", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.command("new")
def make(
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Whose it is; by default its role with a number.")
    ] = None,
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="read, operate (default), or report: only what agents send.")
    ] = "operate",
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="How long it holds, such as 12h or 90d; else for ever."),
    ] = None,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
) -> None:
    """Make a token and print it, this once."""
    from time import time

    from telemetry.cli import asking
    from telemetry.web import tokens
    from telemetry.web.identity import Role

    if role not in set(Role):
        opt.fail(f"--role is {role!r}: it must be one of {', '.join(Role)}", opt.BAD_SETTINGS)
    ends_at = None if expires is None else float(int(time() + asking.seconds(expires, "--expires")))
    if name is not None:
        try:
            tokens.name_checked(name)
        except tokens.TokenError as error:
            opt.fail(f"--name: {error}", opt.BAD_SETTINGS)
    made = tokens.made()
    fresh: list[Token] = []

    def added(held: Sequence[Token]) -> Sequence[Token]:
        names = {token.name for token in held}
        if name in names:
            opt.fail(f"a token named {name} exists already: revoke it first, or choose another --name")
        chosen = name or next(free for number in range(1, len(names) + 2) if (free := f"{role}-{number}") not in names)
        fresh.append(tokens.Token(chosen, Role(role), tokens.digest_of(made), ends_at))
        return [*held, *fresh]

    before, after = _change(_path(config, state_dir), added)
    print(made)
    opt.say(f"{fresh[0].name}: role {role}, until {tokens.until(fresh[0])}; shown this once, only its hash is kept")
    if not any(token.role is not Role.REPORT for token in after):
        opt.say(
            "note: from now on the dashboard asks for a token, and this one only reports: make one to read with, too"
        )
    elif not before:
        opt.say("from now on the dashboard and the API ask for a token")


@app.command("list")
def show(
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Show names, roles and ends. Those of ORCHESTRATOR_DASHBOARD_TOKEN and the like aren't in the file."""
    from time import time

    from telemetry.cli.screen import print_json
    from telemetry.web.tokens import until

    held, now = _read(_path(config, state_dir)), time()
    if json:
        print_json(
            {
                "tokens": [
                    {"name": token.name, "role": token.role, "ends_at": token.ends_at, "holds": token.holds(now)}
                    for token in held
                ]
            }
        )
        return
    if not held:
        print("no tokens: everybody on this machine may ask, unless the settings have one")
        return
    width = max(len("NAME"), *(len(token.name) for token in held))
    print(f"{'NAME':<{width}}  ROLE     UNTIL")
    for token in held:
        print(f"{token.name:<{width}}  {token.role:<7}  {until(token)}{'' if token.holds(now) else '  expired'}")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `token list` shows it.")],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
) -> None:
    """Take a token away: it holds no more, and whoever signed in with it is signed out."""

    def without(held: Sequence[Token]) -> Sequence[Token]:
        left = [token for token in held if token.name != name]
        if len(left) == len(held):
            names = ", ".join(token.name for token in held)
            opt.fail(f"no token is named {name!r}; " + (f"there are: {names}" if names else "there are none"))
        return left

    _, left = _change(_path(config, state_dir), without)
    print(f"{name}: revoked")
    if not left:
        opt.say("it was the last one in the file: a monitor that runs stays closed until it is started again")


def _path(config: str | None, state_dir: str | None) -> Path:
    from telemetry.admitting import TOKENS

    folder = opt.settings(config, opt.flags(state_dir=state_dir)).settings.state_dir
    return folder / TOKENS


def _read(path: Path) -> Sequence[Token]:
    from telemetry.admitting import own_file
    from telemetry.web.tokens import TokenError

    try:
        return own_file(path.parent).read()
    except TokenError as error:
        opt.fail(str(error))


def _change(
    path: Path, change: Callable[[Sequence[Token]], Sequence[Token]]
) -> tuple[Sequence[Token], Sequence[Token]]:
    """Writes what becomes of the tokens in the file, and returns them as they were and as they are."""
    from telemetry.hooks.rewriting import RewriteError, read, rewrite
    from telemetry.web.keyring import LONGEST_FILE
    from telemetry.web.tokens import MOST_TOKENS, written

    with _alone(path.parent):
        held = _read(path)
        after = change(held)
        if len(after) > MOST_TOKENS:
            opt.fail(f"{path} holds {MOST_TOKENS} tokens, and no more: revoke some first")
        try:
            rewrite(path, read(path, LONGEST_FILE), written(after))
        except RewriteError as error:
            opt.fail(str(error))
    return held, after


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two commands at once don't write over each other."""
    import fcntl
    import os

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        opt.fail(f"the state folder {folder} can't be used: {error.strerror}")
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
