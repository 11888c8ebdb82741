"""Mail against real servers: encrypted or not at all, and what comes of each way in which one refuses."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from telemetry.model import Message
from telemetry.notify.base import DeliveryError
from telemetry.notify.email import KIND, Email, EmailOptions
from tests.notify.mailservers import PASSWORD, USER, Mailbox, authenticate, serving, silent
from tests.notify.samples import HOSTILE, SURROUNDINGS, message, notice

TO = ("a@example.org", "b@example.org")


class Certificates:
    """Of a server, and of who vouches for it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.authority_file))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.server)
        self.of_another_name = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("other.test").configure_cert(self.of_another_name)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def email(port: int, *, deadline: float = 8.0, **options: Any) -> Email:
    held = {"host": "localhost", "port": port, "to": TO, "sender": "monitor@example.org", **options}
    return Email("mail", EmailOptions(**held), SURROUNDINGS, deadline=deadline)


async def refused(notifier: Email, sent: Message | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(sent or message())
    assert "\n" not in str(caught.value)
    return caught.value


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


# --- encrypted or not at all ------------------------------------------------------------------------------------------


def test_by_default_it_encrypts_before_it_logs_in_and_tells_everybody(certificates: Certificates) -> None:
    async def work() -> None:
        mailbox = Mailbox()
        options: dict[str, Any] = {
            "tls_context": certificates.server,
            "authenticator": authenticate,
            "require_starttls": True,
        }
        async with serving(mailbox, **options) as port:
            notifier = email(port, user=USER, password=PASSWORD, ca_file=certificates.authority_file)
            assert "took it: OK" in (await notifier.send(message())).replace("taken as 4711", "OK")
            await notifier.close()
        assert mailbox.encrypted == [True]
        [envelope], [mail] = mailbox.envelopes, mailbox.mails
        assert (envelope.mail_from, envelope.rcpt_tos) == ("monitor@example.org", list(TO))
        assert mail["Subject"] == "[ERROR] worker-1: worker-1 has stopped"
        assert mail["Message-ID"] == f"<{'a' * 32}@example.org>"

    run(work)


def test_a_server_without_starttls_gets_nothing(certificates: Certificates) -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox, authenticator=authenticate, auth_require_tls=False) as port:
            error = await refused(email(port, user=USER, password=PASSWORD, ca_file=certificates.authority_file))
        assert "offers no STARTTLS" in str(error)
        assert "SMTP_SECURITY" in str(error)
        assert not error.final
        assert not mailbox.envelopes

    run(work)


def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificates: Certificates) -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox, tls_context=certificates.server) as port:
            error = await refused(email(port))
        assert "certificate" in str(error)
        assert str(error).endswith("; SMTP_CA_FILE can name who else is trusted")
        assert not error.final
        assert not mailbox.envelopes

    run(work)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_for_another_name_gets_nothing(certificates: Certificates, security: str) -> None:
    async def work() -> None:
        mailbox, other = Mailbox(), certificates.of_another_name
        options = {"tls": other} if security == "tls" else {"tls_context": other}
        async with serving(mailbox, **options) as port:
            error = await refused(email(port, security=security, ca_file=certificates.authority_file))
        assert "ostname mismatch" in str(error)
        assert not mailbox.envelopes

    run(work)


def test_encrypted_from_the_start(certificates: Certificates) -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox, tls=certificates.server) as port:
            notifier = email(port, security="TLS", ca_file=certificates.authority_file)
            await notifier.send(message())
            await notifier.close()
        assert mailbox.encrypted == [True]

    run(work)


def test_in_the_clear_only_where_it_is_asked_for() -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox) as port:
            notifier = email(port, security="none")
            await notifier.send(message())
            await notifier.close()
        assert mailbox.encrypted == [False]

    run(work)


