"""Apprise's services against real servers: each on its own, none told twice, nothing of its log let out."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from telemetry.model import AlertLevel, Message
from telemetry.notify.apprise import KIND, AppriseNotifier, AppriseOptions, secrets_of
from telemetry.notify.base import DeliveryError
from tests.notify.receivers import HANG, RESET, Receiver, answer
from tests.notify.samples import HOSTILE, SURROUNDINGS, message, notice, resolved, trial


def _notifier(*receivers: Receiver, path: str = "/token-path", deadline: float = 9.0) -> AppriseNotifier:
    urls = " ".join(f"json://user-name:pass-word@127.0.0.1:{receiver.port}{path}" for receiver in receivers)
    made = KIND.make("apprise", AppriseOptions.model_validate({"urls": urls}), SURROUNDINGS)
    assert isinstance(made, AppriseNotifier)
    made._deadline = deadline
    return made


async def _refused(notifier: AppriseNotifier, sent: Message | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(sent or message())
    assert not caught.value.final
    return caught.value


def test_every_service_is_told_every_alert() -> None:
    async def work() -> None:
        async with Receiver() as one, Receiver() as other:
            said = await _notifier(one, other).send(message(notice(), resolved(agent=HOSTILE)))
            assert said == "2 of 2 services took it"
        for receiver in (one, other):
            [request] = receiver.requests
            told = json.loads(request.body)
            assert (told["title"], told["type"]) == ("[ERROR] cluster main: 1 open, 1 resolved", "failure")
            assert "worker-1 has stopped" in told["message"]
            assert "everybody@example.org" in told["message"]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (message(resolved()), "success"),
        (message(notice(level=AlertLevel.WARNING)), "warning"),
        (message(notice(level=AlertLevel.INFO)), "info"),
        (message(notice(level=AlertLevel.CRITICAL)), "failure"),
        (trial(), "info"),
    ],
)
def test_the_kind_is_the_levels(sent: Message, kind: str) -> None:
    async def work() -> None:
        async with Receiver() as receiver:
            await _notifier(receiver).send(sent)
        assert json.loads(receiver.requests[0].body)["type"] == kind

    asyncio.run(work())


def test_a_service_that_took_a_message_is_not_told_again_because_another_failed() -> None:
    async def work() -> None:
        async with Receiver() as good, Receiver(answer(500, "broken"), answer()) as bad:
            notifier = _notifier(good, bad)
            said = str(await _refused(notifier))
            assert said.startswith("1 of 2 services did not take it: service 2 (json): ")
            assert "500" in said
            assert await notifier.send(message()) == "2 of 2 services took it"
            assert (len(good.requests), len(bad.requests)) == (1, 2)
            await notifier.send(message(id="b" * 32))
            assert (len(good.requests), len(bad.requests)) == (2, 3)
            await notifier.close()

    asyncio.run(work())


def test_a_service_that_is_still_at_it_is_waited_for_rather_than_told_twice() -> None:
    async def work() -> None:
        async with Receiver(HANG) as slow:
            notifier = _notifier(slow, deadline=0.1)
            assert "no answer within 0.1 s" in str(await _refused(notifier))
            await slow.asked.wait()
            slow.release.set()
            notifier._deadline = 9.0
            await notifier.send(message())
            assert len(slow.requests) == 1

    asyncio.run(work())


def test_closing_waits_for_no_service() -> None:
    async def work() -> None:
        async with Receiver(HANG) as slow:
            notifier = _notifier(slow, deadline=0.1)
            await _refused(notifier)
            await notifier.close()
            assert not notifier._attempts

    asyncio.run(work())


@pytest.mark.parametrize(("query", "mode"), [("", "split"), ("?overflow=truncate", "truncate")])
def test_a_long_message_is_split_where_nobody_chose_otherwise(query: str, mode: str) -> None:
    options = AppriseOptions.model_validate({"urls": f"json://localhost/x{query}"})
    notifier = KIND.make("apprise", options, SURROUNDINGS)
    assert isinstance(notifier, AppriseNotifier)
    assert [plugin.overflow_mode.value for plugin in notifier._services[0]._apprise] == [mode]


def test_a_service_that_breaks_does_not_break_the_others() -> None:
    async def work() -> None:
        async with Receiver() as good, Receiver() as bad:
            notifier = _notifier(good, bad)
            notifier._services[1]._apprise = None  # type: ignore[assignment]  # as a plugin with a fault
            assert "service 2 (json): failed with AttributeError" in str(await _refused(notifier))
            assert len(good.requests) == 1

    asyncio.run(work())


def test_what_is_remembered_is_bounded() -> None:
    async def work() -> None:
        async with Receiver(answer(500)) as bad:
            notifier = _notifier(bad)
            notifier._services[0]._apprise = None  # type: ignore[assignment]  # fails at once
            for number in range(60):
                await _refused(notifier, message(id=f"{number:032x}"))
            assert len(notifier._attempts) <= 50

    asyncio.run(work())


def test_no_secret_in_a_reason_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("apprise").setLevel(1)

    async def work() -> list[str]:
        echo = answer(400, "no to /token-path of user-name with pass-word")
        async with Receiver(echo) as refusing, Receiver(RESET) as breaking:
            notifier = _notifier(refusing, breaking, path="/token-path?+X-Secret=query-secret")
            return [str(await _refused(notifier)), repr(notifier)]

    try:
        texts = asyncio.run(work())
    finally:
        logging.getLogger("apprise").setLevel(logging.NOTSET)
    for secret in ("user-name", "pass-word", "token-path", "query-secret"):
        assert not any(secret in text for text in texts)
        assert secret not in caplog.text


def test_somebody_elses_use_of_apprise_is_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with Receiver() as receiver:
            await _notifier(receiver).send(message())
        logging.getLogger("apprise").warning("theirs")

    asyncio.run(work())
    assert [record.message for record in caplog.records] == ["theirs"]


@pytest.mark.parametrize(
    ("given", "urls"),
    [
        ("json://a/x json://b", ["json://a/x", "json://b"]),
        ("json://a/x,json://b/, tgram://c/d\n", ["json://a/x", "json://b/", "tgram://c/d"]),
        ("mailto://u:p@x?to=a@x,b@x,slack://A/B/C,", ["mailto://u:p@x?to=a@x,b@x", "slack://A/B/C"]),
        (["json://a", "json://b"], ["json://a", "json://b"]),
        ("", []),
    ],
)
def test_urls_are_parted_by_blanks_and_commas(given: Any, urls: list[str]) -> None:
    options = AppriseOptions.model_validate({"urls": given})
    assert [url.get_secret_value() for url in options.urls] == urls
    assert options.is_on() is bool(urls)
    assert not urls or urls[0] not in repr(options)


@pytest.mark.parametrize("url", ["nonsense://secret-token", "secret-token", "tgram://secret-token"])
def test_a_url_that_apprise_does_not_know_is_named_by_its_place(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = AppriseOptions.model_validate({"urls": ["json://localhost", url]})
    with pytest.raises(ValueError, match="URL number 2 of APPRISE_URLS") as caught:
        KIND.make("apprise", options, SURROUNDINGS)
    assert "secret-token" not in str(caught.value) + caplog.text


def test_a_token_in_the_place_of_a_host_is_a_secret_too() -> None:
    assert {"123456789", "AAbbCCdd", "chat-id"} <= secrets_of("tgram://123456789:AAbbCCdd/chat-id/")


@pytest.mark.parametrize("url", ["json://169.254.169.254/x", "xml://[fe80::1]:80/x", "json://[::ffff:169.254.1.1]/"])
def test_nothing_is_sent_where_only_this_machines_network_or_cloud_answers(url: str) -> None:
    options = KIND.options.model_validate({"urls": [url]})
    with pytest.raises(ValueError, match=r"the host of URL number 1 of APPRISE_URLS is .*, where nothing is sent to"):
        KIND.make("apprise", options, SURROUNDINGS)


def test_nor_to_a_name_that_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def lookup(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(None, None, None, "", ("169.254.7.7", 0))]

    monkeypatch.setattr("socket.getaddrinfo", lookup)
    options = KIND.options.model_validate({"urls": ["json://inside.example/x"]})
    notifier = KIND.make("apprise", options, SURROUNDINGS)
    with pytest.raises(DeliveryError, match=r"it is at 169\.254\.7\.7, where nothing is sent to"):
        asyncio.run(notifier.send(message()))
    assert looked_up == ["inside.example"]


def test_a_token_that_stands_where_a_host_does_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("it was looked up"))
    options = KIND.options.model_validate({"urls": ["tgram://123456789:abcdefg_hijklmnop/12315544/"]})
    notifier = KIND.make("apprise", options, SURROUNDINGS)
    assert notifier._services[0]._hosts == ()  # type: ignore[attr-defined]
