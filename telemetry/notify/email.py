"""Mail by SMTP, encrypted unless settings say otherwise: nothing goes out in the clear by chance."""

from __future__ import annotations

import asyncio
import re
from email.errors import MessageError
from email.headerregistry import Address
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from telemetry.fields import About, SomePath, TogetherError, Whole, lower, words
from telemetry.model import Message
from telemetry.notify.addresses import REFUSED, is_forbidden, literal
from telemetry.notify.base import ChannelKind, ChannelOptions, DeliveryError, Notifier, Surroundings
from telemetry.notify.mail import mail
from telemetry.notify.smtp import Security, Server, this_host

DEADLINE = 8.0
"""Seconds for all of a delivery."""
_TLS_PORT = 465


def _address(text: str) -> str:
    try:
        spelled = Address(addr_spec=text).addr_spec
    except (ValueError, IndexError, MessageError):  # the email package's ways to refuse one
        spelled = ""
    if spelled != text or not re.fullmatch(r"[!-~]+@[!-~]+", text):
        raise ValueError("not an address")
    return text


def _sender(text: str) -> str:
    return _address(text) if text else text


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]*", text):
        raise ValueError("not a host name")
    if (address := literal(text)) is not None and is_forbidden(address):
        raise ValueError(f"{address}, {REFUSED}")
    return text


def _file(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError("no such file")
    return path


class EmailOptions(ChannelOptions):
    """Mail: on with a server and somebody to write to."""

    host: Annotated[str, AfterValidator(_host), About("the host name of a mail server", "SMTP_HOST")] = ""
    port: Annotated[
        Whole,
        Field(ge=1, le=65535),
        About("a whole number from 1 to 65535", "SMTP_PORT"),
    ] = 587
    user: Annotated[str, About("the user name at the mail server", "SMTP_USER")] = ""
    password: Annotated[
        SecretStr | None, About("the password that belongs to the user", "SMTP_PASSWORD", secret=True)
    ] = None
    to: Annotated[
        tuple[Annotated[str, AfterValidator(_address)], ...],
        BeforeValidator(words),
        About("email addresses, joined by commas", "ALERT_EMAIL_TO"),
    ] = ()
    sender: Annotated[str, AfterValidator(_sender), About("one email address", "SMTP_FROM")] = ""
    """Left out: the user, where that is an address, else orchestrator-telemetry at this host."""
    security: Annotated[
        Security | None,
        BeforeValidator(lower),
        About(
            "one of starttls, tls, none (with a password, none is only for a server on this machine)", "SMTP_SECURITY"
        ),
    ] = None
    """Left out: tls at port 465, else starttls."""
    ca_file: Annotated[
        SomePath | None, AfterValidator(_file), About("the path of a PEM file with certificates", "SMTP_CA_FILE")
    ] = None
    """Trusted besides what the system trusts."""

    def is_on(self) -> bool:
        return bool(self.host and self.to)

    def lacks(self) -> str:
        if bool(self.host) == bool(self.to):
            return ""
        return "SMTP_HOST" if self.to else "ALERT_EMAIL_TO"

    @property
    def encryption(self) -> Security:
        """The security in force."""
        return self.security or ("tls" if self.port == _TLS_PORT else "starttls")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.is_on():
            return self
        secret = bool(self.password and self.password.get_secret_value())
        if bool(self.user) != secret:
            given, lacking = ("user", "password") if self.user else ("password", "user")
            raise TogetherError(f"{{{given}}} is set and {{{lacking}}} is not: a login needs both")
        if secret and self.encryption == "none" and not _is_loopback(self.host):
            raise TogetherError("{security} is none: the password would cross the network for all to read")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Email(Notifier):
    """One mail for each message, to all recipients at once, by a connection of its own."""

    def __init__(
        self, channel: str, options: EmailOptions, surroundings: Surroundings, *, deadline: float = DEADLINE
    ) -> None:
        super().__init__(channel)
        password = options.password.get_secret_value() if options.password else ""
        self._server = Server(
            options.host,
            options.port,
            security=options.encryption,
            user=options.user,
            password=password,
            ca_file=options.ca_file,
        )
        self._options, self._surroundings, self._deadline = options, surroundings, deadline
        self._here = ""
        self._dealt_with: tuple[str, frozenset[str]] = ("", frozenset())
        """The last message that not everybody got yet, and who need not be tried again."""

    async def send(self, message: Message) -> str:
        try:
            async with asyncio.timeout(self._deadline):
                return await self._send(message)
        except TimeoutError:
            raise DeliveryError(f"{self._server.name} gave no answer within {self._deadline:g} s") from None

    async def _send(self, message: Message) -> str:
        self._here = self._here or await this_host()
        everybody, sender = self._options.to, self._sender()
        of, dealt_with = self._dealt_with
        to = [each for each in everybody if of != message.id or each not in dealt_with]
        content = mail(message, self._surroundings, sender, everybody).as_bytes()
        taken = await self._server.send(sender, to, content, self._here)
        said = f"{self._server.name} took it: {taken.said}"
        if taken.refused:
            said += f"; but not for {taken.refused}"
        if taken.later:
            self._dealt_with = message.id, frozenset(everybody).difference(taken.later)
            raise DeliveryError(said)
        return said

    async def close(self) -> None:
        await self._server.close()

    def _sender(self) -> str:
        user = self._options.user
        return self._options.sender or (user if _is_address(user) else f"orchestrator-telemetry@{self._here}")


def _is_address(text: str) -> bool:
    try:
        return bool(_address(text))
    except ValueError:
        return False


def make(channel: str, options: EmailOptions, surroundings: Surroundings) -> Email:
    """The notifier of a channel that is on.

    Raises:
        ValueError: It is off.
    """
    if not options.is_on():
        raise ValueError(f"the channel {channel} has no mail server, or nobody to write to")
    return Email(channel, options, surroundings)


KIND = ChannelKind("email", "mail by SMTP", EmailOptions, make)
