"""What is watched: settings become sources, sources become monitors. Nothing is started here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from telemetry.desk import Desk
from telemetry.monitor import ClusterMonitor
from telemetry.rulebook import rules_of
from telemetry.runtime import Signals
from telemetry.settings import Cluster, Settings, SettingsError, Tmux
from telemetry.sources.agents_file import ConfigError, read_agents_file
from telemetry.sources.base import Source, SourceError
from telemetry.sources.tmux import TmuxOptions, TmuxSource
from telemetry.sources.tmux_commands import KNOWN_PROGRAMS
from telemetry.store import RememberedAgent, RestartRecord, Store


@dataclass(frozen=True, slots=True)
class Watch:
    """One cluster that is to be watched.

    Attributes:
        options: Where its agents are.
        words: The same for the first screen: «tmux session main, 5 agents named in agents.yaml».
    """

    options: TmuxOptions
    words: str


def is_configured(settings: Settings) -> bool:
    """Whether anybody said what is to be watched; otherwise it is what the user's own tmux holds."""
    return bool(
        settings.clusters
        or settings.cluster_file
        or settings.cluster_name
        or settings.tmux.session
        or settings.tmux.socket
    )


def watches(settings: Settings) -> tuple[Watch, ...]:
    """Every cluster that the settings name; where they name none, the agents in the user's own tmux.

    Raises:
        SettingsError: A cluster's file can't be used; one line.
    """
    if not settings.clusters:
        only = Cluster.model_construct(name=settings.cluster_name or "", tmux=settings.tmux, file=settings.cluster_file)
        return (_watch(only),)
    return tuple(_watch(cluster) for cluster in settings.clusters)


def anything_there(watch: Watch) -> bool:
    """Whether an agent is to be seen now. Blocks for one look; without tmux there is nothing."""
    source = TmuxSource(watch.options)
    try:
        return bool(source.read_blocking(time.time()).agents)
    except SourceError:
        return False


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


def source_of(
    watch: Watch, store: Store | None, settings: Settings, on_problem: Callable[[str], None] | None = None
) -> TmuxSource:
    """The source of one cluster, which remembers in `store`."""
    quiet_after = max(watch.options.quiet_after, CHECKS_UNTIL_QUIET * settings.check_interval)
    return TmuxSource(replace(watch.options, quiet_after=quiet_after), store, on_problem=on_problem)


def monitor_of(
    source: Source, settings: Settings, signals: Signals | None = None, desk: Desk | None = None
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
    )


def _watch(cluster: Cluster) -> Watch:
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
    named = f"{cluster.name}: " if cluster.name else ""
    return Watch(replace(options, cluster=cluster.name or options.cluster), named + " ".join(where))


def _place(tmux: Tmux) -> TmuxOptions:
    by_path = os.sep in tmux.socket
    return TmuxOptions(
        socket_name=tmux.socket if tmux.socket and not by_path else None,
        socket_path=tmux.socket if by_path else None,
        session=tmux.session or None,
        programs=(*KNOWN_PROGRAMS, *tmux.programs),
        quiet_after=tmux.quiet_after,
    )
