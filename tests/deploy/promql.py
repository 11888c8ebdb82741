"""Which metrics a PromQL expression names."""

from __future__ import annotations

import re

_NO_METRIC = re.compile(
    r"""
      "(?:[^"\\]|\\.)*"                                            # a text
    | \[[^\]]*\]                                                   # a range
    | \b\w+\s+(?:by|without)\s*\([^)]*\)                           # an aggregation and its labels
    | \b(?:on|ignoring|group_left|group_right)\s*\([^)]*\)         # labels
    | \b\w+\s*\(                                                   # a function
    | \b(?:and|or|unless|bool|offset)\b                            # a word
    """,
    re.VERBOSE,
)
_BY_PATTERN = re.compile(r'\{__name__=~"([^"]+)"')
_MATCHERS = re.compile(r"\{[^{}]*\}")
_NAME = re.compile(r"\b[a-zA-Z_:][\w:]*")


def patterns(expression: str) -> set[str]:
    """Regular expressions by which it selects metrics."""
    return set(_BY_PATTERN.findall(expression))


def metrics(expression: str) -> set[str]:
    """Names of metrics that stand in it; whatever isn't known to be something else counts as one."""
    rest = _NO_METRIC.sub(" ", re.sub(r'"[^"]*"', '""', expression))
    return set(_NAME.findall(_MATCHERS.sub(" ", rest)))
