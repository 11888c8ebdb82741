"""The same record over OTLP: handed to the global LoggerProvider, which is built elsewhere, by us or by the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from opentelemetry._logs import SeverityNumber, get_logger_provider

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider
    from opentelemetry.context import Context

    from telemetry.signals.log_record import Draft

_SEVERITIES = {
    "debug": (SeverityNumber.DEBUG, "DEBUG"),
    "info": (SeverityNumber.INFO, "INFO"),
    "warning": (SeverityNumber.WARN, "WARN"),
    "error": (SeverityNumber.ERROR, "ERROR"),
    "critical": (SeverityNumber.FATAL, "FATAL"),
}


class OtlpEmitter:
    """Emits records through whatever provider is the global one at that moment; without one it is the API's no-op.

    The trace context stands in the record's own fields. Nothing blocks here: a provider's batch processor keeps the
    record for its own thread.
    """

    def __init__(self) -> None:
        self._provider: LoggerProvider | None = None
        self._loggers: dict[str, Logger] = {}

    def emit(self, name: str, draft: Draft, nanoseconds: int, context: Context) -> None:
        """Hands on one clean record.

        Args:
            name: The logger's name: the instrumentation scope.
            draft: The record; its fields are its attributes, and not to be changed afterwards.
            nanoseconds: Unix time of the record.
            context: Where its span is.
        """
        provider = get_logger_provider()
        if provider is not self._provider:
            self._provider, self._loggers = provider, {}
        logger = self._loggers.get(name)
        if logger is None:
            logger = self._loggers[name] = provider.get_logger(name)
        number, text = _SEVERITIES[draft.level]
        logger.emit(
            timestamp=nanoseconds,
            observed_timestamp=nanoseconds,
            context=context,
            severity_number=number,
            severity_text=text,
            body=draft.message,
            attributes=cast("Any", draft.fields),
            event_name=draft.event or None,
        )
