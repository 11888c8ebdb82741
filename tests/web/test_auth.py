"""Who is let in: each kind of stranger at each kind of door, by the application as it is served."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message

from telemetry.testing import FakeClock
from telemetry.web.access import Access
from telemetry.web.failures import EVERY, MOST
from telemetry.web.identity import BY_SOCKET, Role
from telemetry.web.keyring import Keyring
from telemetry.web.sessions import LIFE
from telemetry.web.tokens import Token, digest_of
from tests.web.conftest import BASE, World

OPERATE, READ, REPORT, ENDS, METRICS = (f"ort_{letter * 43}" for letter in "orpem")
SHORT = "sixteen-letters!"
TOKENS = {
    OPERATE: ("boss", Role.OPERATE),
    READ: ("eye", Role.READ),
    REPORT: ("worker", Role.REPORT),
    SHORT: ("short", Role.OPERATE),
}


class Ring(Keyring):
    """Tokens that a test takes away."""

    held: tuple[Token, ...] = ()

    def tokens(self) -> tuple[Token, ...]:
        return self.held


@dataclass
class Door:
    """The application behind its middleware, and a browser's cookies in front of it."""

    world: World
    ring: Ring
    access: Access
    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> FakeClock:
        return self.world.clock

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        token: str = "",
        client: str = "127.0.0.1",
        base: str = BASE,
        **content: Any,
    ) -> httpx.Response:
        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(client, 4711))
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=self.cookies) as asked:
                shown = {"authorization": f"Bearer {token}"} if token else {}
                answer = await asked.request(method, path, headers={**shown, **(headers or {})}, **content)
                self._keep(answer)
                return answer

        return asyncio.run(asking())

    def _keep(self, answer: httpx.Response) -> None:
        for header in answer.headers.get_list("set-cookie"):
            for name, held in SimpleCookie(header).items():
                self.cookies.pop(name, None)
                if held["max-age"] != "0":
                    self.cookies[name] = held.value

    def sign_in(self, token: str = OPERATE, **more: Any) -> httpx.Response:
        return self.ask("POST", "/login", data={"token": token, **more})


def _door(world: World, *, metrics: bool = False, asks: bool = True) -> Door:
    ring = Ring()
    if asks:
        ring.held = (
            *(Token(name, role, digest_of(token)) for token, (name, role) in TOKENS.items()),
            Token("ends", Role.OPERATE, digest_of(ENDS), world.clock.now() + 60),
        )
    page = Keyring([Token("metrics", Role.READ, digest_of(METRICS))]) if metrics else None
    access = Access(world.clock, ring, page)
    return Door(world, ring, access, world.app(access=access))


@pytest.fixture
def door(world: World) -> Door:
    return _door(world)


READABLE = ("/api/v1/agents", "/api/agents", "/metrics", "/api/v1/state", "/", "/nothing")
CHANGING = (("POST", "/api/v1/monitoring/stop"), ("POST", "/api/monitoring/start"), ("DELETE", "/api/v1/silences/x"))
EVERY_DOOR = (*(("GET", path) for path in READABLE), *CHANGING, ("GET", "/api/v1/stream"))


# --- strangers ------------------------------------------------------------------------------------------------------


