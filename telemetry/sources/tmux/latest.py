"""The last reading of a tmux source, kept up with what is heard between two reads. All of it in one loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telemetry.model import AgentSample, Reading, State

if TYPE_CHECKING:
    from collections.abc import Mapping


class LatestReading:
    """What is known by now.

    Args:
        quiet_after: Seconds without output after which an agent counts as idle.
    """

    def __init__(self, quiet_after: float) -> None:
        self._quiet_after = quiet_after
        self._reading: Reading | None = None
        self._place: dict[str, int] = {}
        self._fresh: set[str] = set()
        self._since_read: set[str] = set()
        self._out_of_date = False

    def printed(self, pane_id: str) -> AgentSample | None:
        """Takes note that this pane was active; returns the agent that is thought to be in it, or None."""
        self._fresh.add(pane_id)
        self._since_read.add(pane_id)
        place = self._place.get(pane_id)
        return self._reading.agents[place] if self._reading is not None and place is not None else None

    def doubt(self) -> None:
        """Something happened of which only a read can tell what it means."""
        self._out_of_date = True

    def begin_read(self) -> None:
        """A read begins: what it is given counts as heard, what comes from now on is heard beside it."""
        self._out_of_date = False
        self._since_read.clear()

    def lose(self) -> None:
        """A read failed: nothing is known."""
        self._reading = None
        self._place = {}

    def take(self, reading: Reading, active: Mapping[str, float], now: float) -> Reading:
        """A read has ended: its answer, with what was heard beside it, in the objects that say the same already."""
        before = {sample.name: sample for sample in self._reading.agents} if self._reading is not None else {}
        agents = []
        for sample in reading.agents:
            seen = self._with_activity(sample, active, now) if sample.detail.pane_id in self._since_read else sample
            known = before.get(seen.name)
            agents.append(known if known is not None and known == seen else seen)
        self._reading = replace(reading, agents=tuple(agents))
        self._place = {sample.detail.pane_id: place for place, sample in enumerate(agents) if sample.running}
        self._place |= {
            sample.detail.pane_id: place
            for place, sample in enumerate(agents)
            if sample.detail.pane_id and not sample.running and sample.detail.pane_id not in self._place
        }
        self._fresh.clear()
        return self._reading

    def glance(self, active: Mapping[str, float], now: float) -> Reading | None:
        """The last reading, with what was heard since; None where it must be read anew."""
        if self._reading is None or self._out_of_date:
            return None
        places = {place for pane_id in self._fresh if (place := self._place.get(pane_id)) is not None}
        self._fresh.clear()
        if places:
            agents = list(self._reading.agents)
            for place in places:
                agents[place] = self._with_activity(agents[place], active, now)
            self._reading = replace(self._reading, agents=tuple(agents))
        return self._reading

    def _with_activity(self, sample: AgentSample, active: Mapping[str, float], now: float) -> AgentSample:
        at = min(active.get(sample.detail.pane_id, 0.0), now)
        if not sample.running or at <= sample.last_activity:
            return sample
        reported = State.BUSY if now - at < self._quiet_after else sample.reported
        return sample._replace(last_activity=at, reported=reported, proven=True)
