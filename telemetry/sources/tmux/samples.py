"""What is said of an agent by what was seen of its pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.model import AgentSample, Detail, State
from telemetry.sources.tmux.roster import PROGRAM

if TYPE_CHECKING:
    from telemetry.sources.tmux.answer import Pane
    from telemetry.store import RememberedAgent


def running(member: RememberedAgent, pane: Pane, pid: int | None, restart_count: int, *, busy: bool) -> AgentSample:
    """An agent whose process lives; it has no pid where that isn't ours to look up."""
    alike = f"pane {pane.pane_id} is called {member.called}, as another one is"
    return AgentSample(
        name=member.name,
        running=True,
        role=member.role,
        restart_count=restart_count,
        last_activity=member.last_activity,
        reported=State.BUSY if busy else State.IDLE,
        pane_index=pane.index,
        pid=pid,
        reason="" if member.name == member.called else alike,
        proven=True,
        detail=_detail(member, pane),
    )


def stopped(member: RememberedAgent, pane: Pane | None, restart_count: int, reason: str) -> AgentSample:
    """An agent without a process, and perhaps without a pane."""
    return AgentSample(
        name=member.name,
        running=False,
        role=member.role,
        restart_count=restart_count,
        last_activity=member.last_activity,
        pane_index=pane.index if pane else None,
        reason=reason,
        proven=True,
        detail=_detail(member, pane),
    )


def _detail(member: RememberedAgent, pane: Pane | None) -> Detail:
    """A pane that is gone is named too: its id is given to no other one, and says which agent this is."""
    exit_status = None
    if pane is not None and pane.dead:
        exit_status = -pane.dead_signal if pane.dead_signal else pane.dead_status
    return Detail(pane.pane_id if pane else member.pane_id, named=member.origin != PROGRAM, exit_status=exit_status)
