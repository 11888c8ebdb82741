"""Several words about one agent become one: which of them are about the same agent, and whom to believe. Pure.

Two words are about one agent when they name the same Claude Code session, the same process, or the same name that
somebody gave; and as long as both are there, once they were. When the most direct of them falls silent about an agent
that ran, it has ended in an orderly way: who only knows its program, as tmux does, has nothing to miss then. Of
several, the most direct one is believed: who looked at the process itself, then the agent's own files, then what it
pushed, then what its pane shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from telemetry.model import NO_DETAIL, AgentSample, Detail, State


class Word(NamedTuple):
    """What one source says of one agent.

    Attributes:
        source: The source's kind.
        directness: Of its kind: the lowest is believed first.
        sample: What it says.
        at: When it was heard (Unix s).
        used_for: What of it is believed: `life`, `state`, `activity`; empty where others are believed.
    """

    source: str
    directness: int
    sample: AgentSample
    at: float
    used_for: tuple[str, ...] = ()


class Said(NamedTuple):
    """All that one source says in one round.

    Attributes:
        adds: Whether agents that only this source knows belong to the cluster; otherwise it only says more of others',
            and of their teammates.
    """

    source: str
    directness: int
    samples: Sequence[AgentSample]
    at: float
    adds: bool = True


class Links:
    """Remembers which of the sources' agents are one, and under which name.

    Args:
        is_gone: Whether a process runs no more.
    """

    def __init__(self, is_gone: Callable[[int], bool] = lambda _: False) -> None:
        self._is_gone = is_gone
        self._names: dict[tuple[str, str], str] = {}
        """(source, its name for the agent) → the agent's name."""
        self._nearest: dict[str, Word] = {}
        """By agent, the most direct word of the last round."""
        self.left: dict[str, int] = {}
        """The process of each agent that ended in an orderly way while others speak of it."""

    def join(self, said: Sequence[Said]) -> dict[str, list[Word]]:
        """Every agent of the cluster by its name, in the order of the sources, with all that is said of it."""
        groups: list[_Group] = []
        succeeded: dict[tuple[str, str], str] = {}
        seats = _Seats(groups)
        for one in said:
            waiting: list[AgentSample] = []
            for sample in one.samples:  # what can't be mistaken goes first
                group = seats.same_thing(one.source, sample)
                if group is None:
                    waiting.append(sample)
                else:
                    seats.take(group, one, sample)
                    group.sure.add(one.source)
            for sample in waiting:
                known_as = self._names.get((one.source, sample.name))
                group = seats.free(known_as, one.source) or (
                    seats.free(sample.name, one.source) if sample.detail.named or sample.pid is None else None
                )
                if group is not None:
                    seats.take(group, one, sample)
                elif known_as and not sample.running and seats.is_succeeded(known_as, one.source):
                    succeeded[one.source, sample.name] = known_as  # another run of the same agent has its place
                elif one.adds or sample.detail.team in seats.teams[one.source]:
                    seats.take(seats.new(self._name_of(one, sample, seats)), one, sample)
        joined = {self._final_name(group, seats): group.words for group in groups}
        self._names = {(word.source, word.sample.name): name for name, words in joined.items() for word in words}
        self._names.update(succeeded)
        return {name: words for name, words in joined.items() if not self._has_left(name, words)}

    def _has_left(self, name: str, words: Sequence[Word]) -> bool:
        """Whether an agent ended in an orderly way, and nobody who speaks of it still has to expect it."""
        nearest = min(words, key=lambda word: word.directness)
        before = self._nearest.get(name)
        self._nearest[name] = nearest
        silent = before is not None and nearest.directness > before.directness
        if silent and before is not None and before.sample.running and before.sample.pid is not None:
            self.left[name] = before.sample.pid
        pid = self.left.get(name)
        if pid is None:
            return False
        runs_anew = any(word.sample.running and word.sample.pid not in {None, pid} for word in words)
        if runs_anew or any(word.sample.detail.named for word in words):
            del self.left[name]
            return False
        return self._is_gone(pid)

    def name_of(self, source: str, name: str) -> str | None:
        """The agent that a source's agent was joined to in the last round, or None."""
        return self._names.get((source, name))

    def _name_of(self, one: Said, sample: AgentSample, seats: _Seats) -> str:
        return _unused(self._names.get((one.source, sample.name)) or sample.name, seats.by_name)

    @staticmethod
    def _final_name(group: _Group, seats: _Seats) -> str:
        """The name somebody gave it, where the first source to know it only told which program it is."""
        if group.words[0].sample.detail.named:
            return group.name
        given = next((word.sample.name for word in group.words if word.sample.detail.named), "")
        if not given or given == group.name:
            return group.name
        del seats.by_name[group.name]
        group.name = _unused(given, seats.by_name)
        seats.by_name[group.name] = group
        return group.name


class _Group:
    """One agent while the words about it are gathered."""

    __slots__ = ("name", "sources", "sure", "words")

    def __init__(self, name: str) -> None:
        self.name = name
        self.words: list[Word] = []
        self.sources: set[str] = set()
        self.sure: set[str] = set()
        """Those whose word can be about nobody else."""


