"""Several sources see one agent: which words are about the same one, and whom to believe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.model import AgentSample, Detail, Reading, State
from telemetry.sources.base import SourceError
from telemetry.sources.merged import MergedSource, Part
from telemetry.sources.merging import Links, Said, Word, believe, combine

NOW = 1_800_000_000.0
PROCESS, CLAUDE, PUSH, TMUX = range(4)


def tmux(name: str, pid: int | None = None, *, named: bool = True, **more: Any) -> AgentSample:
    sample = AgentSample(
        name,
        running=pid is not None,
        pid=pid,
        reported=State.IDLE if pid else None,
        proven=True,
        last_activity=NOW - 30,
        detail=Detail(pane_id="%1", named=named),
    )
    return sample._replace(**more)


def claude(name: str, pid: int | None = None, session: str = "", *, named: bool = True, **more: Any) -> AgentSample:
    sample = AgentSample(
        name,
        running=pid is not None,
        pid=pid,
        reported=State.WAITING if pid else None,
        reason="waits for a permission" if pid else "its process is gone",
        last_activity=NOW - 10,
        detail=Detail(session_id=session, named=named),
    )
    return sample._replace(**more)


def join(
    links: Links, *said: tuple[str, int, list[AgentSample]], only_more: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    joined = links.join([Said(name, rank, samples, NOW, name not in only_more) for name, rank, samples in said])
    return {name: [f"{word.source}:{word.sample.name}" for word in words] for name, words in joined.items()}


# --- which words are about one agent ----------------------------------------------------------------------------------


def test_the_same_process_is_the_same_agent_and_the_name_somebody_gave_wins() -> None:
    links = Links()
    panes = [tmux("claude", 10, named=False), tmux("boss", 11)]
    sessions = [claude("researcher", 10, "s1"), claude("repo", 11, "s2", named=False)]
    assert join(links, ("tmux", TMUX, panes), ("claude", CLAUDE, sessions)) == {
        "researcher": ["tmux:claude", "claude:researcher"],
        "boss": ["tmux:boss", "claude:repo"],
    }


def test_the_same_session_is_the_same_agent_whatever_it_is_called() -> None:
    sessions = [claude("researcher", 10, "s1")]
    pushed = [AgentSample("repo", running=True, reported=State.BUSY, detail=Detail(session_id="s1", named=False))]
    assert join(Links(), ("claude", CLAUDE, sessions), ("push", PUSH, pushed)) == {
        "researcher": ["claude:researcher", "push:repo"]
    }


def test_the_same_name_is_the_same_agent() -> None:
    pushed = [AgentSample("boss", running=True, reported=State.BUSY)]
    assert join(Links(), ("tmux", TMUX, [tmux("boss", 10)]), ("push", PUSH, pushed)) == {
        "boss": ["tmux:boss", "push:boss"]
    }


def test_two_that_are_only_called_after_the_same_program_are_two() -> None:
    panes, sessions = [tmux("claude", 10, named=False)], [claude("claude", 20, "s", named=False)]
    assert list(join(Links(), ("tmux", TMUX, panes), ("claude", CLAUDE, sessions))) == ["claude", "claude#2"]


def test_a_source_that_only_says_more_brings_no_agents_of_its_own() -> None:
    panes, sessions = [tmux("boss", 10)], [claude("x", 10, "s1"), claude("y", 99, "s2")]
    assert join(Links(), ("tmux", TMUX, panes), ("claude", CLAUDE, sessions), only_more=("claude",)) == {
        "boss": ["tmux:boss", "claude:x"]
    }


def test_what_was_one_agent_stays_one_when_its_process_is_gone() -> None:
    links = Links()
    join(links, ("tmux", TMUX, [tmux("claude", 10, named=False)]), ("claude", CLAUDE, [claude("researcher", 10, "s1")]))
    dead = (("tmux", TMUX, [tmux("claude", named=False)]), ("claude", CLAUDE, [claude("researcher", session="s1")]))
    assert join(links, *dead) == {"researcher": ["tmux:claude", "claude:researcher"]}
    # its session ended in an orderly way, and its pane is still there
    assert join(links, ("tmux", TMUX, [tmux("claude", named=False)]), ("claude", CLAUDE, [])) == {
        "researcher": ["tmux:claude"]
    }


def test_a_new_session_in_the_place_of_a_killed_one_is_the_same_agent_and_the_ghost_is_none() -> None:
    links = Links()
    join(links, ("tmux", TMUX, [tmux("boss", 10)]), ("claude", CLAUDE, [claude("old", 10, "s1")]))
    join(links, ("tmux", TMUX, [tmux("boss")]), ("claude", CLAUDE, [claude("old", session="s1")]))
    both = [claude("old", session="s1"), claude("new", 11, "s2")]
    for _ in range(2):
        assert join(links, ("tmux", TMUX, [tmux("boss", 11)]), ("claude", CLAUDE, both)) == {
            "boss": ["tmux:boss", "claude:new"]
        }


def test_one_whose_own_source_saw_it_end_in_order_is_missed_by_nobody_who_only_knows_its_program() -> None:
    gone: set[int] = set()
    nobody: list[AgentSample] = []
    links = Links(lambda pid: pid in gone)
    pane, session = tmux("claude", 10, named=False), claude("repo-1", 10, "s1")
    join(links, ("tmux", TMUX, [pane]), ("claude", CLAUDE, [session]))
    alone = (("tmux", TMUX, [pane]), ("claude", CLAUDE, nobody))
    assert list(join(links, *alone)) == ["repo-1"], "its process still runs"
    gone.add(10)
    assert join(links, *alone) == {}
    assert join(links, ("tmux", TMUX, [tmux("claude", named=False)]), ("claude", CLAUDE, [])) == {}
    anew = (("tmux", TMUX, [tmux("claude", 11, named=False)]), ("claude", CLAUDE, nobody))
    assert list(join(links, *anew)) == ["repo-1"], "somebody started one again in that pane"


def test_a_pane_that_somebody_named_stays_expected_and_so_does_a_ghost() -> None:
    links = Links(lambda _: True)
    join(links, ("tmux", TMUX, [tmux("boss", 10)]), ("claude", CLAUDE, [claude("x", 10, "s1")]))
    assert list(join(links, ("tmux", TMUX, [tmux("boss")]), ("claude", CLAUDE, []))) == ["boss"]
    links = Links(lambda _: True)
    join(links, ("tmux", TMUX, [tmux("claude", 10, named=False)]), ("claude", CLAUDE, [claude("x", 10, "s1")]))
    killed = (("tmux", TMUX, [tmux("claude", named=False)]), ("claude", CLAUDE, [claude("x", session="s1")]))
    assert list(join(links, *killed)) == ["x"]


def test_teammates_are_where_their_lead_is() -> None:
    lead = claude("lead", 10, "s1", detail=Detail(session_id="s1", team="t"))
    mate = claude("scout", 11, detail=Detail(team="t"))
    other = claude("stranger", 12, detail=Detail(team="u"))
    said = (("tmux", TMUX, [tmux("boss", 10)]), ("claude", CLAUDE, [lead, mate, other]))
    assert list(join(Links(), *said, only_more=("claude",))) == ["boss", "scout"]


def test_several_agents_that_live_in_one_process_stay_several() -> None:
    sessions = [claude("lead", 10, "s1"), claude("scout", 10), claude("coder", 10)]
    assert join(Links(), ("tmux", TMUX, [tmux("boss", 10)]), ("claude", CLAUDE, sessions)) == {
        "boss": ["tmux:boss", "claude:lead"],
        "scout": ["claude:scout"],
        "coder": ["claude:coder"],
    }


_NAMES = st.sampled_from(["a", "b", "claude", "a#2"])
_SAMPLES = st.builds(
    lambda name, pid, session, named, state: AgentSample(
        name,
        running=pid is not None,
        pid=pid,
        reported=state if pid else None,
        detail=Detail(session_id=session, named=named),
    ),
    _NAMES,
    st.one_of(st.none(), st.integers(1, 3)),
    st.sampled_from(["", "s", "t"]),
    st.booleans(),
    st.sampled_from([None, State.BUSY, State.IDLE, State.WAITING, State.UNRESPONSIVE, State.UNKNOWN]),
)
_ROUND = st.tuples(*(st.lists(_SAMPLES, max_size=3, unique_by=lambda s: s.name) for _ in range(3)))


@given(st.lists(_ROUND, max_size=5))
def test_whatever_is_said_every_name_is_one_agents_and_nobody_of_the_first_source_is_lost(
    rounds: list[tuple[list[AgentSample], ...]],
) -> None:
    links = Links()
    for said in rounds:
        joined = links.join(
            [
                Said(name, rank, samples, NOW)
                for name, rank, samples in zip("abc", (TMUX, CLAUDE, PUSH), said, strict=True)
            ]
        )
        words = [word for held in joined.values() for word in held]
        assert {w.sample.name for w in words if w.source == "a"} == {s.name for s in said[0]}
        assert len({(w.source, w.sample.name) for w in words}) == len(words)
        for name, held in joined.items():
            assert len({w.source for w in held}) == len(held)
            sample = combine(name, held)
            assert sample.name == name
            assert sample.running or sample.reported in (None, State.UNKNOWN)


# --- whom to believe ------------------------------------------------------------------------------------------------


def word(source: str, directness: int, sample: AgentSample) -> Word:
    return Word(source, directness, sample, NOW)


def test_the_more_direct_word_is_believed_and_says_what_for() -> None:
    seen = [
        word("tmux", TMUX, tmux("boss", 10)),
        word("claude", CLAUDE, claude("repo", 10)),
        word("process", PROCESS, AgentSample("boss", running=True, pid=10, last_activity=NOW - 1)),
    ]
    told = [(found.source, found.used_for) for found in believe(seen)]
    assert told == [("process", ("life",)), ("claude", ("state",)), ("tmux", ())]
    sample = combine("boss", seen)
    assert (sample.reported, sample.reason, sample.running) == (State.WAITING, "waits for a permission", True)
    assert sample.last_activity == NOW - 10


def test_who_has_not_looked_at_the_process_proves_no_life() -> None:
    pushed = AgentSample("boss", running=True, reported=State.BUSY)
    sample = combine("boss", [word("tmux", TMUX, tmux("boss", reason="only bash is left")), word("push", PUSH, pushed)])
    assert (sample.running, sample.reported, sample.reason) == (False, None, "only bash is left")


def test_a_living_process_is_believed_before_another_one_that_is_gone() -> None:
    sample = combine("boss", [word("tmux", TMUX, tmux("boss", 11)), word("claude", CLAUDE, claude("x", session="s1"))])
    assert (sample.running, sample.pid, sample.reported) == (True, 11, State.IDLE)


def test_a_busy_agent_is_alive_by_any_sign_of_life() -> None:
    busy = claude("boss", 10, reported=State.BUSY, last_activity=NOW - 500)
    sample = combine(
        "boss", [word("tmux", TMUX, tmux("boss", 10, last_activity=NOW - 1)), word("claude", CLAUDE, busy)]
    )
    assert (sample.reported, sample.last_activity, sample.proven) == (State.BUSY, NOW - 1, False)


def test_a_source_that_can_not_tell_leaves_it_to_the_others() -> None:
    blind = claude("boss", 10, reported=State.UNKNOWN, reason="claude: no answer")
    sample = combine("boss", [word("tmux", TMUX, tmux("boss", 10)), word("claude", CLAUDE, blind)])
    assert (sample.reported, sample.running) == (State.IDLE, True)
    alone = combine("x", [word("claude", CLAUDE, blind), word("push", PUSH, blind)])
    assert alone.reported is State.UNKNOWN


def test_restarts_never_fall_and_roles_panes_and_work_come_from_who_knows_them() -> None:
    seen = [
        word("tmux", TMUX, tmux("boss", 10, role="plans", pane_index=3, restart_count=1)),
        word("claude", CLAUDE, claude("boss", 10, "s1", has_work=True, restart_count=4)),
    ]
    sample = combine("boss", seen)
    assert (sample.role, sample.pane_index, sample.restart_count, sample.has_work) == ("plans", 3, 4, True)
    assert (sample.detail.pane_id, sample.detail.session_id) == ("%1", "s1")
    assert combine("boss", seen[:1], sample).restart_count == 4


def test_one_word_alone_is_handed_on_as_it_is() -> None:
    sample = tmux("boss", 10)
    assert combine("boss", [word("tmux", TMUX, sample)]) is sample


# --- the source of sources ------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A source that can tell by itself, and says what a test wants said."""

    name: str
    reading: Reading = field(default_factory=lambda: Reading(()))
    cluster: str = "demo"
    error: Exception | None = None
    holds: asyncio.Event | None = None
    heard: Reading | None = None
    must_look: bool = False
    changed: Callable[[], None] | None = None
    closed: bool = False
    forgets: tuple[str, ...] = ()

    async def read(self, now: float) -> Reading:
        if self.holds is not None:
            await self.holds.wait()
        if self.error is not None:
            raise self.error
        return self.reading

    def listen(self, changed: Callable[[], None]) -> None:
        self.changed = changed

    def glance(self, now: float) -> Reading | None:
        return None if self.must_look else self.heard or self.reading

    async def forget(self, name: str) -> bool:
        return name in self.forgets

    async def close(self) -> None:
        self.closed = True


