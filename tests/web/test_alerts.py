"""The API about alerts and people: what it answers, what it refuses, and to whom."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from telemetry.model import (
    PIPELINE,
    Alert,
    AlertLevel,
    AlertPage,
    Message,
    Notice,
    NoticeKind,
    OpenAlert,
    Phase,
    Silence,
)
from telemetry.notify.delivery import ChannelStatus
from telemetry.paging import Tried
from telemetry.store import HistoryQuery, QueuedMessage, StoreError
from telemetry.web.access import Access
from telemetry.web.identity import Role
from telemetry.web.keyring import Keyring
from telemetry.web.tokens import Token, digest_of
from tests.web.conftest import BASE, FakeMonitor, World

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"
OPEN = OpenAlert(
    "main", "b", "agent_stopped", AlertLevel.ERROR, HOSTILE, Phase.FIRING, 100.0, 101.0, peak=AlertLevel.ERROR
)
OVER = Alert(AlertLevel.ERROR, "b", "agent stopped", 1.0, resolved=True, cluster="main", resolved_at=2.0)
NOTICE = Notice(NoticeKind.FIRING, OPEN.id, "main", "b", "agent_stopped", AlertLevel.ERROR, "agent stopped", 1.0, 2.0)
FAILED = QueuedMessage(Message("m1", "slack", "main", (NOTICE,), 3.0), 1, error="Slack answered 404", failed=True)


LOKI = replace(OPEN, cluster=PIPELINE, agent="loki", rule="backend_failing", message="the backend takes nothing")


@dataclass
class FakePeople:
    """Stands for the daemon's desk."""

    silences: tuple[Silence, ...] = ()
    channels: tuple[ChannelStatus, ...] = (ChannelStatus("slack", True, 2, None, (FAILED,), 5.0),)
    asked: list[HistoryQuery] = field(default_factory=list)
    broken: bool = False

    def rules_in_force(self) -> list[dict[str, Any]]:
        return [{"rule": "agent_stopped"}]

    async def history(self, query: HistoryQuery) -> AlertPage:
        if self.broken:
            raise StoreError("the store x can't be used: disk full")
        self.asked.append(query)
        return AlertPage((OVER,), 7)

    async def silence(self, silence: Silence) -> None:
        self.silences = (*self.silences, silence)

    async def unsilence(self, name: str) -> bool:
        found = [held for held in self.silences if held.id == name]
        self.silences = tuple(held for held in self.silences if held not in found)
        return bool(found)

    async def test(self, channel: str) -> Tried:
        return Tried(channel, True, "ok")


@dataclass
class Api:
    """The application with its people, asked as a program on this machine would."""

    world: World
    people: FakePeople = field(default_factory=FakePeople)
    pipeline: list[FakeMonitor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.others = lambda: self.pipeline

    def __call__(
        self, path: str, body: Any = None, method: str = "", client: str = "127.0.0.1", **headers: str
    ) -> httpx.Response:
        async def asking() -> httpx.Response:
            app = self.world.app(people=self.people, others=self.others)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 1234))
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as asked:
                how, content = ("GET", None) if body is None else ("POST", json.dumps(body))
                headers.setdefault("content-type", "application/json")
                return await asked.request(method or how, path, content=content, headers=headers)

        return asyncio.run(asking())


@pytest.fixture
def api(world: World) -> Api:
    world.monitors[0].open_alerts = (OPEN,)
    world.monitors[0].forgettable = "old"
    return Api(world)


SILENCE = {"by": "ann", "reason": "new prompt", "seconds": 60.0, "agent": "w*"}


