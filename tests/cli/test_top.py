"""What a person does with `top`: sees a change at once, acknowledges, silences, filters, sorts, jumps, reads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from telemetry.cli.live.board import Board
from telemetry.cli.live.overview import overview
from telemetry.cli.live.text import width
from telemetry.cli.top import jumping
from telemetry.cli.top.client import RefusedError
from telemetry.cli.top.dialogs import Reader
from telemetry.cli.top.rows import Rates, columns, header, line, ordered
from telemetry.cli.top.screen import Top
from telemetry.cli.top.tables import Agents
from tests.cli.boards import NOW, agent, alert, board, cluster, items, taken
from tests.cli.test_logs import record
from tests.daemons import Daemon, Tmux, daemon, environment, run
from tests.waiting import eventually

HOSTILE = "[bold]x\x1b[2J\x1b]0;t\x07\r\u202e[/] [link=file:///etc]y"


class FakeClient:
    """A daemon that does as the test says."""

    def __init__(self, held: Board) -> None:
        self.board = held
        self.news: asyncio.Queue[None] = asyncio.Queue()
        self.asked: list[tuple[Any, ...]] = []
        self.refuses = ""

    def change(self, **more: dict[str, Any] | None) -> None:
        """An item by its key with `/` as `__`; None: it is gone."""
        keyed = {key.replace("__", "/"): value for key, value in more.items()}
        gone = [key for key, value in keyed.items() if value is None]
        self.board.take("change", {"now": NOW, "set": {k: v for k, v in keyed.items() if v}, "gone": gone}, "boot-2")
        self.news.put_nowait(None)

    async def follow(self) -> AsyncIterator[None]:
        while True:
            await self.news.get()
            yield

    async def acknowledge(self, alert: str, note: str) -> None:
        self._take("ack", alert, note)

    async def silence(self, what: Mapping[str, str], seconds: float, reason: str) -> None:
        self._take("silence", dict(what), seconds, reason)

    def _take(self, *asked: Any) -> None:
        if self.refuses:
            raise RefusedError(self.refuses)
        self.asked.append(asked)

    async def explain(self, cluster: str, agent: str) -> Mapping[str, Any]:
        held = self.board.items[f"agent/{cluster}/{agent}"]
        word = {"source": "tmux", "age": 4.0, "says": "idle", "reason": HOSTILE, "believed_for": ["life"]}
        told = {
            "words": [word],
            "disagreement": "tmux says idle",
            "deaths_are_seen": "at once",
            "now": NOW,
            "alerts": [],
        }
        return {**held, **told}

    async def lines(self, cluster: str, agent: str, count: int) -> Mapping[str, Any]:
        return {"source": "tmux", "lines": ["$ make test", f"  {HOSTILE}"]}


WORLD = (
    agent("alpha", task=HOSTILE),
    agent("beta[1]", "stopped", reason="it was killed by signal 9", restart_count=3),
    agent("gamma", "idle", active_at=NOW - 900, memory_bytes=700 * 2**20),
    alert("3f2a9c01de", "beta[1]", message=HOSTILE),
    alert("77c2ab0712", "", "warning", rule="stopped_agents", message="1 of 3 agents stopped"),
)


def screen_text(app: Top) -> str:
    """What stands on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def until(pilot: Pilot[None], so: Callable[[], object]) -> None:
    """Lets the application run until it is so."""
    for _ in range(500):
        await pilot.pause(0.01)
        if so():
            return
    raise AssertionError(f"it was not so; the screen:\n{screen_text(pilot.app)}")  # type: ignore[arg-type]


def using(
    test: Callable[[Pilot[None], Top, FakeClient], Awaitable[None]], size: tuple[int, int] = (80, 24), **o: Any
) -> None:
    """Runs a test in the application on a screen of 80 by 24."""

    async def go() -> None:
        client = FakeClient(o.pop("held", None) or board(*WORLD))
        app = Top(client, **o)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await test(pilot, app, client)

    asyncio.run(go())


def test_the_first_screen_says_it_all_at_80_by_24() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        shown = screen_text(app)
        assert "main: 1 of 3 agents working, 1 idle; beta[1] stopped 2 min ago" in shown
        rows = shown.splitlines()
        assert len(rows) == 24
        assert max(map(width, rows)) <= 80
        at = {
            name: next(n for n, line in enumerate(rows) if line.lstrip().startswith(name))
            for name in ("alpha", "beta[1]")
        }
        assert at["beta[1]"] < at["alpha"]
        assert "■ stopped" in shown
        assert "3f2a9c01de" in shown
        assert "1 of 3 agents stopped" in shown
        assert "q quit" in shown
        assert not {c for c in shown if c != "\n" and not c.isprintable()}
        assert "[bold]x" in shown  # text, and no markup

    using(test)