def merged(*sources: Scripted, patience: float = 0.02) -> MergedSource:
    ranks = {"tmux": TMUX, "claude": CLAUDE, "push": PUSH, "process": PROCESS}
    return MergedSource([Part(source, ranks[source.name]) for source in sources], timeout=60, patience=patience)


def test_what_nobody_says_anew_is_the_very_same_and_one_change_is_one_new_sample() -> None:
    async def scene() -> None:
        pane, session = tmux("boss", 10), claude("x", 10, "s1")
        one, other = Scripted("tmux", Reading((pane, tmux("b", 11)))), Scripted("claude", Reading((session,)))
        source = merged(one, other)
        first = await source.read(NOW)
        again = await source.read(NOW + 1)
        assert all(a is b for a, b in zip(first.agents, again.agents, strict=True))
        other.heard = Reading((session._replace(reported=State.BUSY),))
        glance = source.glance(NOW + 2)
        assert glance is not None
        assert glance.agents[0].reported is State.BUSY
        assert glance.agents[1] is first.agents[1]

    asyncio.run(scene())


def test_one_that_hangs_does_not_keep_the_others_waiting_and_fails_after_a_while() -> None:
    async def scene() -> None:
        pane = tmux("boss", 10)
        slow, quick = Scripted("tmux", Reading((pane,))), Scripted("claude", Reading((claude("x", 20, "s1"),)))
        source = merged(slow, quick)
        await source.read(NOW)
        slow.holds = asyncio.Event()
        late = await source.read(NOW + 5)
        assert [agent.reported for agent in late.agents] == [State.IDLE, State.WAITING]
        given_up = await source.read(NOW + 65)
        assert [agent.reported for agent in given_up.agents] == [State.UNKNOWN, State.WAITING]
        assert given_up.problems == ("tmux: no answer within 60 s",)
        slow.holds.set()
        await asyncio.sleep(0)
        answered = await source.read(NOW + 70)
        assert [agent.reported for agent in answered.agents] == [State.IDLE, State.WAITING]
        await source.close()
        assert slow.closed
        assert quick.closed

    asyncio.run(scene())


