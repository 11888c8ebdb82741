"""Sends one serialized OTLP request, once: what becomes of it afterwards is decided elsewhere.

Where to, with which headers, certificates and compression: the SDK's own exporters know that from OTEL_*, so it is
learned from them and not read a second time.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import requests

    from telemetry.signals.spool.wire import Wire


class Outcome(Enum):
    """What an attempt came to."""

    TAKEN = "taken"
    LATER = "later"
    """Nobody took it: the same again, after a while."""
    DOUBTFUL = "doubtful"
    """An error of the other side's that may be this request's fault: a few times more."""
    NEVER = "never"
    """The request itself was refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        why: In words, where it was not taken.
        wait: Seconds that the other side asks to wait.
        rejected: How many records it refused of those that it took.
    """

    outcome: Outcome
    why: str = ""
    wait: float = 0.0
    rejected: int = 0


class Sender(Protocol):
    """One way to an endpoint."""

    def send(self, payload: bytes, *, packed: bool) -> Answer:
        """Tries once, for at most the exporter's own timeout. Never raises for what the network does."""
        ...

    def renew(self) -> None:
        """In a forked child: connections are the parent's."""
        ...


_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
"""What is wrong with the request itself. A wrong token or path (401, 403, 404, 405) is not: it is put right."""
_LONGEST_WAIT = 300.0


def learned(exporter_class: Callable[..., Any], wire: Wire) -> HttpSender:
    """A sender that does what the SDK's HTTP exporter of this class would do, by OTEL_*."""
    import requests

    class Learner(requests.Session):
        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            self.seen = request, kwargs
            response = requests.Response()
            response.status_code = HTTPStatus.OK
            return response

    learner = Learner()
    exporter = exporter_class(session=learner)
    exporter.export([])
    exporter.shutdown()
    return HttpSender(*learner.seen, wire)


class HttpSender:
    """OTLP over HTTP.

    Args:
        request: What a request looks like, but for its body.
        options: What `requests` sends it with.
        wire: The messages of its signal.
    """

    def __init__(self, request: requests.PreparedRequest, options: dict[str, Any], wire: Wire) -> None:
        import requests

        self._request, self._options, self._wire = request, options, wire
        self._encoding = request.headers.get("content-encoding", "none")
        self._failure: type[Exception] = requests.RequestException
        self._session = requests.Session()

    def renew(self) -> None:
        import requests

        self._session = requests.Session()

    def send(self, payload: bytes, *, packed: bool) -> Answer:
        request = self._request.copy()
        request.prepare_body(self._encoded(payload, packed=packed), None)
        try:
            response = self._session.send(request, **self._options)
        except (self._failure, OSError) as error:
            return Answer(Outcome.LATER, _reason(error))
        status = response.status_code
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(Outcome.TAKEN, rejected=self._wire.rejected(response.content))
        why = f"status {status} {response.reason or ''}".rstrip()
        if status in _REFUSED:
            return Answer(Outcome.NEVER, why)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return Answer(Outcome.DOUBTFUL, why)
        return Answer(Outcome.LATER, why, _asked_to_wait(response.headers.get("retry-after", "")))

    def _encoded(self, payload: bytes, *, packed: bool) -> bytes:
        if packed and self._encoding == "gzip":
            return payload
        plain = gzip.decompress(payload) if packed else payload
        if self._encoding == "gzip":
            return gzip.compress(plain, 1)
        return zlib.compress(plain, 1) if self._encoding == "deflate" else plain


def _reason(error: Exception) -> str:
    """The innermost reason in a few words: `requests` wraps it thrice."""
    inner: Any = error
    for _ in range(5):
        deeper = getattr(inner, "reason", None) or next((a for a in inner.args if isinstance(a, Exception)), None)
        if not isinstance(deeper, Exception):
            break
        inner = deeper
    words = str(inner).rpartition(": ")[2].strip() or str(inner)
    return f"{type(inner).__name__}: {words}"[:200]


def _asked_to_wait(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return min(max(0.0, seconds), _LONGEST_WAIT) if math.isfinite(seconds) else 0.0


class GrpcSender:
    """OTLP over gRPC, through the SDK's exporter: it alone can build the channel, and has no public way to it."""

    def __init__(self, exporter: Any, wire: Wire) -> None:
        import importlib

        grpc: Any = importlib.import_module("grpc")
        self._exporter, self._wire = exporter, wire
        self._failure: type[Exception] = grpc.RpcError
        code = grpc.StatusCode
        self._refused = frozenset({code.INVALID_ARGUMENT, code.UNIMPLEMENTED})
        self._doubtful = frozenset({code.INTERNAL, code.UNKNOWN, code.DATA_LOSS, code.FAILED_PRECONDITION})
        self._gone = code.UNAVAILABLE

    def renew(self) -> None:
        self._exporter._initialize_channel_and_stub()  # noqa: SLF001 - see the class

    def send(self, payload: bytes, *, packed: bool) -> Answer:
        request = self._wire.request(gzip.decompress(payload) if packed else payload)
        exporter = self._exporter
        try:
            taken = exporter._client.Export(  # noqa: SLF001 - see the class
                request=request,
                metadata=exporter._headers,  # noqa: SLF001 - see the class
                timeout=exporter._timeout,  # noqa: SLF001 - see the class
            )
        except self._failure as error:
            return self._answer(error)
        return Answer(Outcome.TAKEN, rejected=self._wire.rejected_in(taken))

    def _answer(self, error: Any) -> Answer:
        code = error.code()
        why = f"{code.name}: {error.details() or ''}"[:200]
        if code in self._refused:
            return Answer(Outcome.NEVER, why)
        if code in self._doubtful:
            return Answer(Outcome.DOUBTFUL, why)
        if code is self._gone:
            self.renew()  # as the SDK does: a channel may not come back by itself
        return Answer(Outcome.LATER, why)