def test_a_file_of_certificates_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    async def work() -> None:
        (tmp_path / "gone.pem").write_text("for now")
        notifier = email(1, ca_file=tmp_path / "gone.pem")
        (tmp_path / "gone.pem").unlink()
        error = await refused(notifier)
        assert error.final
        assert "SMTP_CA_FILE" in str(error)
        (tmp_path / "broken.pem").write_text("nothing")
        assert (await refused(email(1, ca_file=tmp_path / "broken.pem"))).final

    run(work)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_final_and_told_nobody(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox, tls_context=certificates.server, authenticator=authenticate) as port:
            wrong = email(port, user=USER, password="correct horse?", ca_file=certificates.authority_file)
            error = await refused(wrong)
        assert error.final
        assert "refused the login: 535" in str(error)
        for said in (str(error), repr(wrong), repr(wrong._options)):
            assert "correct horse?" not in said
        ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.log")]
        assert not any("horse" in said for said in ours)

    run(work)


def test_a_server_that_repeats_the_password_is_not_quoted(certificates: Certificates) -> None:
    def echo(*_: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        said = "535 no: AG1vbml0b3JAZXhhbXBsZS5vcmcAY29ycmVjdCBob3JzZQ== is correct horse"
        return AuthResult(success=False, handled=False, message=said)

    async def work() -> None:
        async with serving(Mailbox(), tls_context=certificates.server, authenticator=echo) as port:
            options: dict[str, Any] = {"user": USER, "password": PASSWORD, "ca_file": certificates.authority_file}
            said = str(await refused(email(port, **options)))
        assert "correct horse" not in said
        assert "AG1vbml0" not in said
        assert "[redacted]" in said

    run(work)


def test_a_server_without_logins_says_what_to_leave_out() -> None:
    async def work() -> None:
        async with serving(Mailbox()) as port:
            error = await refused(email(port, security="none", user=USER, password=PASSWORD))
        assert "leave SMTP_USER and SMTP_PASSWORD out" in str(error)

    run(work)


@pytest.mark.parametrize(("said", "final"), [("451 try again later", False), ("554 we think it is spam", True)])
def test_a_refused_mail_is_tried_again_where_the_server_says_so(said: str, final: bool) -> None:
    async def work() -> None:
        mailbox = Mailbox(data=(said,))
        async with serving(mailbox) as port:
            notifier = email(port, security="none")
            error = await refused(notifier)
            assert error.final is final
            assert f"refused the mail: {said}" in str(error)
            await notifier.send(message())
            await notifier.close()
        assert [mail["Message-ID"] for mail in mailbox.mails] == [f"<{'a' * 32}@example.org>"]

    run(work)


@pytest.mark.parametrize(("said", "final"), [("450 greylisted", False), ("550 unknown", True)])
def test_where_every_recipient_is_refused_nothing_was_told(said: str, final: bool) -> None:
    async def work() -> None:
        async with serving(Mailbox(refuse=(said, said))) as port:
            error = await refused(email(port, security="none"))
        assert error.final is final
        assert "a@example.org" in str(error)

    run(work)


def test_who_was_refused_for_now_is_tried_again_alone() -> None:
    async def work() -> None:
        mailbox = Mailbox(refuse=("450 greylisted",), only=("b@example.org",))
        async with serving(mailbox) as port:
            notifier = email(port, security="none")
            error = await refused(notifier)
            assert not error.final
            assert "not for b@example.org (450 greylisted)" in str(error)
            await notifier.send(message())
            await notifier.send(message(id="c" * 32))
            await notifier.close()
        assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [[TO[0]], [TO[1]], list(TO)]

    run(work)


def test_who_is_refused_for_good_keeps_nobody_else_waiting() -> None:
    async def work() -> None:
        mailbox = Mailbox(refuse=("550 unknown",), only=("a@example.org",))
        async with serving(mailbox) as port:
            notifier = email(port, security="none")
            assert "not for a@example.org (550 unknown)" in await notifier.send(message())
            await notifier.close()
        assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [["b@example.org"]]

    run(work)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_a_silent_server_is_given_up_and_tried_again(security: str) -> None:
    async def work() -> None:
        async with silent() as port:
            error = await refused(email(port, security=security, deadline=0.3))
        assert not error.final
        assert "gave no answer within 0.3 s" in str(error)

    run(work)


def test_a_server_that_speaks_in_the_clear_and_nobody_at_all_are_tried_again() -> None:
    async def work() -> None:
        async with serving(Mailbox()) as port:
            error = await refused(email(port, security="tls"))
            assert not error.final
            assert "WRONG_VERSION_NUMBER" in str(error)
        error = await refused(email(port, security="none"))
        assert not error.final
        assert "refused" in str(error)

    run(work)


def test_a_newline_in_a_name_makes_no_header_on_the_wire() -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox) as port:
            notifier = email(port, security="none")
            await notifier.send(message(notice(agent=HOSTILE), cluster=HOSTILE))
            await notifier.close()
        [envelope], [mail] = mailbox.envelopes, mailbox.mails
        assert envelope.rcpt_tos == list(TO)
        assert mail["Bcc"] is None
        assert "Bcc: everybody@example.org" in mail["Subject"]

    run(work)


