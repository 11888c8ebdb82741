"""One request: what comes of every answer, where it goes, and what is never said of it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from telemetry.notify.base import DeliveryError
from telemetry.notify.http import LONGEST_ANSWER, LONGEST_WAIT, Answer, Endpoint, retry_after
from tests.notify.mailservers import silent
from tests.notify.receivers import HANG, RESET, Receiver, answer

PATH = "/services/T0000/B1111/tokentoken?key=querysecret"
SECRETS = ("T0000/B1111", "tokentoken", "querysecret")


class Names:
    """A resolver that knows one answer, and how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._addresses


async def _refused(endpoint: Endpoint) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await endpoint.send(json={})
    assert not any(secret in str(caught.value) for secret in SECRETS)
    return caught.value


def _answered(*script: bytes, deadline: float = 8.0) -> DeliveryError:
    async def ask() -> DeliveryError:
        async with Receiver(*script) as receiver:
            return await _refused(Endpoint(receiver.url(PATH), "It", deadline=deadline))

    return asyncio.run(ask())


def test_json_is_posted_and_the_answer_returned() -> None:
    async def ask() -> None:
        async with Receiver(answer(202, "thanks")) as receiver:
            endpoint = Endpoint(receiver.url(PATH), "It")
            assert await endpoint.send(json={"name": "é"}) == Answer(202, "thanks")
        [request] = receiver.requests
        assert (request.method, request.target, request.body) == ("POST", PATH, b'{"name":"\\u00e9"}')
        assert request.headers["content-type"] == "application/json"
        assert request.headers["host"] == f"127.0.0.1:{receiver.port}"

    asyncio.run(ask())


def test_get_asks_without_a_body_and_a_login_in_the_url_is_sent() -> None:
    async def ask() -> None:
        async with Receiver() as receiver:
            await Endpoint(receiver.url("/ping", "user:pass@127.0.0.1"), "It").send("GET")
        [request] = receiver.requests
        assert (request.method, request.target, request.body) == ("GET", "/ping", b"")
        assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"

    asyncio.run(ask())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("asked", "expected"), [("1", 1.0), ("30", 30.0), ("999999999999", LONGEST_WAIT)])
def test_what_may_pass_is_tried_again_when_the_receiver_says(status: int, asked: str, expected: float) -> None:
    error = _answered(answer(status, "", Retry_After=asked))
    assert (error.final, error.retry_after) == (False, expected)
    assert str(status) in str(error)


def test_without_a_wish_it_is_tried_again_at_our_own_pace() -> None:
    error = _answered(answer(429, "slow down"))
    assert (error.final, error.retry_after) == (False, None)
    assert "slow down" in str(error)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("0", 0.0), (" 7 ", 7.0), ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0), ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0)),
        *(("Thu, 22 Oct 2015 07:28:00 GMT", LONGEST_WAIT), ("soon", None), ("", None), (None, None), ("-1", None)),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, expected: float | None) -> None:
    assert retry_after(value, now=1_445_412_480.0) == expected


@given(st.text())
def test_retry_after_may_be_anything(value: str) -> None:
    wait = retry_after(value, now=0.0)
    assert wait is None or 0 <= wait <= LONGEST_WAIT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_what_is_our_fault_is_final(status: int) -> None:
    error = _answered(answer(status, "no_such_thing", Retry_After="5"))
    assert (error.final, error.retry_after) == (True, None)
    assert f"{status}: no_such_thing" in str(error)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_final_and_not_followed(status: int) -> None:
    async def ask() -> None:
        async with Receiver() as elsewhere, Receiver(answer(status, "", Location=elsewhere.url())) as receiver:
            error = await _refused(Endpoint(receiver.url(PATH), "It"))
            assert error.final
            assert "redirects are not followed" in str(error)
            assert not elsewhere.requests

    asyncio.run(ask())


def test_no_answer_is_given_up_and_tried_again() -> None:
    error = _answered(HANG, deadline=0.2)
    assert not error.final
    assert "answer" in str(error)


