"""`orchestrator-telemetry doctor`: what is wrong, and what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.cli import options as opt

if TYPE_CHECKING:
    from telemetry.doctor.finding import Finding
    from telemetry.settings import Loaded

app = typer.Typer(add_completion=False, rich_markup_mode=None)
_MARKS = {"ok": ("✓", "\x1b[32m"), "warn": ("!", "\x1b[33m"), "fail": ("✗", "\x1b[1;31m")}
_FAINT, _END, _CLEAR = "\x1b[2m", "\x1b[0m", "\r\x1b[K"
_SHORTEST, _LONGEST = 1.0, 600.0


@app.command()
def doctor(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    source: opt.Sources = None,
    state_dir: opt.StateDir = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NAMES", help="Some of the checks, joined by commas: pipeline,clock."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="How long what was sent may take to be in a backend.")
    ] = 30.0,
    send: Annotated[bool, typer.Option("--send", help="Send a real test message on every channel.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the list.")] = False,
) -> None:
    """Send a marked metric, log line and span, ask every backend for them, and check everything around.

    Checked are: monitor, pipeline (with each backend), sources, notify, clock, disk, rights, retention, versions. It is
    sent as the monitor sends: to its collector, or by OTEL_EXPORTER_OTLP_*. Backends are asked where the collector has
    them from the environment (LOKI_URL, ELASTICSEARCH_URL, …); PROMETHEUS_URL is where Prometheus itself is.

    \b
    Examples:
      orchestrator-telemetry doctor
      PROMETHEUS_URL=http://localhost:9090 orchestrator-telemetry doctor --only pipeline,retention
      orchestrator-telemetry doctor --send --json

    Exit codes: 0 nothing is broken (marks ✓ and !), 1 something is (✗), 2 a setting or a flag is wrong.
    """
    from telemetry.doctor.running import CHECKS

    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in CHECKS]:
        opt.fail(
            f"--only is {unknown[0]!r}: it must be some of {', '.join(CHECKS)}, joined by commas", opt.BAD_SETTINGS
        )
    if not _SHORTEST <= timeout <= _LONGEST:
        allowed = f"a number of seconds from {_SHORTEST:g} to {_LONGEST:g}"
        opt.fail(f"--timeout is {timeout:g}: it must be {allowed}", opt.BAD_SETTINGS)
    given = opt.flags(
        profile=profile,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        source=source,
        state_dir=state_dir,
    )
    loaded = opt.settings(config, given)
    with _progress(sys.stderr.isatty() and not json) as progress:
        findings = asyncio.run(_examined(loaded, names, timeout, send, progress))
    _print_json(findings) if json else _print(findings)
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


async def _examined(
    loaded: Loaded, only: Sequence[str], within: float, send: bool, progress: Callable[[str], None]
) -> list[Finding]:
    from telemetry.doctor.running import examine
    from telemetry.doctor.world import look_around

    world = await look_around(loaded.settings, file=loaded.file, timeout=within, send=send, progress=progress)
    return await examine(world, only)


@contextmanager
def _progress(shown: bool) -> Iterator[Callable[[str], None]]:
    """A line on the terminal that says what is waited for, and is gone afterwards."""
    if not shown:
        yield lambda _: None
        return

    def show(what: str) -> None:
        sys.stderr.write(f"{_CLEAR}… {what[:76]}")
        sys.stderr.flush()

    show("looking around")
    try:
        yield show
    finally:
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()


def _print(findings: Sequence[Finding]) -> None:
    from telemetry.signals.log_sinks import wants_colour

    colour = wants_colour(sys.stdout)
    width = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        mark, style = _MARKS[finding.verdict]
        shown = f"{style}{mark}{_END}" if colour else mark
        print(f"{shown} {finding.check.ljust(width)}  {finding.said}")
        if finding.todo:
            faint, end = (_FAINT, _END) if colour else ("", "")
            print(f"  {' ' * width}  {faint}→ {finding.todo}{end}")
    counted = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _MARKS}
    broken = counted["fail"]
    print(f"\n{'Nothing is broken' if not broken else f'{broken} broken'}: ", end="")
    print(", ".join(f"{number} {_MARKS[verdict][0]}" for verdict, number in counted.items() if number))


def _print_json(findings: Sequence[Finding]) -> None:
    from telemetry.cli.screen import print_json

    found = [{"check": one.check, "verdict": str(one.verdict), "said": one.said, "todo": one.todo} for one in findings]
    print_json({"broken": sum(one.verdict == "fail" for one in findings), "findings": found})