def test_without_a_token_nothing(door: Door) -> None:
    for method, path in EVERY_DOOR:
        answer = door.ask(method, path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer realm=")
        assert "a token is needed" in answer.json()["detail"]
    assert all(monitor.running for monitor in door.world.monitors)


@pytest.mark.parametrize("wrong", ["x" * 40, OPERATE + "x", OPERATE[:-1], OPERATE.upper()])
def test_with_a_wrong_one_nothing(door: Door, wrong: str) -> None:
    for method, path in EVERY_DOOR:
        door.clock.advance(EVERY)
        answer = door.ask(method, path, token=wrong)
        assert answer.status_code == 401, path
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert wrong not in answer.text
    assert all(monitor.running for monitor in door.world.monitors)


def test_with_one_that_has_expired_nothing_and_that_is_said(door: Door) -> None:
    door.clock.advance(60)
    for method, path in EVERY_DOOR:
        door.clock.advance(EVERY)
        answer = door.ask(method, path, token=ENDS)
        assert answer.status_code == 401, path
        assert "expired" in answer.json()["detail"]


def test_under_a_foreign_name_nothing_even_with_a_token(door: Door) -> None:
    for method, path in [*EVERY_DOOR, ("GET", "/login"), ("POST", "/login"), ("POST", "/api/v1/login")]:
        answer = door.ask(method, path, {"host": "evil.example"}, token=OPERATE)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}]
)
def test_a_foreign_page_changes_nothing_and_signs_nobody_in_or_out(door: Door, headers: dict[str, str]) -> None:
    door.sign_in()
    before = dict(door.cookies)
    for method, path in [*CHANGING, ("POST", "/login"), ("POST", "/api/v1/login"), ("POST", "/api/v1/logout")]:
        answer = door.ask(method, path, headers, token=OPERATE, data={"token": READ})
        assert answer.status_code == 403, path
        assert door.cookies == before
    assert door.ask("GET", "/api/v1/agents").status_code == 200
    assert all(monitor.running for monitor in door.world.monitors)


# --- those who may --------------------------------------------------------------------------------------------------


def test_who_reads_and_who_operates_see_everything(door: Door) -> None:
    for path in ("/api/v1/agents", "/api/agents", "/metrics", "/", "/api/v1/state"):
        for token in (READ, OPERATE, ENDS):
            assert door.ask("GET", path, token=token).status_code == 200
    assert door.ask("GET", "/metrics", {"authorization": f"bearer  {READ} "}).status_code == 200


def test_who_reads_changes_nothing(door: Door) -> None:
    for method, path in CHANGING:
        answer = door.ask(method, path, token=READ)
        assert answer.status_code == 403
        assert answer.json()["detail"] == "this needs the role operate, and the token 'eye' has the role read"
        assert all(monitor.running for monitor in door.world.monitors)
        assert door.ask(method, path, token=OPERATE).status_code in (200, 404)
        door.ask("POST", "/api/v1/monitoring/start", token=OPERATE)


def test_who_reports_reads_nothing(door: Door) -> None:
    for method, path in EVERY_DOOR:
        answer = door.ask(method, path, token=REPORT)
        assert answer.status_code == 403
        assert "'worker' has the role report" in answer.json()["detail"]


@pytest.mark.slow
def test_who_operates_from_another_machine_does_what_only_this_one_could(door: Door) -> None:
    elsewhere: dict[str, Any] = {"client": "192.0.2.7", "json": {"alert": "x", "by": "me"}}
    assert door.ask("POST", "/api/v1/alerts/ack", token=OPERATE, **elsewhere).status_code == 404
    open_to_all = _door(door.world, asks=False)
    assert open_to_all.ask("POST", "/api/v1/alerts/ack", **elsewhere).status_code in (403, 404)


def test_without_any_token_everybody_here_may(world: World) -> None:
    door = _door(world, asks=False)
    for path in ("/", "/metrics", "/api/v1/agents"):
        assert door.ask("GET", path).status_code == 200
    assert door.ask("POST", "/api/v1/monitoring/stop").status_code == 200
    assert door.ask("GET", "/login").headers["location"] == "/"


def test_what_is_open_to_everybody(door: Door) -> None:
    for path in ("/healthz", "/login", "/static/app.js", "/static/login.css"):
        assert door.ask("GET", path).status_code == 200
    assert door.ask("POST", "/healthz").status_code in (404, 405)
    assert door.ask("GET", "/static/../metrics").status_code in (401, 404)


def test_how_it_is_is_told_to_everybody_and_why_to_those_who_may_read(door: Door) -> None:
    reason = door.ask("GET", "/readyz", token=READ).json()["detail"]
    for token in ("", "x" * 40, REPORT):
        answer = door.ask("GET", "/readyz", token=token)
        assert answer.status_code == 503
        assert answer.json()["detail"] != reason
        assert "main" not in answer.text


