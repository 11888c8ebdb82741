"""What the web needs of whoever knows where telemetry goes; the daemon hands in the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class CollectorState(Protocol):
    """How it is with the collector."""

    @property
    def kind(self) -> str:
        """`own`, `other` or `none`."""

    @property
    def state(self) -> str:
        """In words."""

    @property
    def url(self) -> str:
        """Where OTLP is sent to, without secrets; "" for none."""

    @property
    def metrics_url(self) -> str:
        """Where it tells of itself; "" where it isn't asked."""

    @property
    def refused(self) -> int:
        """What it didn't take since its start, of all signals."""

    @property
    def damaged(self) -> int:
        """How many files of queues it set aside at its start."""

    @property
    def problem(self) -> str:
        """Why our own hasn't said for a while how it is; "" otherwise."""


class BackendState(Protocol):
    """How it is with one backend."""

    @property
    def name(self) -> str:
        """As it is chosen in BACKENDS."""

    @property
    def state(self) -> str:
        """`ok`, `failing`, `waiting` or `unknown`."""

    @property
    def reason(self) -> str:
        """Why, in words."""

    @property
    def sent(self) -> Mapping[str, int]:
        """What it took since the collector's start, by signal."""

    @property
    def failed(self) -> Mapping[str, int]:
        """What the collector gave up, by signal."""

    @property
    def refused(self) -> int:
        """What its full queue didn't take."""

    @property
    def queue(self) -> int:
        """What waits, in the unit of `queue_capacity`."""

    @property
    def queue_capacity(self) -> int:
        """How much may wait; 0: it keeps nothing."""

    @property
    def ready(self) -> bool:
        """Whether what comes now gets there soon."""


class PipelineState(Protocol):
    """All of it at one moment."""

    @property
    def at(self) -> float:
        """When it was looked at (Unix s); 0.0: not yet."""

    @property
    def collector(self) -> CollectorState:
        """The collector."""

    @property
    def backends(self) -> Sequence[BackendState]:
        """Every backend, by name."""

    @property
    def reasons(self) -> Sequence[str]:
        """Why what is sent now may not get where it belongs; empty: it does, as far as is known."""


class Pipeline(Protocol):
    """Where telemetry goes."""

    @property
    def standing(self) -> PipelineState:
        """How it is with it now. Costs nothing."""
