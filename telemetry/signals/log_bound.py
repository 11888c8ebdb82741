"""Our structlog logger. Apart, because importing structlog is heavy: only a configured pipeline does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import structlog

from telemetry.clean import clean_name, clean_text
from telemetry.signals.log_record import EVENT_PREFIX, Draft, clean_fields, exception_fields

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from telemetry.signals.log_pipeline import LogPipeline


class BoundLogger(structlog.BoundLoggerBase):
    """Runs a record's fields through the processors, then makes its draft, without writing it."""

    @property
    def pipeline(self) -> LogPipeline:
        """The pipeline it was made for."""
        return cast("LogPipeline", self._logger.pipeline)

    def draft(self, level: str, message: object, fields: dict[str, Any], raised: BaseException | None) -> Draft:
        """The record, clean. Nothing of it raises, and nothing that comes after needs cleaning.

        Args:
            level: One of our five words.
            message: With its arguments in it.
            fields: The caller's; all keys are strings. Taken over: not to be used afterwards.
            raised: The exception it is about.
        """
        event = fields.pop("event", None)
        if event is None:
            event = ""
        elif type(event) is str and event.startswith(EVENT_PREFIX):
            event = clean_name(event)
        else:
            fields.setdefault("field.event", event)
            event = ""
        event_dict: MutableMapping[str, Any] = {**self._context, **fields}
        for processor in self._processors:
            event_dict = cast("MutableMapping[str, Any]", processor(self._logger, level, event_dict))
        cleaned = clean_fields(event_dict)
        if raised is not None:
            cleaned.update(exception_fields(raised))
        return Draft(level, clean_text("None" if message is None else message), event, cleaned)
