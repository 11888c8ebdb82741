"""How a command asks the daemon of a state folder: over the socket that lies there."""

from __future__ import annotations

import getpass
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.cli import options
from telemetry.control import NAME, short_path

if TYPE_CHECKING:
    import httpx

    from telemetry.settings import Settings
    from telemetry.store import AlertStore, Kept

_TIMEOUT = 30.0
_REFUSED = 400
_WRONG_VALUE = 422
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


class NoDaemonError(Exception):
    """None runs with this state folder; the message is one line that says so."""


class Daemon:
    """The one that runs with a state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir

    def get(self, path: str, **params: Any) -> Any:
        """An answer as plain values. Parameters that are None are left out.

        Raises:
            NoDaemonError: There is none.
        """
        return self._ask("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, **body: Any) -> Any:
        """The same, for what changes something."""
        return self._ask("POST", path, json={name: value for name, value in body.items() if value is not None})

    def delete(self, path: str) -> Any:
        """The same, for what ends something."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        import httpx

        try:
            if not (self._folder / NAME).exists():
                raise NoDaemonError(self._missing())
            with short_path(self._folder) as socket:
                transport = httpx.HTTPTransport(uds=socket)
                with httpx.Client(transport=transport, base_url="http://localhost", timeout=_TIMEOUT) as client:
                    response = client.request(method, path, **content)
        except httpx.ConnectError:
            raise NoDaemonError(self._missing()) from None
        except httpx.HTTPError as error:
            options.fail(f"the monitor gave no answer: {str(error) or type(error).__name__}")
        except UnicodeEncodeError as error:
            options.fail(f"{error.object!r} is no text in UTF-8", options.BAD_SETTINGS)
        except OSError as error:
            options.fail(_unusable(self._folder, error))
        return _content(response)

    def _missing(self) -> str:
        return f"no monitor runs with the state folder {self._folder} (--state-dir names another)"


@contextmanager
def needed(settings: Settings) -> Iterator[Daemon]:
    """The daemon for what can't be done without one; ends the process with one line where none runs."""
    try:
        yield Daemon(settings.state_dir)
    except NoDaemonError as error:
        options.fail(str(error))


def _content(response: httpx.Response) -> Any:
    if response.status_code >= _REFUSED:
        try:
            detail = response.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"the monitor answered {response.status_code}"
        wrong = response.status_code == _WRONG_VALUE
        options.fail(str(detail), options.BAD_SETTINGS if wrong else options.CANNOT_START)
    return response.json()


def _unusable(folder: Path, error: OSError) -> str:
    return f"the state folder {folder} can't be used: {error.strerror}"


def left(settings: Settings, error: NoDaemonError) -> AlertStore:
    """The store of a daemon that has ended, and a line that says so; ends the process where there never was one."""
    from telemetry import watching
    from telemetry.store import AlertStore, Database

    path = watching.store_path(settings)
    try:
        if not path.exists():
            options.fail(str(error))
    except OSError as unusable:
        options.fail(_unusable(settings.state_dir, unusable))
    options.say(f"{error}: this is what the last one left")
    return AlertStore(Database(path))


def kept(settings: Settings, error: NoDaemonError) -> Kept:
    """What it held, but for the history."""
    from telemetry.store import StoreError

    try:
        return left(settings, error).load()
    except StoreError as fault:
        options.fail(str(fault))


def me() -> str:
    """Who gives the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in containers
        return "somebody"


def seconds(text: str, flag: str) -> float:
    """`90s`, `30m`, `2h`, `1d`, `1w` or `1h30m` in seconds; ends the process with one line where it isn't that."""
    from telemetry.model import LONGEST_SILENCE

    lowered = text.strip().lower()
    parts = _PART.findall(lowered)
    known = bool(lowered) and not _PART.sub("", lowered).strip() and all(unit in _UNITS for _, unit in parts)
    found = float(sum(float(number) * _UNITS[unit] for number, unit in parts)) if known else math.inf
    if not 0 < found <= LONGEST_SILENCE:
        options.fail(f"{flag} is {text!r}: it must be a time such as 30m, 2h or 1d, at most 366d", options.BAD_SETTINGS)
    return found