def test_a_change_is_seen_without_a_key_and_the_cursor_stays_on_its_agent() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("down", "down")
        assert app.agent is not None
        name = app.agent["name"]
        client.change(agent__main__zed=agent("zed", "stopped"))
        await until(pilot, lambda: "zed" in screen_text(app))
        assert app.agent["name"] == name
        client.change(agent__main__zed=None)
        await until(pilot, lambda: "zed" not in screen_text(app))
        assert app.agent["name"] == name

    using(test)


def test_a_cursor_that_was_not_moved_is_on_the_worst() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        client.change(agent__main__aaa=agent("aaa", "stopped"))
        await until(pilot, lambda: "aaa" in screen_text(app))
        assert app.agent is not None
        assert app.agent["name"] == "aaa"

    using(test)


def test_a_lost_connection_is_said_and_so_is_its_end() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        client.board.lose("the monitor ended")
        client.news.put_nowait(None)
        await until(pilot, lambda: "connection lost since" in screen_text(app))
        assert "beta[1]" in screen_text(app)
        client.board.take("hello", {"now": NOW})
        client.news.put_nowait(None)
        await until(pilot, lambda: "connection lost since" not in screen_text(app))

    using(test)


@pytest.mark.slow
def test_acknowledging_the_agents_worst_alert_with_a_note() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("a")
        await until(pilot, lambda: "You take care of" in screen_text(app))
        await pilot.press(*"restarting it", "enter")
        await until(pilot, lambda: client.asked)
        assert client.asked == [("ack", "3f2a9c01de", "restarting it")]
        client.change(alert__3f2a9c01de=alert("3f2a9c01de", "beta[1]", acknowledged=taken("ann", "restarting it")))
        await until(pilot, lambda: "✓ ann: restarting it" in screen_text(app))
        await pilot.press("a")
        await until(pilot, lambda: "no alert is open here" in screen_text(app))

    using(test)


@pytest.mark.slow
def test_an_alert_of_the_cluster_is_acknowledged_in_the_list_of_alerts() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("tab", "down", "a")
        await until(pilot, lambda: "You take care of" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: client.asked)
        assert client.asked == [("ack", "77c2ab0712", "")]

    using(test)


@pytest.mark.slow
def test_escape_acknowledges_nothing_and_a_refusal_is_said() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("a", "escape")
        assert client.asked == []
        client.refuses = "no alert that fires has the id [bold]'x'"
        await pilot.press("a")
        await until(pilot, lambda: "You take care of" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "no alert that fires has the id" in " ".join(screen_text(app).split()))

    using(test)


@pytest.mark.slow
def test_a_silence_takes_names_as_they_are_and_asks_again_for_what_is_wrong() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("s")
        await until(pilot, lambda: "For how long" in screen_text(app))
        await pilot.press("ctrl+u", *"soon", "enter")
        await until(pilot, lambda: "it must be a time such as" in screen_text(app))
        await pilot.press("ctrl+u", *"30m", "enter", "enter")
        await until(pilot, lambda: "a reason is needed" in screen_text(app))
        await pilot.press(*"new prompt", "enter")
        await until(pilot, lambda: client.asked)
        assert client.asked == [("silence", {"cluster": "main", "agent": "beta[[]1]"}, 1800.0, "new prompt")]

    using(test)


@pytest.mark.slow
def test_a_filter_is_live_and_escape_ends_it() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        table = app.query_one(Agents)
        await pilot.press("slash", *"gam")
        await until(pilot, lambda: len(table.rows) == 1)
        await pilot.press("enter")
        assert app.agent is not None
        assert app.agent["name"] == "gamma"
        assert "filter: gam" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(table.rows) == 3)

    using(test)


@pytest.mark.slow
def test_letters_typed_into_a_field_are_no_commands() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("slash", *"qadslo")
        assert app.query_one("#filter", Input).value == "qadslo"
        assert app.is_running

    using(test)


@pytest.mark.slow
def test_another_order_with_a_key() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        first = []
        for _ in range(4):
            first.append((app.order, app.query_one(Agents).rows[0]["name"]))
            await pilot.press("o")
            await pilot.pause()
        assert first == [("trouble", "beta[1]"), ("name", "alpha"), ("idle", "gamma"), ("restarts", "beta[1]")]

    using(test)


def test_details_show_every_word_and_the_last_lines_as_text() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("d")
        await until(pilot, lambda: "make test" in screen_text(app))
        shown = screen_text(app)
        assert "SOURCE" in shown
        assert "they disagree" in shown
        assert not {c for c in shown if c != "\n" and not c.isprintable()}
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Reader))

    using(test)