def test_what_is_open_comes_with_all_that_is_known_of_it(api: Api) -> None:
    (alert,) = api("/api/alerts/open").json()["alerts"]
    assert (alert["id"], alert["level"], alert["phase"], alert["message"]) == (OPEN.id, "error", "firing", HOSTILE)
    assert (alert["acknowledged"], alert["suppressed"]) == (None, None)
    assert api("/api/alerts/open?cluster=night").json()["alerts"] == []
    assert (alert["agent"], alert["agent_name"], alert["cluster"]) == ("b", "b", "main")
    assert api("/api/alerts/open?cluster=nowhere").status_code == 404
    down = OpenAlert("night", "", "cluster_down", AlertLevel.CRITICAL, "down", Phase.FIRING, 200.0, 200.0)
    api.world.monitors[1].open_alerts = (down,)
    first, second = api("/api/alerts/open").json()["alerts"]
    assert (first["agent"], first["agent_name"], second["id"]) == ("", "night", OPEN.id), "the worst first"


def test_an_alert_is_acknowledged_by_its_id(api: Api) -> None:
    done = api("/api/alerts/ack", {"alert": OPEN.id, "by": "ann", "note": "at it"})
    assert done.status_code == 200
    (alert,) = api("/api/alerts/open").json()["alerts"]
    assert (alert["acknowledged"]["by"], alert["acknowledged"]["note"]) == ("ann", "at it")
    unknown = api("/api/alerts/ack", {"alert": "nope", "by": "ann"})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "no alert that fires has the id 'nope'")


def test_alerts_about_the_pipeline_stand_beside_those_of_clusters_and_are_acknowledged_like_them(api: Api) -> None:
    over = Alert(AlertLevel.ERROR, "loki", "the backend takes nothing", 1.0, cluster=PIPELINE, rule="backend_failing")
    api.pipeline.append(FakeMonitor(PIPELINE, open_alerts=(LOKI,), alerts=[over]))
    assert [alert["id"] for alert in api("/api/alerts/open").json()["alerts"]] == [OPEN.id, LOKI.id]
    assert [alert["id"] for alert in api("/api/alerts/open?cluster=@pipeline").json()["alerts"]] == [LOKI.id]
    assert api("/api/alerts?resolved=false&cluster=@pipeline").json()["alerts"][0]["agent_name"] == "loki"
    done = api("/api/alerts/ack", {"alert": LOKI.id, "by": "ann"})
    assert (done.status_code, done.json()["cluster"]) == (200, PIPELINE)
    items = api("/api/v1/state").json()["items"]
    assert items[f"alert/{LOKI.id}"]["acknowledged"]["by"] == "ann"
    assert [key for key in items if PIPELINE in key] == [], "it is no cluster"
    named = [cluster["name"] for cluster in api("/api/v1/agents").json()["clusters"]]
    assert named == ["main", "night"]
    assert api("/api/v1/agents?cluster=@pipeline").status_code == 404


def test_the_history_is_asked_for_what_was_wanted(api: Api) -> None:
    path = (
        "/api/alerts/history?level=error&cluster=main&agent=b&rule=r&text=x&since=1&until=9&limit=5&offset=2&changes=1"
    )
    answer = api(path)
    assert (answer.json()["total"], answer.json()["alerts"][0]["agent_name"]) == (7, "b")
    assert api.people.asked == [HistoryQuery(AlertLevel.ERROR, "main", "b", "r", "x", 1.0, 9.0, 5, 2, True)]
    wrong = api("/api/alerts/history?since=9&until=1")
    assert (wrong.status_code, wrong.json()["detail"]) == (
        422,
        "since: 9 must not be after until, which is 1 (Unix seconds)",
    )
    api.people.broken = True
    broken = api("/api/alerts/history")
    assert (broken.status_code, broken.json()["detail"]) == (503, "the store x can't be used: disk full")


def test_a_silence_is_made_listed_and_ended(api: Api) -> None:
    made = api("/api/silences", SILENCE).json()
    assert (made["author"], made["agent"], made["rule"], made["active"]) == ("ann", "w*", "*", True)
    assert made["ends_at"] - made["starts_at"] == 60
    assert [held["id"] for held in api("/api/silences").json()["silences"]] == [made["id"]]
    assert api(f"/api/silences/{made['id']}", method="DELETE").status_code == 200
    assert api(f"/api/silences/{made['id']}", method="DELETE").status_code == 404
    assert api("/api/silences").json()["silences"] == []
    later = api("/api/silences", {**SILENCE, "starts_at": api.world.clock.now() + 3600}).json()
    assert (later["active"], later["ends_at"] - later["starts_at"]) == (False, 60)