class _Seats:
    """Finds the agent that a word is about."""

    def __init__(self, groups: list[_Group]) -> None:
        self._groups = groups
        self.by_name: dict[str, _Group] = {}
        self.teams: dict[str, set[str]] = defaultdict(set)
        """By source, the teams of which an agent belongs to the cluster."""
        self._by_pid: dict[int, _Group] = {}
        self._by_session: dict[str, _Group] = {}

    def new(self, name: str) -> _Group:
        group = _Group(name)
        self._groups.append(group)
        self.by_name[name] = group
        return group

    def take(self, group: _Group, one: Said, sample: AgentSample) -> None:
        group.words.append(Word(one.source, one.directness, sample, one.at))
        group.sources.add(one.source)
        if sample.detail.team:
            self.teams[one.source].add(sample.detail.team)
        # the first to name a process has it: what else lives in it is known by its name
        if sample.pid is not None:
            self._by_pid.setdefault(sample.pid, group)
        if sample.detail.session_id:
            self._by_session.setdefault(sample.detail.session_id, group)

    def same_thing(self, source: str, sample: AgentSample) -> _Group | None:
        found = self._by_session.get(sample.detail.session_id) if sample.detail.session_id else None
        if found is None and sample.pid is not None and sample.running:
            found = self._by_pid.get(sample.pid)
        return found if found is not None and source not in found.sources else None

    def is_succeeded(self, name: str | None, source: str) -> bool:
        """Whether this source has surely spoken of another run of that agent."""
        found = self.by_name.get(name) if name else None
        return found is not None and source in found.sure

    def free(self, name: str | None, source: str) -> _Group | None:
        """The agent of that name, unless this source has spoken of it already."""
        found = self.by_name.get(name) if name else None
        return found if found is not None and source not in found.sources else None


def links_alike(one: AgentSample, other: AgentSample) -> bool:
    """Whether both would be joined to the same agent."""
    return (
        one.name == other.name
        and one.running == other.running
        and one.pid == other.pid
        and one.detail.session_id == other.detail.session_id
        and one.detail.named == other.detail.named
    )


def _unused(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    told, number = name, 1
    while told in taken:
        number += 1
        told = f"{name}#{number}"
    return told


def believe(words: Sequence[Word]) -> tuple[Word, ...]:
    """The same words, the most direct first, each with what of it is believed."""
    ranked = sorted(words, key=lambda word: word.directness)
    # A process that somebody sees alive is nearer to the agent than another one that is gone, whoever missed that one
    life = _first(ranked, _sees_life) or _first(ranked, _saw_the_end) or _first(ranked, _knows)
    state = _first(ranked, lambda word: word.sample.running and _has_state(word)) if life else None
    if life is not None and not life.sample.running:
        state = life
    told = {
        id(word): [what for what, chosen in (("life", life), ("state", state)) if chosen is word] for word in ranked
    }
    return tuple(word._replace(used_for=tuple(told[id(word)])) for word in ranked)


def combine(name: str, words: Sequence[Word], before: AgentSample | None = None) -> AgentSample:
    """One sample of all that is said of an agent.

    Args:
        name: The agent's.
        words: At least one.
        before: What was made of them last time: its count of restarts never falls.
    """
    if (
        len(words) == 1
        and words[0].sample.name == name
        and (before is None or before.restart_count <= words[0].sample.restart_count)
    ):
        return words[0].sample
    ranked = believe(words)
    life = next((word for word in ranked if "life" in word.used_for), None)
    state = next((word for word in ranked if "state" in word.used_for), None)
    samples = [word.sample for word in ranked]
    sample = (life or ranked[0]).sample
    restarts = max(*(s.restart_count for s in samples), before.restart_count if before else 0)
    told = state.sample if state is not None else sample
    reported = told.reported if life is not None else State.UNKNOWN
    activity = told.last_activity
    if reported is State.BUSY or reported is None:  # any sign of life counts for one that should give them
        activity = max(s.last_activity for s in samples)
    return AgentSample(
        name=name,
        running=sample.running,
        role=next((word.sample.role for word in words if word.sample.role), ""),
        restart_count=restarts,
        last_activity=activity or max(s.last_activity for s in samples),
        reported=reported if sample.running or reported is State.UNKNOWN else None,
        has_work=next((s.has_work for s in samples if s.has_work is not None), None),
        pane_index=next((s.pane_index for s in samples if s.pane_index is not None), None),
        pid=next((s.pid for s in samples if s.pid is not None), None) if sample.running else None,
        reason=told.reason if reported is not None or not sample.running else sample.reason,
        proven=told.proven,
        detail=_detail(samples, sample),
    )


def _knows(word: Word) -> bool:
    return word.sample.reported is not State.UNKNOWN


def _sees_life(word: Word) -> bool:
    """Whether it has looked at a living process; what is merely heard of one proves nothing."""
    return _knows(word) and word.sample.running and word.sample.pid is not None


def _saw_the_end(word: Word) -> bool:
    return _knows(word) and not word.sample.running


def _has_state(word: Word) -> bool:
    return word.sample.reported is not None and _knows(word)


def _first(words: Sequence[Word], wanted: Callable[[Word], bool]) -> Word | None:
    return next((word for word in words if wanted(word)), None)


def _detail(samples: Sequence[AgentSample], believed: AgentSample) -> Detail:
    """What each knows besides: the first that knows it."""
    if all(sample.detail is NO_DETAIL for sample in samples):
        return NO_DETAIL
    details = [sample.detail for sample in samples]
    return Detail(
        pane_id=next((d.pane_id for d in details if d.pane_id), ""),
        session_id=next((d.session_id for d in details if d.session_id), ""),
        named=any(d.named for d in details),
        exit_status=None
        if believed.running
        else next((d.exit_status for d in details if d.exit_status is not None), None),
        cpu_seconds=next((d.cpu_seconds for d in details if d.cpu_seconds is not None), None),
        memory_bytes=next((d.memory_bytes for d in details if d.memory_bytes is not None), None),
        task=next((d.task for d in details if d.task), ""),
        folder=next((d.folder for d in details if d.folder), ""),
        team=next((d.team for d in details if d.team), ""),
    )
