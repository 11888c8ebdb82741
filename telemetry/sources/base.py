"""What a source is: a place where the agents of one cluster are seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from telemetry.model import Reading

if TYPE_CHECKING:
    from pydantic import BaseModel

    from telemetry.store import Store


class SourceError(Exception):
    """A source can't tell: its message is one line, in words for the person who runs the cluster."""


class Source(Protocol):
    """Reads one cluster. A monitor has one loop a source and never calls `read` twice at once."""

    @property
    def name(self) -> str:
        """Its kind, as in settings and metrics: `manager`, `tmux`, …"""

    @property
    def cluster(self) -> str:
        """The cluster's name, cleaned. May change only until the first `read` has answered."""

    async def read(self, now: float) -> Reading:
        """Looks once, and answers for every agent it expects.

        Args:
            now: Unix time of this check.

        Raises:
            SourceError: It can't tell. A session that is gone is an answer (`session_exists=False`), not an error.
        """

    async def close(self) -> None:
        """Gives back what it holds; called once, also after a failed read."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """A source that hears of changes by itself, between two reads."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Begins to hear. Called once, in the loop that reads, before the first `read`.

        Args:
            changed: To be called in that loop, as often as there is something that `glance` or `read` would say anew.
        """

    def glance(self, now: float) -> Reading | None:
        """What is known by now: the last reading, with what was heard since. Called in the loop, beside a `read`.

        Asks nobody, starts nothing, takes a millisecond at most; agents about which nothing was heard are the very
        objects of the last reading. None: it must `read` to know.
        """


class Screen(NamedTuple):
    """What an agent's screen shows.

    Attributes:
        source: The kind of the source that sees it.
        lines: The last ones, cleaned; without blank ones at the end.
    """

    source: str
    lines: tuple[str, ...]


@runtime_checkable
class Screens(Protocol):
    """A source that can show the last lines of an agent's screen. Both are called in the loop, beside a `read`.

    Both raise `SourceError` where it can't be told, within some seconds.
    """

    async def last_lines(self, agent: str, count: int) -> Screen | None:
        """The last so many lines of the screen of an agent that this source knows; None: there is none."""

    async def lines_in(self, pane_id: str, pid: int | None, count: int) -> Screen | None:
        """The same of a pane that another source named; None: there is none, or another process is in it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one source of a cluster looks, and what it may use.

    Attributes:
        cluster: The cluster's name.
        options: The source's own settings.
        store: Where it may remember, or None: only as long as it lives.
        on_problem: Told, in the loop, one line for the log; each problem once until it is over.
    """

    cluster: str
    options: Any
    store: Store | None = None
    on_problem: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a kind of source has anything to see on this machine, and why it is thought so, in words."""

    there: bool
    why: str


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source.

    Attributes:
        name: As in settings: `claude`.
        summary: What it sees, in one line.
        directness: How near it is to the agent itself; of several that see one agent, the lowest is believed.
        options: Its settings: a model whose fields carry an `About`.
        look: Finds out, within some 100 ms and without changing anything, whether there is anything to see.
        make: Makes one. Nothing is opened before `listen` or `read`.
    """

    name: str
    summary: str
    directness: int
    options: type[BaseModel]
    look: Callable[[Any], Found]
    make: Callable[[Place], Source]


class SourceState(NamedTuple):
    """How it is with one source of a cluster.

    Attributes:
        source: Its kind.
        agents: How many agents it knows.
        error: Why it gives no answer, or "".
        read_at: When it answered last (Unix s); 0.0 = never.
        events: How it hears of changes between two checks, in words; "" where it doesn't.
    """

    source: str
    agents: int
    error: str
    read_at: float
    events: str


def events_of(source: Source) -> str:
    """How a source hears of changes, in words; "" where only checks see them."""
    return str(getattr(source, "events", "") or ("hears of changes at once" if isinstance(source, LiveSource) else ""))


def memory_of(cluster: str, kind: str) -> str:
    """Under which name of a cluster a further source of it remembers, beside that which gave the cluster its name."""
    return f"{cluster} ({kind})"
