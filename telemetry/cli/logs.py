"""`orchestrator-telemetry logs`: the monitor's log, readable."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry.cli import options as opt
from telemetry.cli import suggest

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.cli.journal.reading import Found, Journal
    from telemetry.cli.journal.record import Sought

app = typer.Typer(add_completion=False, rich_markup_mode=None)

LEVELS = ("debug", "info", "warning", "error", "critical")
LOOK_EVERY = 0.2
"""Seconds between two looks for new lines."""


@app.command()
def logs(
    agent: Annotated[
        str | None,
        typer.Argument(metavar="[AGENT]", help="Only what is about this agent.", autocompletion=suggest.agents),
    ] = None,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1_000_000, help="The last so many.")] = 50,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Of the last 30m, 2h, 7d.")] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            metavar="LEVEL",
            help=f"At this level or above: {', '.join(LEVELS)}.",
            autocompletion=suggest.words(*LEVELS),
        ),
    ] = None,
    grep: Annotated[
        str, typer.Option("--grep", metavar="WORDS", help="With this in the line; case is no matter.")
    ] = "",
    trace: Annotated[
        str, typer.Option("--trace", metavar="ID", help="Of one trace, as an alert names it; its beginning will do.")
    ] = "",
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="NAME", help="Of one cluster.", autocompletion=suggest.clusters),
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR=1.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The lines as they stand in the file.")] = False,
) -> None:
    """The monitor's own log, readable: what it saw, whom it told, what failed. Reads the files and needs no running
    monitor; rotated files are read, too, as far back as is asked for.

    \b
    Examples:
      orchestrator-telemetry logs                           # the last 50 lines
      orchestrator-telemetry logs grand_boss --since 2h     # what became of one agent
      orchestrator-telemetry logs -f --level warning        # stay; Ctrl-C ends it
      orchestrator-telemetry logs --trace 3f2a9c01          # all that belongs to one alert
      orchestrator-telemetry logs --json -n 1000 | jq 'select(.event=="orchestrator.alert.fired").message'

    Times are local, to the millisecond; a line that is no record of ours is shown as it is, with a «?» before it.

    Exit codes: 0 done, 1 there is no log yet, it can't be read, or it knows no such agent or cluster, 2 a setting or a
    flag is wrong.
    """
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    from telemetry.cli.journal.reading import Journal
    from telemetry.cli.journal.record import Sought
    from telemetry.signals.log_sinks import wants_colour

    begun = 0.0 if since is None else time.time() - _seconds(since)
    sought = Sought(agent or "", cluster or "", _level(level), begun, grep, trace.strip())
    path = settings.log_dir / LOG_FILE
    printer = _Printer(raw=json, colour=not no_color and wants_colour(sys.stdout))
    try:
        journal = Journal(path, sought)
        if not journal.exists and not follow:
            opt.fail(f"there is no log yet: a monitor writes it to {path}")
        if not journal.exists:
            opt.say(f"there is no log yet: waiting for {path}")
        found = journal.last(limit) if limit else []
        printer.show(found)
        if not found and journal.exists and (unknown := _unknown(path, sought)):
            if not follow:
                opt.fail(unknown)
            opt.say(f"{unknown}: waiting for one")
        if follow:
            with contextlib.suppress(KeyboardInterrupt):
                _follow(journal, printer)
        else:
            journal.close()
    except BrokenPipeError:
        raise
    except OSError as error:
        opt.fail(f"the log {error.filename or path} can't be read: {error.strerror}")


LOG_FILE = "orchestrator-telemetry.jsonl"
"""As the daemon has it, whose module takes a second to import."""


def _seconds(text: str) -> float:
    from telemetry.cli import asking

    return asking.seconds(text, "--since")


def _level(text: str | None) -> str:
    found = (text or "").strip().lower()
    if text is not None and found not in LEVELS:
        opt.fail(f"--level is {text!r}: it must be one of {', '.join(LEVELS)}", opt.BAD_SETTINGS)
    return found


_MOST_NAMED = 20


def _unknown(path: Path, sought: Sought) -> str:
    """That the log holds nothing of the agent or of the cluster, with those that it knows; "" where it does."""
    from telemetry.cli.journal.reading import Journal, names
    from telemetry.cli.journal.record import Sought

    for what, field, name, about in (
        ("a cluster", "cluster", sought.cluster, Sought(cluster=sought.cluster)),
        ("an agent", "agent_name", sought.agent, Sought(agent=sought.agent)),
    ):
        if not name:
            continue
        journal = Journal(path, about)
        try:
            if journal.last(1):
                continue
        finally:
            journal.close()
        seen = names(path, field)
        told = ", ".join(seen[:_MOST_NAMED]) + (", …" if len(seen) > _MOST_NAMED else "")
        return f"no line of {what} named {name!r} in {path}; {what.split()[1]}s seen: {told or 'none'}"
    return ""


def _follow(journal: Journal, printer: _Printer) -> None:
    follower = journal.follow()
    try:
        while True:
            printer.show(follower.more())
            time.sleep(LOOK_EVERY)
    finally:
        follower.close()


class _Printer:
    """Puts lines on standard output: raw, or readable with the day above the first line of each."""

    def __init__(self, *, raw: bool, colour: bool) -> None:
        self._raw, self._colour = raw, colour
        self._day = ""
        self._clusters: set[str] = set()

    def show(self, found: Iterable[Found]) -> None:
        """These lines, at once."""
        if self._raw:
            self._show_raw(found)
            return
        from telemetry.cli.journal.record import day_of, shown
        from telemetry.cli.live.text import as_text

        found = list(found)
        self._clusters |= {str(record["cluster"]) for _, record in found if record and record.get("cluster")}
        made = []
        for line, record in found:
            if (day := day_of(record)) and day != self._day:
                self._day = day
                made.append([(f"── {day}", "dim")])
            made += shown(record, line, clusters=len(self._clusters) > 1)
        if made:
            sys.stdout.write(as_text(made, colour=self._colour, encoding=sys.stdout.encoding))
            sys.stdout.flush()

    @staticmethod
    def _show_raw(found: Iterable[Found]) -> None:
        from telemetry.clean import clean_text

        sys.stdout.flush()
        for line, _ in found:
            shown = line
            if sys.stdout.isatty():  # bytes of a file that somebody else wrote to could move the cursor
                shown = clean_text(line.decode("utf-8", "replace")).encode()
            sys.stdout.buffer.write(shown + b"\n")
        sys.stdout.buffer.flush()
