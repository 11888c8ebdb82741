"""The command line. A command's module is imported when the command is called: `--help` needs none of them."""

from __future__ import annotations

import errno
import io
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

PROGRAM = "orchestrator-telemetry"
COMPLETION = "_ORCHESTRATOR_TELEMETRY_COMPLETE"
"""Holds the line that is being typed where the shell asks how it may go on."""

COMMANDS = {
    "up": "All of it: watch, dashboard, /metrics, and the collector where it can be had.",
    "monitor": "Watch only, without dashboard and collector.",
    "dashboard": "Watch, with dashboard, API and /metrics, without the collector.",
    "check": "One check now, as a table or JSON; the exit code says how it is.",
    "status": "How it is now, on one screen; --watch stays and shows every change.",
    "top": "The agents live, with keys to acknowledge, silence, filter and jump.",
    "sources": "Where agents are looked for, and what is found there on this machine.",
    "logs": "The monitor's own log, readable; -f goes on with what is written.",
    "alerts": "What is open and what was; acknowledge, silence.",
    "rules": "When an alert fires: every rule with its thresholds, as they are set.",
    "notify": "Try the channels by which people are told, and see what waits there.",
    "doctor": "What is wrong, from here to every backend, and what to do.",
    "forget": "An agent that was seen once is no longer expected.",
    "hooks": "Have Claude Code report every turn, question and end at once, by its own hooks.",
    "store": "Back up and restore what the monitor keeps: alerts, silences, history.",
    "token": "Who may ask the dashboard and the API: make, list and revoke tokens.",
    "completion": "Make bash, zsh or fish complete commands, flags, names and ids.",
    "config": "What is set, and where each value came from.",
    "demo": "`up` on five pretended agents in tmux that work, idle, crash and come back.",
    "collector": "Build, run and check the bundled OpenTelemetry Collector.",
}
"""Every command with its line of help: a module of the same name holds it as `app`."""

HELP = f"""OpenTelemetry for clusters of coding agents: who died, who hangs, who waits for you.

\b
First steps:
  {PROGRAM} up                  # watch the agents in your tmux; without any, a demo
  {PROGRAM} up --cluster-file cluster.yaml
  BACKENDS=prometheus,loki {PROGRAM} up
  {PROGRAM} check || echo trouble

Settings come from flags, then ORCHESTRATOR_* and OTEL_* variables, then ./{PROGRAM}.yaml; `{PROGRAM} config` shows
them all.

\b
Exit codes: 0 all is well (or stopped as asked), 1 it could not start, 2 a setting is wrong. `check` has its own.
"""


class LazyGroup(TyperGroup):
    """Knows its commands by name; imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None for a name that isn't one."""
        if cmd_name not in COMMANDS:
            return None
        return typer.main.get_command(import_module(f"telemetry.cli.{cmd_name}").app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does it, with the near miss for a command that isn't one."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"no command is named {args[0]!r}" + (f": did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The commands for a shell that completes one, without importing any."""
        from telemetry.cli.completing import offered

        options = super(TyperGroup, self).shell_complete(ctx, incomplete)
        return [*offered(COMMANDS, incomplete), *options]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=LazyGroup,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,  # `completion` does it, lazily and without evaluating answers
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"{PROGRAM} {version(PROGRAM)}")
        except PackageNotFoundError:
            print(f"{PROGRAM} (a checkout that isn't installed)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""
    from telemetry.secret_files import SecretFileError, read_into

    try:
        read_into(os.environ)
    except SecretFileError as error:
        typer.echo(f"{PROGRAM}: {error}", err=True)
        raise typer.Exit(2) from error


class OutputError(OSError):
    """Standard output takes nothing: its disk is full, or it is closed."""


class _Output(io.TextIOWrapper):
    """Standard output whose failure can be told from any other."""

    reader_gone = False
    """Whoever read it has seen enough. Noted here, since typer takes the exception for a failure of the command."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> OSError:
        """A closed pipe stays what it is: that is no failure."""
        if error.errno != errno.EPIPE:
            return OutputError(error.errno, error.strerror)
        self.reader_gone = True
        return error


def _output(given: TextIO | None) -> _Output:
    if given is None:  # `>&-`: no file opened later may get its number, and writing fails as it does for a shell's echo
        return _Output(io.BufferedWriter(io.FileIO(os.open(os.devnull, os.O_RDONLY), "w")))
    return _Output(
        given.buffer,
        encoding=given.encoding,
        errors=given.errors,
        line_buffering=bool(given.line_buffering),
        write_through=getattr(given, "write_through", False),
    )


def leave_output() -> None:
    """What it didn't take is lost: the interpreter needn't try again at the end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """The program's entry point; ends the process."""
    sys.stdout = output = _output(sys.stdout)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        try:
            if COMPLETION in os.environ:  # the shell asks, by a script of ours
                from telemetry.cli import completing

                completing.answer(typer.main.get_command(app), PROGRAM)
                return
            app(prog_name=PROGRAM)
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        if not output.reader_gone:
            raise
        leave_output()  # `… check | head`
        sys.exit(141)
    except OutputError as error:
        leave_output()
        print(f"{PROGRAM}: standard output can't be written: {error.strerror}", file=sys.stderr)
        sys.exit(1)