@pytest.mark.slow
def test_its_log_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(record("told slack", agent_name="beta[1]") + record("of another", agent_name="alpha"))

    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("l")
        await until(pilot, lambda: "told slack" in screen_text(app))
        assert "of another" not in screen_text(app)
        with path.open("ab") as file:
            file.write(record("told mail", agent_name="beta[1]"))
        await until(pilot, lambda: "told mail" in screen_text(app))

    using(test, log=path)


@pytest.mark.slow
def test_jumping_goes_to_the_pane_or_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[jumping.Place] = []
    places = [jumping.Place("/tmp/s", "%1", inside=True), jumping.Place("/tmp/s", "%1", inside=False), None]  # noqa: S108 - a name, never opened
    monkeypatch.setattr(jumping, "find", lambda *_: places.pop(0))

    def go(place: jumping.Place) -> str:
        gone.append(place)
        return ""

    monkeypatch.setattr(jumping, "go", go)

    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("j")
        await until(pilot, lambda: gone)
        await pilot.press("enter")
        await until(pilot, lambda: "tmux -S /tmp/s select-window -t %1" in screen_text(app))
        await pilot.press("escape", "j")
        await until(pilot, lambda: "is in no tmux pane" in " ".join(screen_text(app).split()))

    using(test)


def test_help_and_quit() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: "acknowledge the agent's worst alert" in screen_text(app))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, Reader))
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
        assert app.return_code == 0

    using(test)


