"""Whatever Apprise can reach: some hundred services, each named by a URL of its own.

Apprise blocks in threads, says only whether a service took something, and logs the reason, at times with the URL. So
each service is asked in a thread of its own, and the log is caught there: nothing of it goes anywhere else.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from pydantic import BeforeValidator, SecretStr

from telemetry.fields import About
from telemetry.model import AlertLevel, Message
from telemetry.notify import texts
from telemetry.notify.addresses import REFUSED, forbidden_address, is_forbidden, literal
from telemetry.notify.base import ChannelKind, ChannelOptions, DeliveryError, Notifier, Surroundings

if TYPE_CHECKING:
    from apprise import Apprise

DEADLINE = 9.0
"""Seconds until a service that hasn't answered counts as failed for this attempt."""
_KNOWN_MESSAGES = 50
_SHORTEST_SECRET = 5
_LOGGERS = ("apprise", "urllib3.connectionpool", "requests")  # urllib3 logs each URL's path at DEBUG


def _split(value: Any) -> Any:
    """At blanks, and at a comma that a URL follows: the URLs themselves may hold commas."""
    if not isinstance(value, str):
        return value
    return tuple(url for part in value.split() for url in re.split(r",+(?=[A-Za-z0-9]+://|$)", part) if url)


class AppriseOptions(ChannelOptions):
    """Apprise: on with a URL."""

    urls: Annotated[
        tuple[SecretStr, ...],
        BeforeValidator(_split),
        About("URLs as Apprise has them, joined by blanks or commas", "APPRISE_URLS", secret=True),
    ] = ()

    def is_on(self) -> bool:
        return bool(self.urls)


class Service:
    """One URL of Apprise's."""

    def __init__(self, apprise: Apprise, name: str, secrets: Iterable[str], hosts: Iterable[str] = ()) -> None:
        self._apprise = apprise
        self.name = name
        self._secrets = tuple(secrets)
        self._hosts = tuple(hosts)

    def tell(self, title: str, body: str, kind: str) -> str:
        """Blocks until the service has answered; returns why it took nothing, or "" where it did."""
        for host in self._hosts:
            if address := forbidden_address(host):
                return f"{self.name}: it is at {address}, {REFUSED}"
        heard: list[str] = []
        _listen(heard)
        if self._apprise.notify(title=title, body=body, notify_type=kind, body_format="text"):
            return ""
        said = texts.quoted(" / ".join(heard), self._secrets)
        return f"{self.name}: {said or 'no reason given'}"


class AppriseNotifier(Notifier):
    """Tells every service; one that has taken a message isn't told again because another failed."""

    def __init__(
        self, channel: str, services: list[Service], surroundings: Surroundings, *, deadline: float = DEADLINE
    ) -> None:
        super().__init__(channel)
        self._services = services
        self._surroundings = surroundings
        self._deadline = deadline
        self._attempts: dict[str, dict[int, asyncio.Task[str]]] = {}
        """By message, then by service: the last attempt, which may still run, or have succeeded."""

    async def send(self, message: Message) -> str:
        title, body = texts.headline(message, self._surroundings.language), texts.plain(message, self._surroundings)
        kind = _kind(message)
        tasks = self._attempts.setdefault(message.id, {})
        for number, service in enumerate(self._services):
            if number not in tasks or _failed(tasks[number]):
                tasks[number] = asyncio.create_task(asyncio.to_thread(service.tell, title, body, kind))
        await asyncio.wait(tasks.values(), timeout=self._deadline)
        reasons = [self._reason(number, task) for number, task in tasks.items() if _failed(task) or not task.done()]
        count = len(self._services)
        if reasons:
            self._forget()
            raise DeliveryError(f"{len(reasons)} of {count} services did not take it: {'; '.join(reasons)}")
        del self._attempts[message.id]
        return f"{count} of {count} services took it"

    def _reason(self, number: int, task: asyncio.Task[str]) -> str:
        name = self._services[number].name
        if not task.done():  # a thread can't be stopped: the next attempt waits for it rather than doing it twice
            return f"{name}: no answer within {self._deadline:g} s"
        if (error := task.exception()) is not None:
            return f"{name}: failed with {type(error).__name__}"
        return task.result()

    def _forget(self) -> None:
        while len(self._attempts) > _KNOWN_MESSAGES:  # those that nobody tries again
            del self._attempts[next(iter(self._attempts))]

    async def close(self) -> None:
        for task in [task for tasks in self._attempts.values() for task in tasks.values()]:
            task.cancel()
        self._attempts.clear()


def _failed(task: asyncio.Task[str]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None or bool(task.result()))


def _kind(message: Message) -> str:
    """Apprise's word for it, which chooses a colour or a picture."""
    if message.test:
        return "info"
    if message.resolved:
        return "success"
    return {AlertLevel.INFO: "info", AlertLevel.WARNING: "warning"}.get(message.level, "failure")


_heard: ContextVar[list[str] | None] = ContextVar("telemetry_notify_apprise", default=None)


def _catch(record: logging.LogRecord) -> bool:
    """Keeps what is logged while a service of ours is told from every handler, and Apprise's warnings as a reason."""
    heard = _heard.get()
    if heard is None:
        return True  # somebody else's business in this process
    if record.name == "apprise" and record.levelno >= logging.WARNING:
        heard.append(record.getMessage())
    return False


def _listen(heard: list[str]) -> None:
    """From here on, what this thread or task has logged by Apprise goes to `heard` alone."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_catch)
    _heard.set(heard)


def make(channel: str, options: AppriseOptions, surroundings: Surroundings) -> AppriseNotifier:
    """The notifier of a channel; loads Apprise, which takes its time.

    Raises:
        ValueError: Apprise doesn't know what to do with one of the URLs; says which by its position.
    """
    services = [
        copy_context().run(_service, url.get_secret_value(), number) for number, url in enumerate(options.urls, 1)
    ]
    return AppriseNotifier(channel, services, surroundings)


def _service(url: str, number: int) -> Service:
    import apprise

    _listen([])
    held = apprise.Apprise()
    if not held.add(url):
        raise ValueError(f"URL number {number} of APPRISE_URLS is none that Apprise understands")
    if "overflow=" not in url:
        for plugin in held:
            plugin.overflow_mode = apprise.OverflowMode.SPLIT  # rather than have a long message refused
    # With other services a secret stands where the host does: it isn't looked up.
    hosts = [str(plugin.host).strip("[]") for plugin in held if "{host}" in "".join(plugin.templates)]
    for host in hosts:
        if (address := literal(host)) is not None and is_forbidden(address):
            raise ValueError(f"the host of URL number {number} of APPRISE_URLS is {address}, {REFUSED}")
    return Service(held, f"service {number} ({url.partition(':')[0]})", secrets_of(url), hosts)


def secrets_of(url: str) -> set[str]:
    """Whatever of a URL may give it away: with many services the token stands where the host does."""
    rest = url.partition("://")[2]
    found = {url, rest, *re.split(r"[/?&=#;:@,]+", rest)}
    found |= {unquote(piece) for piece in found}
    return {piece for piece in found if len(piece) >= _SHORTEST_SECRET}


KIND = ChannelKind("apprise", "any of the services that Apprise knows", AppriseOptions, make)
