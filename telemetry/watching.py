"""What is watched: settings become sources, sources become monitors. Nothing is started here."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from telemetry.desk import Desk
from telemetry.health.resuming import Recall
from telemetry.model import PIPELINE
from telemetry.monitor import ClusterMonitor
from telemetry.rulebook import rules_of
from telemetry.runtime import Signals
from telemetry.settings import AUTO, Cluster, Settings, SettingsError
from telemetry.sources.agents_file import ConfigError, read_agents_file
from telemetry.sources.base import Found, Place, Source, SourceKind
from telemetry.sources.builtin import BUILTIN, BY_NAME
from telemetry.sources.claude.options import ClaudeOptions
from telemetry.sources.merged import MergedSource, Part
from telemetry.sources.process.options import ProcessOptions
from telemetry.sources.push.options import PushOptions
from telemetry.sources.tmux.commands import KNOWN_PROGRAMS
from telemetry.sources.tmux.options import TmuxOptions, TmuxSettings
from telemetry.store import RememberedAgent, RestartRecord, Store


@dataclass(frozen=True, slots=True)
class Watch:
    """One cluster that is to be watched.

    Attributes:
        options: Where its agents are in tmux.
        words: Where they are, for the first screen: «tmux session main (5 agents named in agents.yaml)».
        kinds: Which sources see it, the first of which names it.
        claude: Where Claude Code's files are.
        process: Which processes are agents.
        push: What holds for agents that report themselves.
        is_open: Whether every session of Claude Code belongs to it, or only those of its agents.
        is_automatic: Whether nobody said which sources.
    """

    options: TmuxOptions
    words: str
    kinds: tuple[str, ...] = ("tmux", "push")
    claude: ClaudeOptions = field(default_factory=ClaudeOptions)
    process: ProcessOptions = field(default_factory=ProcessOptions)
    push: PushOptions = field(default_factory=PushOptions)
    is_open: bool = True
    is_automatic: bool = False

    def options_of(self, kind: str) -> object:
        """The options of one of its sources."""
        return {"tmux": self.options, "claude": self.claude, "process": self.process, "push": self.push}[kind]

    @property
    def cluster(self) -> str:
        """Its name, where one was given."""
        return self.options.cluster or ""


def is_configured(settings: Settings) -> bool:
    """Whether anybody said what is to be watched; otherwise it is what is found on this machine."""
    return bool(
        settings.clusters
        or _is_place_named(settings)
        or settings.sources != (AUTO,)
        or settings.process.agents
        or settings.claude.team
    )


def _is_place_named(cluster: Cluster | Settings) -> bool:
    if isinstance(cluster, Settings):
        named = bool(cluster.cluster_file or cluster.cluster_name)
    else:
        named = bool(cluster.file or cluster.name)
    return named or bool(cluster.tmux.session or cluster.tmux.socket)


def watches(settings: Settings) -> tuple[Watch, ...]:
    """Every cluster that the settings name; where they name none, the agents found on this machine.

    Raises:
        SettingsError: A cluster's file can't be used; one line.
    """
    if not settings.clusters:
        only = Cluster.model_construct(
            name=settings.cluster_name or "",
            tmux=settings.tmux,
            file=settings.cluster_file,
            sources=settings.sources,
            claude=settings.claude,
            process=settings.process,
        )
        return (_watch(only, settings),)
    return tuple(_watch(cluster, settings) for cluster in settings.clusters)


def found(watch: Watch) -> list[tuple[SourceKind, Found]]:
    """What each of its sources has to see on this machine, now. Blocks for one look."""
    return [(kind, kind.look(watch.options_of(kind.name))) for kind in map(BY_NAME.__getitem__, watch.kinds)]


def store_path(settings: Settings) -> Path:
    """Where the daemon's store is."""
    return settings.state_dir / "store.sqlite3"


class _ReadOnlyStore(Store):
    """What the daemon remembers, for a look beside it: writes nothing."""

    def remember_agents(self, cluster: str, agents: Iterable[RememberedAgent]) -> None:
        """Nothing."""

    def forget_agents(self, cluster: str, names: Collection[str]) -> None:
        """Nothing."""

    def remember_restarts(self, cluster: str, records: Mapping[str, RestartRecord]) -> None:
        """Nothing."""

    def forget_restarts(self, cluster: str, names: Collection[str]) -> None:
        """Nothing."""


def remembered(settings: Settings) -> Store | None:
    """What a daemon with these settings remembers, only to be read; None where there never was one."""
    path = store_path(settings)
    return _ReadOnlyStore(path) if path.exists() else None


CHECKS_UNTIL_QUIET = 2.5
"""Checks without new output after which an agent may count as idle: the first look has nothing to compare with."""