@pytest.mark.slow
def test_a_thousand_agents_in_two_clusters_and_before_the_first_snapshot() -> None:
    many = [agent(f"worker{n:04}", cluster=f"c{n % 2}") for n in range(1000)]

    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        assert len(app.query_one(Agents).rows) == 1000
        assert "CLUSTER" in screen_text(app)
        client.change(agent__c1__worker0999=agent("worker0999", "stopped", cluster="c1"))
        await until(pilot, lambda: "■ stopped" in screen_text(app))

    using(test, held=board(*many, cluster("c0"), cluster("c1")))

    async def empty(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        assert "asking the monitor" in str(app.query_one("#head", Static).render())

    using(empty, held=Board(lambda: NOW))


@pytest.mark.slow
def test_rows_are_scrolled_to_and_back() -> None:
    async def test(pilot: Pilot[None], app: Top, client: FakeClient) -> None:
        await pilot.press("end")
        await until(pilot, lambda: "worker199" in screen_text(app))
        assert "worker000" not in screen_text(app)
        await pilot.press("pageup", "up")
        assert app.agent is not None
        assert app.agent["name"] < "worker190"
        await pilot.press("home")
        await until(pilot, lambda: "worker000" in screen_text(app))
        client.board.items = {}
        await pilot.press("slash", "x", "enter", "down", "up", "end", "a", "s", "d", "j", "l")
        assert app.is_running

    using(test, held=board(*(agent(f"worker{n:03}") for n in range(200))))


def test_processor_time_is_a_share_between_two_checks() -> None:
    rates, known = Rates(), agent("a", cpu_seconds=10.0)
    rates.see(items(known, cluster(taken_at=NOW)))
    assert rates.of(known) is None
    known = agent("a", cpu_seconds=11.0)
    rates.see(items(known, cluster(taken_at=NOW + 2)))
    assert rates.of(known) == pytest.approx(50.0)
    rates.see(items(known, cluster(taken_at=NOW + 2)))
    assert rates.of(known) == pytest.approx(50.0)
    restarted = agent("a", cpu_seconds=0.5)
    rates.see(items(restarted, cluster(taken_at=NOW + 4)))
    assert rates.of(restarted) is None


@pytest.mark.parametrize("total", [60, 80, 120, 200])
def test_a_row_is_never_wider_than_its_terminal(total: int) -> None:
    known = agent("日本語" * 20, "unresponsive", reason="long " * 90, memory_bytes=10**12, restart_count=12345)
    made = columns(total, 60, several=False)
    for pieces in (line(known, made, NOW, Rates()), header(made)):
        assert width("".join(text for text, _ in pieces)) <= total


def test_orders_turned_round() -> None:
    found = overview(items(*WORLD), NOW)
    names = [one["name"] for one in ordered(found, "name", Rates(), backwards=True)]
    assert names == ["gamma", "beta[1]", "alpha"]
    assert ordered(found, "memory", Rates())[0]["name"] == "gamma"


# --- with real programs ----------------------------------------------------------------------------------------------


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux("alpha", "beta").keep_dead_panes()
    yield server
    server.close()


@pytest.fixture
def watching(tmp_path: Path, tmux: Tmux) -> Iterator[Daemon]:
    arguments = ("dashboard", "--port", "0", "--interval", "0.3", "--tmux-socket", tmux.socket)
    with daemon(tmp_path, *arguments) as running:
        eventually(lambda: running.get("/readyz") == {"status": "ready"})
        yield running


def open_in_tmux(tmux: Tmux, home: Path, *arguments: str) -> str:
    """Runs the program in a session of its own, 80 by 24; the pane's id."""
    variables = " ".join(f"{name}='{value}'" for name, value in environment(home).items())
    program = f"env {variables} {sys.executable} -m telemetry {' '.join(arguments)}"
    line = f"cd {home} && {program}; echo ended with $?; sleep 100"
    return tmux("new-session", "-d", "-x", "80", "-y", "24", "-s", "person", "-P", "-F", "#{pane_id}", "sh", "-c", line)


@pytest.mark.slow
def test_in_a_real_terminal_a_death_is_seen_and_acknowledged(tmp_path: Path, tmux: Tmux, watching: Daemon) -> None:
    pane = open_in_tmux(tmux, tmp_path, "top", "--by", "ann")

    def shown() -> str:
        return tmux("capture-pane", "-p", "-t", pane)

    eventually(lambda: "of 2 agents working" in shown())
    tmux.kill("alpha")
    eventually(lambda: "■ stopped" in shown())
    assert max(map(width, shown().splitlines())) <= 80
    tmux("send-keys", "-t", pane, "a")
    eventually(lambda: "You take care of" in shown())
    tmux("send-keys", "-t", pane, "-l", "on it")
    tmux("send-keys", "-t", pane, "Enter")

    def acknowledged() -> list[tuple[str, str]]:
        found = watching.get("/api/v1/alerts/open")["alerts"]
        return [(a["acknowledged"]["by"], a["acknowledged"]["note"]) for a in found if a["acknowledged"]]

    eventually(lambda: acknowledged() == [("ann", "on it")])
    eventually(lambda: "✓ ann: on it" in shown())
    tmux("send-keys", "-t", pane, "q")
    eventually(lambda: "ended with 0" in shown())
    assert "Traceback" not in shown()


@pytest.mark.slow
def test_in_tmux_a_key_leads_the_person_to_the_pane(tmp_path: Path, tmux: Tmux, watching: Daemon) -> None:
    pane = open_in_tmux(tmux, tmp_path, "top", "--sort", "name")
    beta = tmux("list-panes", "-a", "-F", "#{pane_id} #{@agent_name}").split(" beta")[0].split()[-1]
    master, terminal = pty.openpty()
    person = subprocess.Popen(
        ["tmux", "-L", tmux.socket, "attach", "-t", "person"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment(tmp_path, TERM="screen"),
    )
    os.close(terminal)
    os.set_blocking(master, False)

    def looks_at() -> list[str]:
        with contextlib.suppress(BlockingIOError):
            os.read(master, 1 << 20)
        return tmux("list-clients", "-F", "#{client_control_mode} #{pane_id}").splitlines()

    try:
        eventually(lambda: "of 2 agents working" in tmux("capture-pane", "-p", "-t", pane))
        eventually(lambda: f"0 {pane}" in looks_at())
        tmux("send-keys", "-t", pane, "Down", "j")
        eventually(lambda: f"0 {beta}" in looks_at())
    finally:
        person.kill()
        person.wait()
        os.close(master)


@pytest.mark.slow
def test_a_pane_is_found_by_its_process_and_not_by_its_number(tmp_path: Path, tmux: Tmux) -> None:
    other = Tmux("alpha", "beta")
    try:
        path = tmux("display-message", "-p", "#{socket_path}")
        elsewhere = other("display-message", "-p", "#{socket_path}")
        pane, pid = tmux("list-panes", "-a", "-F", "#{pane_id} #{pane_pid}").splitlines()[0].split()
        known = agent("alpha", pane_id=pane, pid=int(pid))
        at = {"TMUX": f"{elsewhere},1,0", "TMUX_TMPDIR": str(tmp_path)}
        assert jumping.find(known, at) is None
        assert jumping.find(known, at, [path]) == jumping.Place(path, pane, inside=False)
        assert jumping.find(known, {"TMUX": f"{path},1,0"}) == jumping.Place(path, pane, inside=True)
        assert jumping.find({**known, "pid": 1}, {}, [path, elsewhere]) is None
        assert jumping.find({**known, "pane_id": "%1; kill-server"}, {}, [path]) is None
    finally:
        other.close()


@pytest.mark.slow
def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path, "top")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "top needs a terminal" in ended.stderr
    ended = run(tmp_path, "top", "--sort", "luck")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