def test_a_resolver_that_hangs_is_given_up_too() -> None:
    async def hanging(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    async def ask() -> DeliveryError:
        return await _refused(Endpoint(f"http://name.test{PATH}", "It", resolve=hanging, deadline=0.05))

    assert "no answer within 0.05 s" in str(asyncio.run(ask()))


@pytest.mark.parametrize(
    "said", [RESET, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", b"nonsense\r\n\r\n"]
)
def test_a_connection_that_breaks_is_tried_again(said: bytes) -> None:
    error = _answered(said)
    assert not error.final
    assert "could not be asked" in str(error)


def test_nobody_listening_is_tried_again_and_says_why() -> None:
    async def ask() -> DeliveryError:
        async with Receiver() as receiver:
            url = receiver.url(PATH)
        return await _refused(Endpoint(url, "It"))

    error = asyncio.run(ask())
    assert not error.final
    assert "refused" in str(error).lower()


def test_a_server_that_never_finishes_to_connect_is_given_up_before_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("telemetry.notify.http.CONNECT_TIMEOUT", 0.1)

    async def ask() -> DeliveryError:
        async with silent() as port:
            return await _refused(Endpoint(f"https://127.0.0.1:{port}{PATH}", "It"))

    error = asyncio.run(ask())
    assert not error.final
    assert "took no connection within 0.1 s" in str(error)


def test_a_host_that_cannot_be_encoded_is_final() -> None:
    assert asyncio.run(_refused(Endpoint(f"http://{'a' * 70}é.test{PATH}", "It"))).final


def test_a_long_answer_is_read_in_part() -> None:
    async def ask() -> None:
        async with Receiver(answer(200, "x" * 300_000)) as receiver:
            assert len((await Endpoint(receiver.url(), "It").send(json={})).text) == LONGEST_ANSWER

    asyncio.run(ask())


# --- where it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.0.1"]
)
def test_a_name_that_resolves_to_a_forbidden_address_is_asked_for_nothing(address: str) -> None:
    async def ask() -> None:
        async with Receiver() as receiver:
            names = Names("127.0.0.1", address)  # one good address among them changes nothing
            error = await _refused(Endpoint(receiver.url(PATH, "name.test"), "It", resolve=names))
            assert error.final
            assert "metadata service" in str(error)
            assert not receiver.requests

    asyncio.run(ask())


def test_a_name_is_resolved_once_and_what_was_checked_is_connected_to() -> None:
    async def ask() -> None:
        async with Receiver() as receiver:
            names = Names("127.0.0.1")
            await Endpoint(receiver.url(PATH, "Name.test"), "It", resolve=names).send(json={})
            assert names.asked == [("name.test", receiver.port)]
            assert receiver.requests[0].headers["host"] == f"name.test:{receiver.port}"

    asyncio.run(ask())


def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    async def ask() -> None:
        async with Receiver() as receiver:
            names = Names("127.0.0.2", "127.0.0.1")  # it listens at the second one only
            await Endpoint(receiver.url(PATH, "name.test"), "It", resolve=names).send(json={})
            assert len(receiver.requests) == 1

    asyncio.run(ask())


def test_a_name_without_an_address_is_tried_again() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    error = asyncio.run(_refused(Endpoint(f"http://name.test{PATH}", "It", resolve=unknown)))
    assert not error.final
    assert "Name or service not known" in str(error)
    assert not asyncio.run(_refused(Endpoint(f"http://name.test{PATH}", "It", resolve=Names()))).final


@pytest.mark.parametrize(("certified", "good"), [("name.test", True), ("other.test", False)])
def test_tls_asks_for_and_checks_the_name_although_the_address_is_connected_to(
    certified: str, good: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(tls)
    asked_for: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)

    async def ask() -> None:
        async with Receiver(tls=tls) as receiver:
            endpoint = Endpoint(receiver.url(PATH, "name.test"), "It", resolve=Names("127.0.0.1"))
            if good:
                await endpoint.send(json={})
            else:
                error = await _refused(endpoint)
                assert not error.final
                assert "ostname mismatch" in str(error)
            assert bool(receiver.requests) is good

    asyncio.run(ask())
    assert asked_for == ["name.test"]


def test_certificates_that_cannot_be_read_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    assert "No such file" in str(asyncio.run(_refused(Endpoint(f"http://127.0.0.1:1{PATH}", "It"))))


def test_the_environments_proxy_is_asked_and_resolves_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        async with Receiver(answer(), answer(407, "who are you?")) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url("", "me:proxysecret@127.0.0.1"))
            names = Names("169.254.169.254")
            endpoint = Endpoint(f"http://name.test{PATH}", "It", resolve=names)
            await endpoint.send(json={})
            assert proxy.requests[0].target == f"http://name.test{PATH}"
            assert not names.asked
            error = await _refused(endpoint)
            assert error.final
            assert "proxysecret" not in str(error)
            monkeypatch.setenv("no_proxy", "name.test")
            await _refused(endpoint)
            assert names.asked

    asyncio.run(ask())


def test_a_proxy_that_cannot_be_used_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "nonsense://me:proxysecret@127.0.0.1")
    error = asyncio.run(_refused(Endpoint(f"http://name.test{PATH}", "It")))
    assert "proxy" in str(error)
    assert "proxysecret" not in str(error)


# --- what is never said -----------------------------------------------------------------------------------------------


def test_no_secret_in_a_reason_a_repr_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    async def ask() -> None:
        echo = f"bad request to {PATH} by user-name:pa55, Basic dXNlci1uYW1lOnBhNTU="
        async with Receiver(answer(400, echo), answer(200, echo), answer(500, echo), RESET, HANG) as receiver:
            url = receiver.url(PATH, "user-name:pa55@127.0.0.1")
            endpoint = Endpoint(url, "It", secrets=["extra"])
            texts = [repr(endpoint), endpoint.name]
            texts += [str(await _refused(endpoint))]
            texts += [endpoint.quoted((await endpoint.send(json={})).text + "extra")]
            texts += [str(await _refused(endpoint)), str(await _refused(endpoint))]
            texts += [str(await _refused(Endpoint(url, "It", deadline=0.1)))]
        for secret in (*SECRETS, "user-name", "pa55", "dXNlci1uYW1lOnBhNTU", "extra"):
            assert not any(secret in text for text in texts), secret
            assert secret not in caplog.text

    caplog.set_level(logging.DEBUG)
    asyncio.run(ask())


def test_somebody_elses_use_of_httpx_is_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    import httpx

    async def ask() -> None:
        async with Receiver() as receiver, httpx.AsyncClient() as client:
            await Endpoint(receiver.url(PATH), "It").send(json={})
            assert "HTTP Request" not in caplog.text
            await client.get(receiver.url("/theirs"))
            assert "/theirs" in caplog.text

    caplog.set_level(logging.INFO)
    asyncio.run(ask())


def test_an_answer_is_quoted_in_one_clean_line() -> None:
    said = str(_answered(answer(400, "two\nlines \x1b[31mred\x00" + "x" * 1000)))
    assert said.isprintable()
    assert "two lines red" in said
    assert len(said) < 300