def tmux_options(watch: Watch, settings: Settings) -> TmuxOptions:
    """Where the agents are in tmux, with the time that fits the checks."""
    quiet_after = max(watch.options.quiet_after, CHECKS_UNTIL_QUIET * settings.check_interval)
    return replace(watch.options, quiet_after=quiet_after)


def source_of(
    watch: Watch, store: Store | None, settings: Settings, on_problem: Callable[[str], None] | None = None
) -> Source:
    """The source of one cluster, made of all that see it, which remember in `store`."""
    watch = replace(watch, options=tmux_options(watch, settings))
    parts: list[Part] = []
    for kind in map(BY_NAME.__getitem__, watch.kinds):
        cluster = parts[0].source.cluster if parts else watch.cluster or _NAMELESS.get(kind.name, kind.name)
        source = kind.make(Place(cluster, watch.options_of(kind.name), store, on_problem))
        adds = watch.is_open or kind.name != "claude" or watch.claude.team is not None
        parts.append(Part(source, kind.directness, adds))
    return parts[0].source if len(parts) == 1 else MergedSource(parts, settings.agent_timeout)


_NAMELESS = {"tmux": ""}
"""What a cluster is called that nobody gave a name: as its first source, but for tmux, which knows its own."""


def parts_of(source: Source) -> tuple[Source, ...]:
    """The sources that one is made of; itself, where it is made of none."""
    return tuple(part.source for part in source.parts) if isinstance(source, MergedSource) else (source,)


def monitor_of(
    source: Source,
    settings: Settings,
    signals: Signals | None = None,
    desk: Desk | None = None,
    recall: Recall | None = None,
) -> ClusterMonitor:
    """A monitor with the times and rules that are set, reporting through the process's signals or those given."""
    return ClusterMonitor.for_source(
        source,
        check_interval=settings.check_interval,
        agent_timeout=settings.agent_timeout,
        max_idle_time=settings.max_idle_time,
        rules=rules_of(settings),
        desk=desk,
        signals=signals,
        recall=recall,
    )


def _watch(cluster: Cluster, settings: Settings) -> Watch:
    options, where = _in_tmux(cluster)
    options = replace(options, cluster=cluster.name or options.cluster)
    if options.cluster == PIPELINE:
        where = "the name of a cluster" if cluster.name else f"{cluster.file}: cluster.name"
        raise SettingsError(f"{where} is {PIPELINE!r}: it must be another, alerts about the pipeline stand under it")
    kinds = _kinds(cluster)
    said = {
        "tmux": where,
        "claude": f"Claude Code in {short(cluster.claude.folder)}"
        + (f", team {cluster.claude.team}" if cluster.claude.team else ""),
        "process": f"{len(cluster.process.agents)} processes",
        "push": "agents that report themselves",
    }
    named = f"{cluster.name}: " if cluster.name else ""
    return Watch(
        options,
        named + "; ".join(said[kind] for kind in kinds),
        kinds,
        cluster.claude,
        cluster.process,
        settings.push,
        is_open=cluster.sources != (AUTO,) or not _is_place_named(cluster),
        is_automatic=cluster.sources == (AUTO,),
    )


def _kinds(cluster: Cluster) -> tuple[str, ...]:
    if cluster.sources != (AUTO,):
        return cluster.sources
    return tuple(kind.name for kind in BUILTIN if kind.name != "process" or cluster.process.agents)


def _in_tmux(cluster: Cluster) -> tuple[TmuxOptions, str]:
    options = _place(cluster.tmux)
    where = [f"tmux session {cluster.tmux.session}" if cluster.tmux.session else "every tmux session"]
    if cluster.tmux.socket:
        where.append(f"of the server {cluster.tmux.socket}")
    if cluster.file:
        try:
            told = read_agents_file(cluster.file)
        except ConfigError as error:
            raise SettingsError(str(error)) from error
        session = options.session or told.session_name
        try:
            options = replace(options, session=session, cluster=told.cluster, agents=told.agents)
        except ValueError as error:
            raise SettingsError(f"{cluster.file}: {error}") from error
        if session:
            where[0] = f"tmux session {session}"
        where.append(f"({len(told.agents)} agents named in {cluster.file})")
    return options, " ".join(where)


def _place(tmux: TmuxSettings) -> TmuxOptions:
    by_path = os.sep in tmux.socket
    return TmuxOptions(
        socket_name=tmux.socket if tmux.socket and not by_path else None,
        socket_path=tmux.socket if by_path else None,
        session=tmux.session or None,
        programs=(*KNOWN_PROGRAMS, *tmux.programs),
        quiet_after=tmux.quiet_after,
        events=tmux.events,
    )


def short(path: Path) -> str:
    """With ~ for the home folder, as people read it."""
    try:
        return f"~/{path.absolute().relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
