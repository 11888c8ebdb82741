"""What a line of the collector's log says about an exporter that has trouble."""

from __future__ import annotations

import json
import re

from telemetry.clean import clean_line

_EXPORTER = re.compile(
    r'"otelcol\.component\.id": ?"(?:([^"]+)", ?"otelcol\.component\.kind": ?"exporter"'
    r'|patience/([^"]+)", ?"otelcol\.component\.kind": ?"extension")'
)
"""An exporter, or the `patience` that is named after it and serves it."""
_REASON = re.compile(r'"(?:error|err|why)": ?"((?:[^"\\]|\\.)*)"')
_LOUD = ("\twarn\t", "\terror\t", '"level":"warn"', '"level":"error"')
_LONGEST = 200


def trouble_of(line: str) -> tuple[str, str] | None:
    """The exporter and its trouble in a few words, without secrets; None for a line about anything else.

    A reason tells trouble at any level: that something will be tried again is news of level info to the collector.
    """
    found = _EXPORTER.search(line)
    if found is None:
        return None
    reason = _REASON.search(line)
    if reason is not None:
        said = json.loads(f'"{reason[1]}"', strict=False) if _is_json_text(reason[1]) else reason[1]
    elif not any(mark in line for mark in _LOUD):
        return None
    else:
        parts = line.split("\t")
        said = parts[3] if len(parts) > 3 else line  # noqa: PLR2004 - time, level, place, message
    return found[1] or found[2], clean_line(said, _LONGEST)


def _is_json_text(text: str) -> bool:
    try:
        json.loads(f'"{text}"', strict=False)
    except ValueError:
        return False
    return True
