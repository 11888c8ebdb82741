"""Who is let in, by a token or by a session: what the middleware and the login share."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry.clock import Clock
from telemetry.web import sessions
from telemetry.web.failures import Failures
from telemetry.web.identity import ANYBODY, BY_FILE_RIGHTS, BY_SOCKET, Identity, Role
from telemetry.web.keyring import Keyring
from telemetry.web.sessions import Session, Sessions
from telemetry.web.tokens import LONG, Token, found

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody isn't let in.

    Attributes:
        status: Of the answer.
        detail: One line.
        wait: Seconds after which another try makes sense; 0: at once.
        wrong: Whether something was shown, and was wrong.
    """

    status: int
    detail: str
    wait: int = 0
    wrong: bool = True


class Access:
    """What is asked of whoever asks something of the server.

    Args:
        clock: Tells the time.
        keyring: The tokens that hold. Where there are none, nobody is asked for one.
        metrics: Those that open /metrics alone.
    """

    def __init__(self, clock: Clock, keyring: Keyring | None = None, metrics: Keyring | None = None) -> None:
        self.clock = clock
        self._keyring = keyring or Keyring()
        self._metrics = metrics or Keyring()
        self._sessions = Sessions()
        self._failures = Failures()
        self._asks = False
        self._metrics_asks = False

    @property
    def asks(self) -> bool:
        """Whether a token is asked for. Once it was, it stays so: nobody opens the server by taking the last away."""
        self._asks = self._asks or bool(self._keyring.tokens())
        return self._asks

    @property
    def metrics_asks(self) -> bool:
        """Whether /metrics asks for one."""
        self._metrics_asks = self._metrics_asks or bool(self._metrics.tokens())
        return self._metrics_asks or self.asks

    def known(self, scope: Mapping[str, Any], *, metrics: bool = False) -> Identity | Refusal:
        """Whose request that is.

        Args:
            scope: The request's.
            metrics: Whether it asks for /metrics, for which further tokens hold.
        """
        if scope.get(BY_SOCKET):
            return BY_FILE_RIGHTS
        if not (self.metrics_asks if metrics else self.asks):
            return ANYBODY
        if (token := _bearer(scope)) is not None:
            return self._identity(self.by_token(token, address(scope), metrics=metrics))
        if cookie := sessions.presented(scope):
            token_of = self._by_session(cookie)
            if token_of is not None:
                return self._identity(token_of)
            return Refusal(401, "this session is over: sign in again", wrong=False)
        return Refusal(401, "a token is needed: send «Authorization: Bearer …», or sign in at /login", wrong=False)

    def by_token(self, presented: str, client: str, *, metrics: bool = False) -> Token | Refusal:
        """The token that was shown.

        Somebody who has shown too many wrong ones waits, and meanwhile short ones aren't looked at, right or wrong.
        Long ones are, since no number of tries finds one: those who hold them are never kept out by others.
        """
        now = self.clock.now()
        wait = self._failures.wait(client, now)
        if wait and len(presented) < LONG:
            return _too_many(wait)
        known = (*self._keyring.tokens(), *(self._metrics.tokens() if metrics else ()))
        token = found(known, presented)
        if token is not None and token.holds(now):
            return token
        if wait:
            return _too_many(wait)
        if self._failures.count(client, now):
            _log.warning("many wrong tokens from %s: it has to wait now", client)
        if token is not None:
            return Refusal(401, "this token has expired: `orchestrator-telemetry token new` makes another")
        return Refusal(401, "this token is not known here")

    def sign_in(self, presented: str, scope: Mapping[str, Any]) -> tuple[str, Session, Token] | Refusal:
        """Opens a session for whoever shows a token that reads; the one they had before ends."""
        token = self.by_token(presented, address(scope))
        if isinstance(token, Refusal):
            return token
        if token.role is Role.REPORT:
            return Refusal(403, "this token only reports: to sign in, one with the role read or operate is needed")
        self.sign_out(scope)
        name, session = self._sessions.open(token.digest, self.clock.now(), token.ends_at)
        return name, session, token

    def sign_out(self, scope: Mapping[str, Any]) -> None:
        """Ends the session of a request."""
        self._sessions.close(sessions.presented(scope))

    def _by_session(self, name: str) -> Token | None:
        now = self.clock.now()
        session = self._sessions.get(name, now)
        if session is None:
            return None
        for token in self._keyring.tokens():
            if hmac.compare_digest(token.digest, session.digest) and token.holds(now):
                return token
        self._sessions.close(name)
        return None

    @staticmethod
    def _identity(token: Token | Refusal) -> Identity | Refusal:
        return token if isinstance(token, Refusal) else Identity(token.name, token.role, proved=True)


def address(scope: Mapping[str, Any]) -> str:
    """Where a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _bearer(scope: Mapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer":
                return str(token.strip())
    return None


def _too_many(wait: float) -> Refusal:
    return Refusal(429, "too many wrong tokens from this address: wait before the next try", max(1, math.ceil(wait)))
