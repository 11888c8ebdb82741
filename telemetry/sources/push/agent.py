"""One agent that is known by what was sent: what it said last, and what follows from its silence."""

from __future__ import annotations

import math

from telemetry.model import AgentSample, Detail, State
from telemetry.sources.push.events import PushEvent
from telemetry.sources.push.hooks import TOOL_TAKES, Hook, Silence

_QUIET = (State.IDLE, State.WAITING, State.STOPPED)
"""Who keeps saying that it is in one of these has shown no activity since it said so first."""
_MOST_SUBAGENTS = 100


class PushedAgent:
    """Keeps what is known of one agent, and says it as a sample.

    Its sample is made anew only where it would say something else: the same object means that nothing changed.

    Args:
        name: Unique in its cluster.
        called: What it is called; `name` adds «#2» where two are called the same.
        named: Whether somebody gave it that name.
        now: When it was heard of first (Unix s).
    """

    def __init__(self, name: str, called: str, *, named: bool, now: float) -> None:
        self.name = name
        self.called = called
        self.named = named
        self.role = ""
        self.folder = ""
        self.task = ""
        self.session_id = ""
        self.pane_id = ""
        self.has_work: bool | None = None
        self.state: State | None = None
        self.reason = ""
        self.heard_at = now
        self.last_activity = 0.0
        self.ttl: float | None = None
        """Seconds within which it promised to be heard of again, or None: it promised nothing."""
        self.pid: int | None = None
        self.identity = ""
        """Which process has that pid, or ""."""
        self.gone = ""
        """Why its process doesn't run any more, in words, or ""."""
        self.restart_count = 0
        self.team = ""
        self.lead: PushedAgent | None = None
        """Whose subagent it is: it ends with it."""
        self.moves = False
        """Its session has ended, and another one of the same program takes its place."""
        self._silent_since = now
        self._silence: Silence | None = None
        self._heard_in: State | None = None
        """In which state it was when it was heard of last."""
        self._before_waiting: State | None = None
        self._asking: set[str] = set()
        """Who waits for a person: subagents' ids, "" for the session itself; empty where nobody knows who."""
        self._subagents: dict[str, None] = {}
        self._sample = AgentSample(name, running=True)
        self.due_at = math.inf
        """When its silence means something else than now (Unix s)."""

    @property
    def sample(self) -> AgentSample:
        """What is to be said of it; as of the last `hear`, `hear_hook`, `ended` or `look`."""
        return self._sample

    # --- what was heard ---------------------------------------------------------------------------------------------

    def hear(self, event: PushEvent, default_ttl: float, now: float) -> None:
        """It said something of itself. Its process is the caller's business."""
        self.ttl = event.ttl or self.ttl or default_ttl
        self.task = self.task if event.task is None else event.task
        self.role = self.role if event.role is None else event.role
        self.has_work = self.has_work if event.has_work is None else event.has_work
        self.session_id = self.session_id if event.session_id is None else event.session_id
        self.pane_id = self.pane_id if event.pane_id is None else event.pane_id
        if event.state is not None:
            self._enters(event.state, event.reason, None)
        self._heard(now)

    def hear_hook(self, hook: Hook, now: float) -> None:
        """Claude Code said something of its session, or of what goes on inside it."""
        self.session_id = hook.session_id
        self.folder = hook.folder or self.folder
        self.role = hook.role or self.role
        self.team = hook.team or self.team
        self.moves = hook.moves
        if hook.anew:
            self._subagents.clear()
        if hook.subagent:
            self._hear_subagent(hook)
        elif hook.state is State.WAITING:
            self._waits(hook, None)
        elif hook.state is not None:
            self._enters(hook.state, hook.reason, hook.silence)
        self._heard(now)

    def hear_teammate(self, hook: Hook, now: float) -> None:
        """Claude Code said something of this agent, which has no session of its own."""
        self.folder = hook.folder or self.folder
        self.team = hook.team or self.team
        if hook.state is not None:
            self._enters(hook.state, hook.reason, hook.silence)
        self._heard(now)

    def _hear_subagent(self, hook: Hook) -> None:
        """What a subagent does is no news of the session's own turn, but that it waits for a person, or did."""
        if hook.ends:
            self._subagents.pop(hook.subagent, None)
        elif hook.begins and len(self._subagents) < _MOST_SUBAGENTS:
            self._subagents[hook.subagent] = None
        if hook.state is State.WAITING:
            self._waits(hook, self._before_waiting if self.state is State.WAITING else self.state)
        elif self.state is State.WAITING and self._answers(hook):
            self._enters(self._before_waiting or State.BUSY, "", hook.silence)

    def _waits(self, hook: Hook, before: State | None) -> None:
        asking = self._asking if self.state is State.WAITING else set()
        if not hook.overheard and len(asking) < _MOST_SUBAGENTS:
            asking.add(hook.subagent)
        self._enters(State.WAITING, hook.reason, None)
        self._asking, self._before_waiting = asking, before

    def _answers(self, hook: Hook) -> bool:
        """Takes note of who goes on or ends; whether nobody waits any more. Others' work beside it answers nothing."""
        goes_on = hook.state is State.BUSY and not hook.begins
        if not self._asking:  # nobody knows who asked
            return goes_on
        if goes_on or hook.ends:
            self._asking.discard(hook.subagent)
        return not self._asking

    def runs_as(self, pid: int, identity: str, *, again: bool) -> None:
        """Its process; `again`: after another one, which is over."""
        self.restart_count += again
        self.pid, self.identity, self.gone = pid, identity, ""

    def without_process(self) -> None:
        """Nobody knows any more which process it is."""
        self.pid, self.identity, self.gone = None, "", ""

    def ended(self, why: str, now: float) -> None:
        """Its process doesn't run any more. It is expected still."""
        self.gone = why
        self.look(now)

    def recall(self, state: State | None, ttl: float, heard_at: float, last_activity: float, now: float) -> None:
        """What an earlier run knew of it. From now on it has its time to be heard of."""
        self.state = self._heard_in = state
        self.ttl, self.heard_at, self.last_activity = ttl, heard_at, last_activity
        self.look(now)

    def continues(self, earlier: PushedAgent, now: float) -> None:
        """It was heard of anew before what an earlier run knew of it could be read."""
        started_again = bool(self.pid and earlier.pid) and self.identity != earlier.identity
        self.restart_count = earlier.restart_count + started_again
        if self.state is earlier.state and self.state in _QUIET:
            self.last_activity = earlier.last_activity
        self.look(now)

    def _enters(self, state: State, reason: str, silence: Silence | None) -> None:
        self.state, self.reason, self._silence = state, reason, silence
        self._before_waiting, self._asking = None, set()

    def _heard(self, now: float) -> None:
        self.heard_at = self._silent_since = now
        before, self._heard_in = self._heard_in, self._state_and_reason()[0]
        if self._heard_in is not before or before not in _QUIET or not self.last_activity:
            self.last_activity = now
        self.look(now)

    # --- what follows -----------------------------------------------------------------------------------------------

    def look(self, now: float) -> bool:
        """Judges its silence at `now`.

        Returns:
            Whether the sample is another one than before.
        """
        self._silent_since = min(self._silent_since, now)  # the clock was set back: its time begins anew
        self.due_at = math.inf
        running, reason = True, self.gone
        state: State | None = None
        if self.gone or self.state is State.STOPPED:
            running, reason = False, self.gone or self.reason or "it said that it has stopped"
        else:
            state, reason = self._state_and_reason()
            if silence := self._means():
                due_at = self._silent_since + silence.after
                if now >= due_at:
                    state, reason = silence.state, silence.reason
                else:
                    self.due_at = due_at
        sample = AgentSample(
            name=self.name,
            running=running,
            role=self.role,
            restart_count=self.restart_count,
            last_activity=self.last_activity,
            reported=state,
            has_work=self.has_work,
            pid=self.pid,
            reason=reason,
            proven=True,  # how long it is believed without a further word is judged here
            detail=Detail(self.pane_id, self.session_id, self.named, task=self.task, folder=self.folder),
        )
        if sample == self._sample:
            return False
        self._sample = sample
        return True

    def _state_and_reason(self) -> tuple[State | None, str]:
        if self._subagents and self.state in (State.IDLE, None):
            count = len(self._subagents)
            return State.BUSY, "a subagent is at work" if count == 1 else f"{count} subagents are at work"
        return self.state, self.reason

    def _means(self) -> Silence | None:
        if self.ttl is not None:
            return Silence(self.ttl, State.UNRESPONSIVE, f"no heartbeat for more than {self.ttl:g} s")
        if self._silence is None and self._subagents:
            return Silence(TOOL_TAKES, State.IDLE, f"nothing was heard of its subagents for more than {TOOL_TAKES:g} s")
        return self._silence