def test_the_socket_needs_no_token(door: Door) -> None:
    async def marked(scope: Any, receive: Any, send: Any) -> None:
        scope[BY_SOCKET] = True
        await door.app(scope, receive, send)

    by_socket = Door(door.world, door.ring, door.access, marked)
    assert by_socket.ask("POST", "/api/v1/monitoring/stop").status_code == 200
    assert by_socket.ask("GET", "/metrics").status_code == 200


# --- /metrics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [True, False])
def test_metrics_may_have_a_token_of_their_own_which_opens_nothing_else(world: World, asks: bool) -> None:
    door = _door(world, metrics=True, asks=asks)
    assert door.ask("GET", "/metrics").status_code == 401
    assert door.ask("GET", "/metrics", token="x" * 40).status_code == 401
    assert door.ask("GET", "/metrics", token=METRICS).status_code == 200
    if asks:
        assert door.ask("GET", "/metrics", token=READ).status_code == 200
        assert door.ask("GET", "/metrics", token=REPORT).status_code == 403
        assert door.ask("GET", "/api/v1/agents", token=METRICS).status_code == 401
        assert door.ask("POST", "/api/v1/login", json={"token": METRICS}).status_code == 401
    else:
        assert door.ask("GET", "/api/v1/agents").status_code == 200


# --- the login ------------------------------------------------------------------------------------------------------

PERSON = {"accept": "text/html,application/xhtml+xml"}


def test_a_browser_is_led_to_the_login_and_back(door: Door) -> None:
    answer = door.ask("GET", "/?agent=a&b=%22", PERSON)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F%3Fagent%3Da%26b%3D%2522")
    page = door.ask("GET", answer.headers["location"], PERSON)
    assert page.status_code == 200
    assert 'name="next" value="/?agent=a&amp;b=%22"' in page.text
    done = door.sign_in(next="/?agent=a&b=%22")
    assert (done.status_code, done.headers["location"]) == (303, "/?agent=a&b=%22")
    assert door.ask("GET", "/", PERSON).status_code == 200
    assert door.ask("GET", "/login", PERSON).headers["location"] == "/"


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "/\n/evil",
        "/" + "x" * 600,
    ],
)
def test_the_login_leads_to_nobody_else(door: Door, wanted: str) -> None:
    assert door.sign_in(next=wanted).headers["location"] == "/"
    page = door.ask("GET", "/login", params={"next": wanted}, headers={"cookie": ""})
    assert "evil" not in page.headers.get("location", "")


