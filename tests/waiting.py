"""The one way in which tests and servers wait for something: ask until it is so, or a deadline has passed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

T = TypeVar("T")


class NotYetError(AssertionError):
    """A server can't answer this at the moment, and will soon: `eventually` asks again."""


class NotInTimeError(AssertionError):
    """What was waited for was not so before the deadline; says what the last try gave."""


def eventually(ask: Callable[[], T], timeout: float = 60.0, *, every: float = 0.05, what: str = "") -> T:
    """Call `ask` until it returns something true, and return that.

    An `AssertionError` or a failed HTTP request counts as «not yet». Raises `NotInTimeError` after `timeout` seconds:
    that ends a test which fails, and is far more than others need, also where the machine stalls for a while.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        try:
            answer = ask()
            if answer:
                return answer
            last = repr(answer)
        except (AssertionError, httpx.HTTPError) as failure:
            last = f"{type(failure).__name__}: {failure}"
        if time.monotonic() >= deadline:
            raise NotInTimeError(f"{what or 'it'} was not so within {timeout:g} s; the last try gave {last[:2000]}")
        pause.wait(every)