def test_a_fault_in_one_source_is_told_and_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        broken = Scripted("tmux", error=ZeroDivisionError("oops"))
        source = merged(broken, Scripted("claude", Reading((claude("x", 20, "s1"),))))
        for at in range(3):
            reading = await source.read(NOW + at)
            assert [agent.name for agent in reading.agents] == ["x"]
            assert reading.problems == ("tmux: ZeroDivisionError in the source (traceback in the log)",)

    asyncio.run(scene())
    assert sum("oops" in str(record.exc_info) for record in caplog.records) == 1


def test_when_nobody_knows_of_anybody_and_one_fails_the_cluster_can_not_be_seen() -> None:
    async def scene() -> None:
        source = merged(Scripted("tmux", error=SourceError("tmux was not found")), Scripted("claude"))
        with pytest.raises(SourceError, match="tmux was not found"):
            await source.read(NOW)

    asyncio.run(scene())


def test_a_source_that_must_look_has_all_of_them_read() -> None:
    async def scene() -> None:
        one = Scripted("tmux", Reading((tmux("boss", 10),)))
        source = merged(one, Scripted("claude"))
        assert source.glance(NOW) is None
        await source.read(NOW)
        assert source.glance(NOW) is not None
        assert not source.must_look
        one.must_look = True
        heard = source.glance(NOW)
        assert heard is not None, "what the others heard is not kept waiting"
        assert source.must_look

    asyncio.run(scene())