def test_what_people_write_is_one_line_that_does_nothing_to_a_terminal(api: Api) -> None:
    """It goes into tables, log lines and messages."""
    text = " \x1b[31mred\x1b[0m\n\tand\u202e {} password=swordfish "
    made = api("/api/silences", {**SILENCE, "reason": text, "by": "ann\x1b", "agent": "w\n*"}).json()
    assert made["reason"].startswith("red and\\u202e {} password=")
    assert "swordfish" not in made["reason"]
    assert (made["author"], made["agent"]) == ("ann\\x1b", "w\\n*")
    assert api.people.silences[0].reason == made["reason"]
    done = api("/api/alerts/ack", {"alert": OPEN.id, "by": "ann", "note": text}).json()
    assert done["acknowledged"]["note"] == made["reason"]
    assert "\n" not in api("/api/alerts/ack", {"alert": "x\ny\x1b", "by": "ann"}).json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/api/silences", {**SILENCE, "seconds": 0}, "seconds: "),
        ("/api/silences", {**SILENCE, "seconds": 367 * 86_400}, "seconds: "),
        ("/api/silences", {**SILENCE, "starts_at": 5.0}, "starts_at, seconds: it would be over already"),
        ("/api/silences", {**SILENCE, "reason": " \n"}, "reason: string should have at least 1 character"),
        ("/api/silences", {**SILENCE, "reason": "\x1b[31m"}, "reason: "),
        ("/api/silences", {**SILENCE, "reason": "x" * 501}, "reason: "),
        ("/api/silences", {**SILENCE, "reason": "\ud800"}, "reason: "),
        ("/api/silences", {**SILENCE, "agent": "x" * 129}, "agent: "),
        ("/api/silences", {**SILENCE, "seconds": float("nan")}, "the body is no JSON: NaN is no number of JSON"),
        ("/api/silences", {**SILENCE, "agnt": "x"}, "agnt: "),
        ("/api/silences", {**SILENCE, "ag\nnt": "x"}, "ag nt: "),
        ("/api/silences", {**SILENCE, "by": "x" * 101}, "by: "),
        ("/api/silences", [], "body: "),
        ("/api/alerts/ack", {"alert": OPEN.id}, "by: "),
        ("/api/alerts/ack", {"alert": OPEN.id, "by": "ann", "note": "x" * 501}, "note: "),
        ("/api/alerts/history?limit=0", None, "limit: "),
        ("/api/alerts/history?level=loud", None, "level: "),
    ],
)
def test_what_is_wrong_is_one_line(api: Api, path: str, body: Any, says: str) -> None:
    answer = api(path, body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(says)
    assert "\n" not in answer.json()["detail"]
    assert api.people.silences == ()


def test_channels_say_how_they_are_and_are_tried(api: Api) -> None:
    (channel,) = api("/api/notifications").json()["channels"]
    assert (channel["channel"], channel["on"], channel["waiting"], channel["delivered_at"]) == ("slack", True, 2, 5.0)
    assert channel["failed"][0]["error"] == "Slack answered 404"
    assert channel["failed"][0]["alerts"] == ["b: agent stopped"]
    tried = api("/api/notifications/test", {}).json()["results"]
    assert tried == [{"channel": "slack", "delivered": True, "said": "ok"}]
    unknown = api("/api/notifications/test", {"channel": "pager"})
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "no channel that is on is named 'pager'; on are: slack"


def test_a_channel_that_is_off_keeps_what_it_sends_and_is_not_tried(api: Api) -> None:
    trying = replace(FAILED, attempts=3, next_at=9.0, error="Slack answered 500", failed=False)
    api.people.channels = (ChannelStatus("slack", False, 0, trying, (), None),)
    (channel,) = api("/api/notifications").json()["channels"]
    sending = channel["sending"]
    assert (channel["on"], channel["failed"], channel["delivered_at"]) == (False, [], None)
    assert (sending["attempts"], sending["next_at"], sending["error"]) == (3, 9.0, "Slack answered 500")
    assert api("/api/notifications/test", {}).json() == {"results": []}
    off = api("/api/notifications/test", {"channel": "slack"})
    assert off.status_code == 404
    assert off.json()["detail"] == "no channel that is on is named 'slack'; none is on"


def test_rules_and_forgetting(api: Api) -> None:
    assert api("/api/rules").json() == {"rules": [{"rule": "agent_stopped"}]}
    assert api("/api/agents/forget", {"agent": "old"}).json() == {"agent": "old", "clusters": ["main"]}
    assert api("/api/agents/forget", {"agent": "b"}).status_code == 404
    assert api("/api/agents/forget", {"agent": "old", "cluster": "night"}).status_code == 404
    assert "'nowhere'" in api("/api/agents/forget", {"agent": "old", "cluster": "nowhere"}).json()["detail"]


WRITES = [
    ("/api/alerts/ack", {"alert": OPEN.id, "by": "x"}, "POST"),
    ("/api/silences", SILENCE, "POST"),
    ("/api/silences/x", None, "DELETE"),
    ("/api/notifications/test", {}, "POST"),
    ("/api/agents/forget", {"agent": "old"}, "POST"),
]


@pytest.mark.parametrize("client", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_and_the_socket_may_change_something(api: Api, client: str) -> None:
    assert api("/api/silences", SILENCE, client=client).status_code == 200


@pytest.mark.parametrize("client", ["10.0.0.1", "::ffff:192.0.2.7", "fe80::1", "0.0.0.0", "localhost", "unknown"])
def test_nobody_else_may(api: Api, client: str) -> None:
    assert api("/api/silences", SILENCE, client=client).status_code == 403
    assert api("/api/silences", client=client).status_code == 200
    assert api.people.silences == ()


@pytest.mark.parametrize(("path", "body", "method"), WRITES)
def test_what_changes_something_is_not_for_others(api: Api, path: str, body: Any, method: str) -> None:
    far = api(path, body, method, client="192.0.2.7")
    assert (far.status_code, far.json()["detail"][:22]) == (403, "only from the machine ")
    foreign = api(path, body, method, origin="https://evil.example")
    assert foreign.status_code == 403
    assert api.people.silences == ()
    assert api("/api/alerts/open").json()["alerts"][0]["acknowledged"] is None


def test_not_ready_while_the_store_is_no_use(api: Api) -> None:
    api.world.see("night")
    assert api("/readyz").status_code == 200
    api.world.picture.set_store_problem("the store x can't be used: disk full")
    answer = api("/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the store x can't be used: disk full")
    api.world.picture.set_store_problem("")
    assert api("/readyz").status_code == 200


def test_who_shows_a_token_need_not_say_who_they_are_nor_be_on_this_machine(api: Api) -> None:
    secret = "a-token-that-is-long-enough-for-a-test"
    ring = Keyring([Token("ann-laptop", Role.OPERATE, digest_of(secret))])
    access = Access(api.world.clock, ring)
    shown = {"authorization": f"Bearer {secret}"}
    app = api.world.app(people=api.people, access=access)

    async def asking() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1234))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=shown) as far:
            wanted = {"reason": "new prompt", "seconds": 60}
            return [
                await far.post("/api/silences", json=wanted),
                await far.post("/api/silences", json={**wanted, "by": "bob"}),
                await far.post("/api/alerts/ack", json={"alert": OPEN.id}),
            ]

    first, second, third = asyncio.run(asking())
    assert (first.json()["author"], second.json()["author"]) == ("ann-laptop", "bob")
    assert third.json()["acknowledged"]["by"] == "ann-laptop"
