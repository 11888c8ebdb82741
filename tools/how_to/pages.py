"""All pages, and which backends they tell of."""

from __future__ import annotations

from tools.how_to.others import DATADOG, JAEGER, KAFKA, OTLP
from tools.how_to.stores import ELASTICSEARCH, LOKI, PROMETHEUS

PAGES = (PROMETHEUS, LOKI, ELASTICSEARCH, DATADOG, JAEGER, KAFKA, OTLP)
TOLD_ON: dict[str, str] = {
    "prometheus-otlp": "prometheus",
    "prometheus-remote-write": "prometheus",
    "otlp-grpc": "otlp",
    "file": "otlp",
    "debug": "",
}
"""Backends without a page of their own: on which they are told of (`debug` prints, and answers nobody)."""
