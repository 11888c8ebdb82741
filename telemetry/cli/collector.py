"""`orchestrator-telemetry collector …`: build, run, check and show the bundled OpenTelemetry Collector."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

HELP = """Build, run and check the bundled OpenTelemetry Collector: from OTLP to every backend.

\b
Examples:
  orchestrator-telemetry collector build
  BACKENDS=prometheus,loki LOKI_URL=http://localhost:3100 orchestrator-telemetry collector run
  orchestrator-telemetry collector validate --backends datadog && echo fine
  ORCHESTRATOR_COLLECTOR_LOG_FILES='/var/log/agents/*.jsonl' orchestrator-telemetry collector run

The last one also reads what programs without OTLP write, a JSON record a line.

Exit codes: 0 done, or stopped as asked, 1 it can't be built or run, or its configuration is wrong.
"""

app = typer.Typer(
    name="collector",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Backends = Annotated[
    str,
    typer.Option(
        "--backends",
        "-b",
        metavar="NAMES",
        envvar="BACKENDS",
        help="Names with commas between, such as prometheus,loki. Default: prometheus,file, which need no server.",
    ),
]
Configs = Annotated[
    list[str] | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="A further configuration file, merged after the backends. May be repeated.",
    ),
]


@app.command()
def build(
    print_path: Annotated[bool, typer.Option("--print-path", help="Print nothing but where the program is.")] = False,
) -> None:
    """Build it, once. Takes minutes the first time and needs Go."""
    binary = _binary()
    print(binary if print_path else f"the collector is built: {binary}")


@app.command()
def run(backends: Backends = "", config: Configs = None) -> None:
    """Run it in the foreground until Ctrl-C or SIGTERM."""
    from telemetry.collecting import busy_port
    from telemetry.collector import child_environment, command

    binary = _binary()
    if not config and (busy := busy_port(os.environ, backends)):  # a file of the user's may move any port
        _fail(f"the collector can't run: {busy}")
    sys.stdout.flush()
    os.execve(binary, command(binary, backends=backends, configs=config or ()), child_environment())  # noqa: S606 - our own binary, without a shell


@app.command()
def validate(backends: Backends = "", config: Configs = None) -> None:
    """Say «ok», or in one line what is wrong. Nothing is started."""
    from telemetry.collector import CollectorError
    from telemetry.collector import validate as problem_of

    try:
        problem = problem_of(_binary(), backends=backends, configs=config or ())
    except CollectorError as error:
        problem = str(error)
    if problem is not None:
        _fail(problem)
    print("ok")


@app.command()
def config(backends: Backends = "", config: Configs = None) -> None:
    """Print the configuration in force as YAML, secrets hidden."""
    from telemetry.collector import CollectorError, merged_config

    try:
        text = merged_config(_binary(), backends=backends, configs=config or ())
    except CollectorError as error:
        _fail(str(error))
    print(text, end="")


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(1)


def _binary() -> Path:
    """The built collector; builds it with progress on standard error where needed."""
    from telemetry.collector import CollectorError, binary_path
    from telemetry.collector import build as build_it

    try:
        found = binary_path()
        if found is not None:
            return found
        if not sys.stderr.isatty():
            return build_it(lambda line: print(line, file=sys.stderr, flush=True), every=20.0)
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("building the collector") as status:
            return build_it(status.update, every=0.5)
    except CollectorError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("interrupted: the next build goes on where this one was", file=sys.stderr)
        raise typer.Exit(130) from None
