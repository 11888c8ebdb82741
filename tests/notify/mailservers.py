"""Real mail servers in the test's own loop, each wrong in its own way."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "monitor@example.org", "correct horse"


class Mailbox:
    """Takes what comes.

    Args:
        refuse: Answers for recipients, one after the other, before one is taken.
        only: For which recipients they hold; left out: all.
        data: The same for mails.
    """

    def __init__(self, *, refuse: tuple[str, ...] = (), only: tuple[str, ...] = (), data: tuple[str, ...] = ()) -> None:
        self._refuse, self._only, self._data = list(refuse), only, list(data)
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._refuse and (not self._only or address in self._only):
            return self._refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self._data:
            return self._data.pop(0)
        self.envelopes.append(envelope)
        self.encrypted.append(
            server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        )
        return "250 taken as 4711"

    @property
    def mails(self) -> list[EmailMessage]:
        found = [message_from_bytes(envelope.content or b"", policy=policy.default) for envelope in self.envelopes]  # type: ignore[arg-type]
        return [each for each in found if isinstance(each, EmailMessage)]


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
    """One user may log in."""
    good = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False, message=None if good else "535 5.7.8 No: not correct horse")


@asynccontextmanager
async def serving(mailbox: Mailbox, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """A server for a mailbox; `tls` encrypts it from the start. Yields its port."""
    loop = asyncio.get_running_loop()
    held = {"hostname": "mail.test", "enable_SMTPUTF8": False, **options}
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop, **held), "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """A server that takes connections and says nothing. Yields its port."""
    over = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
        await server.wait_closed()