def test_every_source_is_listened_to_and_the_first_names_the_cluster() -> None:
    one, other = Scripted("tmux", cluster="main"), Scripted("claude", cluster="else")
    source = merged(one, other)
    heard: list[int] = []
    source.listen(lambda: heard.append(1))
    for scripted in (one, other):
        assert scripted.changed is not None
        scripted.changed()
    assert (heard, source.cluster, source.name) == ([1, 1], "main", "tmux")


def test_a_session_that_is_gone_takes_no_cluster_down_whose_agents_run_elsewhere() -> None:
    async def scene() -> None:
        gone = Reading((tmux("boss"),), session_name="work", session_exists=False)
        source = merged(Scripted("tmux", gone), Scripted("claude", Reading((claude("x", 20, "s1"),))))
        assert (await source.read(NOW)).session_exists
        alone = merged(Scripted("tmux", gone), Scripted("claude"))
        assert not (await alone.read(NOW)).session_exists

    asyncio.run(scene())


def test_an_agent_is_forgotten_by_whoever_can_and_explained_by_all() -> None:
    async def scene() -> None:
        one = Scripted("tmux", Reading((tmux("claude", 10, named=False),)), forgets=("claude",))
        source = merged(one, Scripted("claude", Reading((claude("researcher", 10, "s1"),))))
        await source.read(NOW)
        assert [(w.source, w.sample.name, w.used_for) for w in source.words("researcher")] == [
            ("claude", "researcher", ("life", "state")),
            ("tmux", "claude", ()),
        ]
        assert await source.forget("researcher")
        assert not await source.forget("nobody")

    asyncio.run(scene())