def test_what_stands_in_the_address_is_text_in_the_page(door: Door) -> None:
    page = door.ask("GET", "/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert 'value="/&quot;&gt;&lt;script&gt;' in page.text


def test_the_page_has_no_script_and_speaks_two_languages(door: Door) -> None:
    english = door.ask("GET", "/login", {"accept-language": "de, en;q=0.5"}).text
    japanese = door.ask("GET", "/login", {"accept-language": "ja-JP, en;q=0.5"}).text
    assert 'lang="en"' in english
    assert "This dashboard asks for a token." in english
    assert 'lang="ja"' in japanese
    assert "このダッシュボードにはトークンが必要です。" in japanese
    for page in (english, japanese):
        assert not re.search(r"<script|<style|style=|\son\w+=", page)
    assert "form-action 'self'" in door.ask("GET", "/login").headers["content-security-policy"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(door: Door) -> None:
    (cookie,) = door.sign_in().headers.get_list("set-cookie")
    parts = cookie.split("; ")
    assert parts[0].startswith("orchestrator-8000=")
    assert set(parts[1:]) == {"Path=/", f"Max-Age={int(LIFE)}", "HttpOnly", "SameSite=Strict"}
    assert OPERATE not in cookie
    (cookie,) = door.ask("POST", "/login", data={"token": READ}, base="https://127.0.0.1:8000").headers.get_list(
        "set-cookie"
    )
    assert cookie.startswith("__Host-orchestrator-8000=")
    assert "Secure" in cookie.split("; ")


def test_a_program_signs_in_and_out(door: Door) -> None:
    answer = door.ask("POST", "/api/v1/login", json={"token": READ})
    assert answer.json() == {"name": "eye", "role": "read", "ends_at": door.clock.now() + LIFE}
    assert door.ask("GET", "/api/v1/agents").status_code == 200
    assert door.ask("POST", "/api/v1/monitoring/stop").status_code == 403
    held = dict(door.cookies)
    assert door.ask("POST", "/api/v1/logout").json() == {"message": "signed out"}
    assert door.cookies == {}
    door.cookies = held
    assert door.ask("GET", "/api/v1/agents").status_code == 401  # not only the browser has forgotten it


def test_a_browsers_form_signs_out_and_is_led_to_the_login(door: Door) -> None:
    door.sign_in()
    answer = door.ask("POST", "/api/v1/logout", PERSON)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_session_that_somebody_planted_is_not_taken_over(door: Door) -> None:
    door.cookies = {"orchestrator-8000": "planted-by-somebody"}
    door.sign_in()
    first = door.cookies["orchestrator-8000"]
    assert first != "planted-by-somebody"
    door.sign_in()
    assert door.cookies["orchestrator-8000"] != first
    door.cookies = {"orchestrator-8000": first}
    assert door.ask("GET", "/api/v1/agents").status_code == 401  # the one before ends with the next login


def test_a_session_lasts_half_a_day(door: Door) -> None:
    door.sign_in()
    door.clock.advance(LIFE - 1)
    assert door.ask("GET", "/api/v1/agents").status_code == 200
    door.clock.advance(1)
    answer = door.ask("GET", "/api/v1/agents")
    assert answer.status_code == 401
    assert "session is over" in answer.json()["detail"]
    assert door.ask("GET", "/", PERSON).headers["location"] == "/login"


def test_a_session_ends_with_its_token(door: Door) -> None:
    (cookie,) = door.sign_in(ENDS).headers.get_list("set-cookie")
    assert "Max-Age=60" in cookie
    door.clock.advance(60)
    assert door.ask("GET", "/api/v1/agents").status_code == 401
    door.sign_in(READ)
    assert door.ask("GET", "/api/v1/agents").status_code == 200
    door.ring.held = tuple(token for token in door.ring.held if token.name != "eye")
    assert door.ask("GET", "/api/v1/agents").status_code == 401


def test_who_only_reports_has_nothing_to_sign_in_for(door: Door) -> None:
    answer = door.sign_in(REPORT)
    assert answer.status_code == 403
    assert "This token only reports" in answer.text
    assert door.cookies == {}


def test_a_wrong_token_is_told_on_the_page_and_never_shown(door: Door) -> None:
    answer = door.sign_in("wrong-wrong-wrong-wrong", next="/?x=1")
    assert answer.status_code == 401
    assert "not known here" in answer.text
    assert "wrong-wrong" not in answer.text
    assert 'value="/?x=1"' in answer.text
    assert 'role="alert"' in answer.text


def test_a_link_on_another_site_still_finds_who_has_signed_in(door: Door) -> None:
    """A browser keeps the strict cookie back; the page asks for itself once more, and then it doesn't."""
    answer = door.ask("GET", "/?alert=1", {**PERSON, "sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/login?next=%2F%3Falert%3D1"' in answer.text
    door.sign_in()
    answer = door.ask("GET", "/login?next=%2F%3Falert%3D1", {**PERSON, "sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?alert=1")


def test_a_form_that_is_too_long_or_none_is_refused(door: Door) -> None:
    assert door.ask("POST", "/login", content=b"token=" + b"x" * 5000).status_code == 413
    for junk in (b"\xff\xfe", b"", b"a=1&" * 20, b"token"):
        assert door.ask("POST", "/login", content=junk).status_code == 401


# --- too many tries -------------------------------------------------------------------------------------------------


def _flood(door: Door, client: str = "192.0.2.9") -> httpx.Response:
    answers = [door.ask("GET", "/api/v1/agents", token="guess-1234567890", client=client) for _ in range(MOST + 1)]
    assert [answer.status_code for answer in answers] == [401] * MOST + [429]
    return answers[-1]


def test_too_many_wrong_tokens_have_to_wait(door: Door) -> None:
    assert int(_flood(door).headers["retry-after"]) == EVERY
    login = door.ask("POST", "/login", data={"token": "guess-1234567890"}, client="192.0.2.9")
    assert login.status_code == 429
    assert "Try again in 6 s" in login.text
    assert door.ask("POST", "/api/v1/login", json={"token": "x" * 40}, client="192.0.2.9").headers["retry-after"] == "6"
    door.clock.advance(EVERY)
    assert door.ask("GET", "/api/v1/agents", token="guess-1234567890", client="192.0.2.9").status_code == 401


def test_a_short_token_is_not_found_by_trying_on(door: Door) -> None:
    """While an address waits, it learns nothing of short ones, not even when it guesses right."""
    _flood(door)
    assert door.ask("GET", "/api/v1/agents", token=SHORT, client="192.0.2.9").status_code == 429
    assert door.ask("GET", "/api/v1/agents", token=SHORT, client="192.0.2.10").status_code == 200
    door.clock.advance(EVERY)
    assert door.ask("GET", "/api/v1/agents", token=SHORT, client="192.0.2.9").status_code == 200


@pytest.mark.slow
def test_long_tokens_and_sessions_of_a_flooded_address_go_on(door: Door) -> None:
    door.ask("POST", "/login", data={"token": SHORT}, client="192.0.2.9")
    _flood(door)
    assert door.ask("GET", "/api/v1/agents", client="192.0.2.9").status_code == 200  # by the cookie
    door.cookies = {}
    assert door.ask("GET", "/api/v1/agents", token=OPERATE, client="192.0.2.9").status_code == 200
    assert door.ask("POST", "/login", data={"token": READ}, client="192.0.2.9").status_code == 303


def test_asking_without_a_token_is_no_try(door: Door) -> None:
    for _ in range(3 * MOST):
        assert door.ask("GET", "/api/v1/agents", client="192.0.2.9").status_code == 401
    assert door.ask("GET", "/api/v1/agents", token=SHORT, client="192.0.2.9").status_code == 200


# --- what changes while it runs -------------------------------------------------------------------------------------


def test_the_last_token_taken_away_opens_nothing(door: Door) -> None:
    assert door.ask("GET", "/api/v1/agents", token=OPERATE).status_code == 200
    door.ring.held = ()
    assert door.ask("GET", "/api/v1/agents", token=OPERATE).status_code == 401
    assert door.ask("GET", "/api/v1/agents").status_code == 401


def test_the_first_token_closes_at_once(world: World) -> None:
    door = _door(world, asks=False)
    assert door.ask("GET", "/api/v1/agents").status_code == 200
    door.ring.held = (Token("first", Role.READ, digest_of(READ)),)
    assert door.ask("GET", "/api/v1/agents").status_code == 401
    assert door.ask("GET", "/api/v1/agents", token=READ).status_code == 200


@pytest.mark.parametrize("taken", ["token", "opened"])
def test_an_answer_that_goes_on_ends_with_the_right_to_it(world: World, taken: str) -> None:
    """An event stream of a token that is revoked, or of a server that has got its first token."""
    door = _door(world, asks=taken == "token")

    async def program() -> None:
        sent: list[Message] = []
        first, may_go_on = asyncio.Event(), asyncio.Event()

        async def endless(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            first.set()
            await may_go_on.wait()
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"secret", "more_body": True})

        async def receive() -> Message:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        from telemetry.web.auth import Auth

        headers = [(b"authorization", f"Bearer {READ}".encode())] if taken == "token" else []
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/stream",
            "headers": headers,
            "client": ("127.0.0.1", 1),
        }
        running = asyncio.create_task(Auth(endless, door.access)(scope, receive, send))
        await first.wait()
        door.ring.held = (Token("other", Role.READ, digest_of(OPERATE)),)
        may_go_on.set()
        await running
        assert [message.get("body") for message in sent] == [None, b"1", b""]
        assert sent[-1]["more_body"] is False

    asyncio.run(program())
