"""One conversation with a mail server: connect, encrypt, log in, hand over, leave."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from telemetry.notify import texts
from telemetry.notify.base import DeliveryError
from telemetry.notify.http import why

if TYPE_CHECKING:
    import ssl

    import aiosmtplib

Security = Literal["starttls", "tls", "none"]
_NAME_TIMEOUT = 2.0
_QUIT_TIMEOUT = 1.0
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What a server took.

    Attributes:
        said: Its answer, in a line.
        refused: Whom it refused all the same, in a line; or "".
        later: Those among them who may be taken when it is tried again.
    """

    said: str
    refused: str = ""
    later: Sequence[str] = ()


class Server:
    """A mail server.

    Args:
        host: Its name, which its certificate must hold.
        port: Its port.
        security: How the connection is encrypted.
        user: Who logs in; "" for nobody.
        password: The user's.
        ca_file: Certificates that are trusted besides the system's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security,
        user: str = "",
        password: str = "",
        ca_file: Path | None = None,
    ) -> None:
        self._host, self._port, self._security = host, port, security
        self._login = user.encode(), password.encode()
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._leaving: asyncio.Task[None] | None = None
        self.name = f"the mail server {texts.quoted(host)}:{port}"

    async def send(self, sender: str, to: Sequence[str], content: bytes, here: str) -> Taken:
        """Hands a mail over; returns when the server has taken it for one recipient at least.

        Args:
            sender: The envelope's sender, and `to` its recipients.
            content: The mail.
            here: This machine's name.

        Raises:
            DeliveryError: It was taken for nobody, or may not have been.
        """
        import aiosmtplib

        if self._security != "none" and self._tls is None:
            self._tls = await asyncio.to_thread(self._trusted)
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=False,  # done below, where it can be told why it failed
            tls_context=self._tls,
            local_hostname=here,
            timeout=None,  # the caller's is for all of it
        )
        try:
            taken = await self._deliver(client, sender, to, content)
        except BaseException:
            client.close()
            raise
        self._leaving = asyncio.create_task(_leave(client), name="goodbye")  # nobody waits for it
        return taken

    async def close(self) -> None:
        """Waits until the last connection is closed."""
        if self._leaving is not None:
            await self._leaving

    async def _deliver(self, client: aiosmtplib.SMTP, sender: str, to: Sequence[str], content: bytes) -> Taken:
        import aiosmtplib

        try:
            await client.connect()
            await client.ehlo()
            await self._encrypt(client)
            await self._log_in(client)
            refused, said = await client.sendmail(sender, list(to), content)
        except aiosmtplib.SMTPRecipientsRefused as error:
            final = all(each.code >= _PERMANENT for each in error.recipients)
            who = self._refused((each.recipient, each.code, each.message) for each in error.recipients)
            raise DeliveryError(f"{self.name} refused every recipient: {who}", final=final) from None
        except aiosmtplib.SMTPResponseException as error:
            what = "the login" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "the mail"
            reason = f"{self.name} refused {what}: {error.code} {self._quoted(error.message)}"
            raise DeliveryError(reason, final=error.code >= _PERMANENT) from None
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:  # UnicodeError: a name too long for DNS
            hint = "; SMTP_CA_FILE can name who else is trusted" if _is_about_trust(error) else ""
            raise DeliveryError(f"{self.name} could not be used: {self._quoted(why(error))}{hint}") from None
        return self._taken(refused, said)

    def _taken(self, refused: Mapping[str, aiosmtplib.SMTPResponse], said: str) -> Taken:
        return Taken(
            said=self._quoted(said),
            refused=self._refused((who, answer.code, answer.message) for who, answer in refused.items()),
            later=[who for who, answer in refused.items() if answer.code < _PERMANENT],
        )

    async def _encrypt(self, client: aiosmtplib.SMTP) -> None:
        if self._security != "starttls":
            return
        if not client.supports_extension("starttls"):
            raise DeliveryError(
                f"{self.name} offers no STARTTLS, so nothing was sent: SMTP_SECURITY=tls is for a server that "
                "encrypts from the start (mostly at port 465), none for one that never does",
            )
        await client.starttls()
        await client.ehlo()

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        if not self._login[0]:
            return
        if not client.supports_extension("auth"):
            raise DeliveryError(f"{self.name} takes no login: leave SMTP_USER and SMTP_PASSWORD out")
        await client.login(*self._login)

    def _trusted(self) -> ssl.SSLContext:
        import ssl

        context = ssl.create_default_context()  # verifies certificates and names
        if self._ca_file is not None:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:  # ssl.SSLError is one
                reason = f"SMTP_CA_FILE ({self._ca_file}) can't be used: {self._quoted(why(error))}"
                raise DeliveryError(reason, final=True) from None
        return context

    def _refused(self, refused: Iterable[tuple[str, int, str]]) -> str:
        return ", ".join(f"{who} ({code} {self._quoted(said)})" for who, code, said in refused)

    def _quoted(self, text: str) -> str:
        user, password = self._login
        forms = [base64.b64encode(form).decode() for form in (password, b"\0%b\0%b" % (user, password)) if password]
        return texts.quoted(text, [password.decode(), *forms])


def _is_about_trust(error: BaseException | None) -> bool:
    """Whether a certificate was not accepted, below the layers of libraries."""
    import ssl

    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _leave(client: aiosmtplib.SMTP) -> None:
    import aiosmtplib

    try:
        with suppress(aiosmtplib.SMTPException, OSError):  # it has the mail; how it says goodbye is of no interest
            await client.quit(timeout=_QUIT_TIMEOUT)
    finally:
        client.close()


async def this_host() -> str:
    """This machine's full name; `localhost` where a mail server could not read it, or looking it up takes long."""
    try:
        name = await asyncio.wait_for(asyncio.to_thread(socket.getfqdn), _NAME_TIMEOUT)
    except TimeoutError:
        return "localhost"
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name) else "localhost"
