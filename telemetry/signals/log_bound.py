"""Our structlog logger. Apart, because importing structlog is heavy: only a configured pipeline does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import structlog

from telemetry.signals.log_record import GIVEN_EVENT, RAISED, Draft

if TYPE_CHECKING:
    from telemetry.signals.logs import LogPipeline


class BoundLogger(structlog.BoundLoggerBase):
    """Runs a record through the processors and returns its draft, without writing it."""

    @property
    def pipeline(self) -> LogPipeline:
        """The pipeline it was made for."""
        return cast("LogPipeline", self._logger.pipeline)

    def draft(self, level: str, message: object, fields: dict[str, Any], raised: BaseException | None) -> Draft:
        """The record, clean. structlog keeps the message as `event`, so a caller's field of that name steps aside.

        Args:
            level: One of our five words.
            message: With its arguments in it.
            fields: The caller's; all keys are strings. Taken over: not to be used afterwards.
            raised: The exception it is about.
        """
        if "event" in fields:
            fields[GIVEN_EVENT] = fields.pop("event")
        if raised is not None:
            fields[RAISED] = raised
        args, _ = self._process_event(level, cast("str", "None" if message is None else message), fields)
        return cast("Draft", args[0])
