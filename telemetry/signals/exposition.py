"""The picture as Prometheus text: what /metrics answers.

Written for scrapes of many thousand series: the text before a value (name and escaped labels) is made once for each
series and kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from telemetry.picture import DURATION_BUCKETS, Picture
from telemetry.signals.semconv import METRICS, Labels, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MOST_REMEMBERED = 50_000
"""Series whose prefix is kept for each metric: beyond it the memory starts afresh: churning names can't fill it."""

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Exposition:
    """Renders one picture again and again."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._prefixes: dict[str, dict[Labels, str]] = {metric.name: {} for metric in METRICS}

    def render(self, now: float) -> bytes:
        """The whole page at Unix time `now`, UTF-8, in the text format 0.0.4. A metric without series is left out."""
        lines: list[str] = []
        for metric in METRICS:
            before = len(lines)
            if metric.observe is None:
                lines.extend(self._histogram(metric))
            else:
                lines.extend(self._observed(metric, now))
            if len(lines) > before:
                lines.insert(
                    before,
                    f"# HELP {metric.prometheus} {metric.description}\n# TYPE {metric.prometheus} {metric.kind.value}",
                )
        lines.append("")
        return "\n".join(lines).encode()

    def _observed(self, metric: Metric, now: float) -> Iterator[str]:
        assert metric.observe is not None  # noqa: S101 - render() asked
        prefixes = self._remembered(metric)
        for labels, value in metric.observe(self._picture, now):
            prefix = prefixes.get(labels)
            if prefix is None:
                text = _label_text(metric.attributes, labels)
                prefix = prefixes[labels] = f"{metric.prometheus}{{{text}}} " if text else f"{metric.prometheus} "
            yield prefix + number(value)

    def _histogram(self, metric: Metric) -> Iterator[str]:
        for labels, held in self._picture.checks.items():
            text, count = _label_text(metric.attributes, labels), 0
            for bound, in_bucket in zip((*DURATION_BUCKETS, math.inf), held.counts, strict=True):
                count += in_bucket
                yield f'{metric.prometheus}_bucket{{{text},le="{number(bound)}"}} {count}'
            yield f"{metric.prometheus}_sum{{{text}}} {number(held.total)}"
            yield f"{metric.prometheus}_count{{{text}}} {count}"

    def _remembered(self, metric: Metric) -> dict[Labels, str]:
        prefixes = self._prefixes[metric.name]
        if len(prefixes) > _MOST_REMEMBERED:
            prefixes.clear()
        return prefixes


def number(value: float) -> str:
    """A float as Prometheus writes it: `repr`, but for infinities and not-a-number."""
    if value - value == 0.0:  # finite: inf - inf and nan - nan are nan
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _label_text(names: tuple[str, ...], values: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True))