def test_the_sender_is_the_user_or_made_of_this_machines_name() -> None:
    async def work() -> None:
        mailbox = Mailbox()
        async with serving(mailbox, authenticator=authenticate, auth_require_tls=False) as port:
            logins: tuple[dict[str, Any], ...] = ({"user": USER, "password": PASSWORD}, {})
            for login in logins:
                notifier = email(port, security="none", sender="", **login)
                await notifier.send(message())
                await notifier.close()
        first, second = (envelope.mail_from for envelope in mailbox.envelopes)
        assert first == USER
        assert second == "orchestrator-telemetry@host.test"

    run(work)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_it_is_on_with_a_server_and_a_recipient() -> None:
    assert not EmailOptions().is_on()
    assert not EmailOptions(host="mail.test").is_on()
    assert not EmailOptions(to=TO).is_on()
    assert not EmailOptions(user="somebody").is_on()  # another program's variable, perhaps
    assert EmailOptions(host="mail.test", to=TO).is_on()
    with pytest.raises(ValueError, match="nobody to write to"):
        KIND.make("mail", EmailOptions(host="mail.test"), SURROUNDINGS)
    assert isinstance(KIND.make("mail", EmailOptions(host="mail.test", to=TO), SURROUNDINGS), Email)


def test_settings_are_read_as_they_are_written() -> None:
    options = EmailOptions.model_validate(
        {"host": "mail.test", "port": "25", "to": "a@example.org, b@example.org", "security": "STARTTLS"}
    )
    assert (options.port, options.to, options.encryption) == (25, TO, "starttls")
    assert EmailOptions().encryption == "starttls"
    assert EmailOptions(port=465).encryption == "tls"
    assert EmailOptions(port=465, security="starttls").encryption == "starttls"


@pytest.mark.parametrize(
    "given",
    [
        *({"to": "nobody"}, {"to": "a@x, b@"}, {"to": "a@x\r\nRCPT TO:<b@x>"}, {"to": "<a@x>"}, {"to": "é@x"}),
        *({"sender": "a b@x"}, {"host": "http://mail.test"}, {"host": "mail test"}, {"host": "a" * 5000 + "!"}),
        *({"port": 0}, {"port": 70_000}, {"port": True}, {"security": "ssl"}),
        {"user": "u"},
        {"password": "secret"},
        {"user": "u", "password": "secret", "security": "none"},
    ],
)
def test_what_cannot_work_is_refused_and_no_secret_is_quoted(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        EmailOptions.model_validate({"host": "mail.test", "to": "a@example.org", **given})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_password_in_the_clear_is_for_this_machine_only(host: str) -> None:
    EmailOptions(host=host, to=TO, user="u", password="p", security="none")  # type: ignore[arg-type]
