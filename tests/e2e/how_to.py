"""Follows every how-to page with the real servers; `python -m tests.e2e.how_to` writes the pages anew."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from telemetry.collector import build
from tests.backends import build as backends
from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.jaeger import Jaeger
from tests.backends.kafka import Kafka
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus
from tests.backends.server import free_ports, start_all
from tests.collector.everywhere import Servers
from tests.e2e.how_to_reader import Far, Reader
from tools.how_to.files import rewrite, write
from tools.how_to.page import Page
from tools.how_to.pages import PAGES

AT_THE_FAR_END = (14317, 14318, 23133, 18888)
"""Of the second collector on the page about OTLP."""


def far_ends(servers: Servers) -> dict[str, Far]:
    """What is behind each page."""
    indices = {f"ELASTICSEARCH_{what}_INDEX": f"{what.lower()}-orchestrator.otel-howto" for what in ("LOGS", "TRACES")}
    urls = {f"DD_{what}_URL": servers.datadog.url for what in ("METRICS", "LOGS", "TRACES", "OTLP")}
    topics = {f"KAFKA_{what}_TOPIC": f"howto_{what.lower()}" for what in ("METRICS", "LOGS", "TRACES")}
    return {
        "prometheus": Far({9090: servers.prometheus.ports["http"]}),
        "loki": Far({3100: servers.loki.ports["http"]}),
        "elasticsearch": Far({9200: servers.elasticsearch.ports["http"]}, environ=indices),
        "jaeger": Far({16686: servers.jaeger.ports["http"], 4328: servers.jaeger.ports["otlp_http"]}),
        "datadog": Far({8126: servers.datadog.ports["http"]}, {"your-key": servers.datadog.api_key}, urls),
        "kafka": Far({9092: servers.kafka.ports["broker"]}, {"otlp_logs": topics["KAFKA_LOGS_TOPIC"]}, topics),
        "otlp": Far(dict(zip(AT_THE_FAR_END, free_ports(len(AT_THE_FAR_END)), strict=True))),
    }


def follow_all(servers: Servers, folder: Path, pages: Sequence[Page] = PAGES) -> dict[str, Future[dict[str, str]]]:
    """Follows every page, side by side; each page's answers, or what went wrong."""
    build(print)
    with ThreadPoolExecutor(len(pages)) as threads:
        ends = far_ends(servers)
        readers = [Reader(page, folder / page.name, ends[page.name], servers.prometheus) for page in pages]
        return {reader.page.name: threads.submit(reader.follow) for reader in readers}


def main() -> None:
    """Writes every page anew, or those that are named."""
    pages = [page for page in PAGES if page.name in sys.argv[1:] or len(sys.argv) == 1]
    kinds = (DatadogRecorder, Elasticsearch, Jaeger, Kafka, Loki, Prometheus)
    backends.build([kind.part for kind in kinds])
    with tempfile.TemporaryDirectory(prefix="how-to-") as folder, ExitStack() as stack:
        datadog = DatadogRecorder(Path(folder, "datadogrecorder"))
        elasticsearch, jaeger = Elasticsearch(Path(folder, "es")), Jaeger(Path(folder, "jaegertracing"))
        kafka, loki = Kafka(Path(folder, "broker")), Loki(Path(folder, "lokis"))
        prometheus = Prometheus(Path(folder, "prometheuses"))
        servers = Servers(datadog, elasticsearch, jaeger, kafka, loki, prometheus)
        everyone = (datadog, elasticsearch, jaeger, kafka, loki, prometheus)
        for server in everyone:
            stack.callback(server.stop)
        start_all(everyone)
        for page, answers in zip(pages, follow_all(servers, Path(folder, "readers"), pages).values(), strict=True):
            write(page, answers.result())
        rewrite()


if __name__ == "__main__":
    main()
