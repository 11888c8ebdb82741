"""What a collector says of itself: its own metrics page, read within bounds and added up for each exporter."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import h11
from prometheus_client.parser import text_string_to_metric_families

from telemetry.collector.errors import CollectorError
from telemetry.collector.places import Owners

SIGNALS = ("metrics", "logs", "traces")
LONGEST_PAGE = 4 * 1024 * 1024
"""Bytes of a page that are read; ours has 20 KiB with eleven backends."""
READ_WITHIN = 2.0
_UNITS = {"metric_points": "metrics", "log_records": "logs", "spans": "traces"}
_COUNTERS = {"sent": "sent", "send_failed": "failed", "enqueue_failed": "refused"}
_GAUGES = {"otelcol_exporter_queue_size": "queue", "otelcol_exporter_queue_capacity": "capacity"}
_DATADOG = "datadog"
_DATADOG_SPANS = {
    "datadog_trace_agent_trace_writer_payloads": "sent",
    "datadog_trace_agent_trace_writer_dropped": "failed",
}
_ELASTICSEARCH = "elasticsearch"
_DOCUMENTS = "otelcol_elasticsearch_docs_processed"
_STORED_BEFORE = "409"
"""Of a document whose record came twice: that is no loss."""
_NOBODY = {"nop"}
_TURNED_AWAY = "otelcol_connector_refused_"
"""What a backend didn't take, told by the connector that hands everything to each of them."""
_DAMAGED = "otelcol_storage_damaged_files"
_WAITED = "otelcol_patience_waited_requests"
"""Requests that were answered with what somebody must put right, such as a key that ran out: they are sent again."""
_RECEIVER = "otelcol_receiver_refused_"
_PREFIXES = ("otelcol_exporter_", _RECEIVER, _TURNED_AWAY, _DAMAGED, _WAITED, _DOCUMENTS, *_DATADOG_SPANS)


def _per_signal() -> defaultdict[str, int]:
    return defaultdict(int)


@dataclass
class Counts:
    """What one exporter, or all of one backend, has counted since the collector's start; by signal.

    Attributes:
        sent: Points, records and spans that it got rid of.
        failed: Those it gave up.
        refused: Those that it didn't take, its queue being full for example.
        queue: What waits, in the unit of `capacity`: bytes, with Prometheus' remote write requests.
        capacity: How much may wait.
        hindered: How many requests were answered with what somebody must put right, of all signals.
    """

    sent: defaultdict[str, int] = field(default_factory=_per_signal)
    failed: defaultdict[str, int] = field(default_factory=_per_signal)
    refused: defaultdict[str, int] = field(default_factory=_per_signal)
    queue: defaultdict[str, int] = field(default_factory=_per_signal)
    capacity: defaultdict[str, int] = field(default_factory=_per_signal)
    hindered: int = 0

    def add(self, other: Counts) -> None:
        """Adds another exporter's."""
        for mine, more in zip(self._all(), other._all(), strict=True):
            for signal, number in more.items():
                mine[signal] += number
        self.hindered += other.hindered

    @property
    def signals(self) -> list[str]:
        """Of which it has counted anything, or for which it keeps a queue."""
        return [signal for signal in SIGNALS if any(signal in numbers for numbers in self._all())]

    def _all(self) -> tuple[defaultdict[str, int], ...]:
        return self.sent, self.failed, self.refused, self.queue, self.capacity


@dataclass(frozen=True)
class Page:
    """One look at the page.

    Attributes:
        exporters: By the exporter's name.
        refused: What the receivers didn't take: over the memory limit, or with every queue full.
        turned_away: By the name of a backend's pipeline and signal, what it didn't take.
        damaged: How many files of queues were set aside at the start.
    """

    exporters: Mapping[str, Counts] = field(default_factory=dict)
    refused: int = 0
    turned_away: Mapping[tuple[str, str], int] = field(default_factory=dict)
    damaged: int = 0


def parse(text: str) -> Page:
    """The counters on a page.

    Raises:
        CollectorError: It is no page of a collector.
    """
    lines = [line for line in text.splitlines() if line.startswith(_PREFIXES)]
    if not lines and "otelcol_" not in text:
        raise CollectorError("what answers there is not a collector's own metrics")
    exporters: defaultdict[str, Counts] = defaultdict(Counts)
    turned_away: defaultdict[tuple[str, str], int] = defaultdict(int)
    refused = damaged = 0
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                name = sample.name.removesuffix("_total")
                if name.startswith(_RECEIVER):
                    refused += int(sample.value)
                elif name == _DAMAGED:
                    damaged += int(sample.value)
                elif name == _WAITED:
                    exporters[sample.labels["exporter"]].hindered += int(sample.value)
                elif (signal := _UNITS.get(name.removeprefix(_TURNED_AWAY))) is not None:
                    turned_away[sample.labels.get("backend", ""), signal] += int(sample.value)
                else:
                    _take(exporters, name, sample.labels, int(sample.value))
    except (ValueError, OverflowError, KeyError, IndexError):  # whatever stands there is not for quoting
        raise CollectorError("the collector's own metrics are not in Prometheus' text format") from None
    _believe_datadogs_own(exporters)
    _count_refused_documents(exporters)
    named = {name: counts for name, counts in exporters.items() if name not in _NOBODY}
    some = {key: number for key, number in turned_away.items() if number and key[0]}
    return Page(named, refused, some, damaged)


def _take(exporters: defaultdict[str, Counts], name: str, labels: Mapping[str, str], value: int) -> None:
    if (kind := _DATADOG_SPANS.get(name)) is not None:
        getattr(exporters[f"{_DATADOG} spans"], kind)["traces"] += value
        return
    if name == _DOCUMENTS:
        if labels.get("error_type") and labels.get("http_response_status_code") != _STORED_BEFORE:
            exporters[f"{_ELASTICSEARCH} documents"].failed["logs"] += value
        return
    exporter, signal = labels.get("exporter", ""), labels.get("data_type", "")
    if not exporter:
        return
    if (gauge := _GAUGES.get(name)) is not None:
        if signal in SIGNALS:
            getattr(exporters[exporter], gauge)[signal] += value
        return
    for unit, signal_of_unit in _UNITS.items():
        if name.endswith(f"_{unit}"):
            counter = _COUNTERS.get(name.removeprefix("otelcol_exporter_").removesuffix(f"_{unit}"))
            if counter is not None:
                getattr(exporters[exporter], counter)[signal_of_unit] += value


def _believe_datadogs_own(exporters: defaultdict[str, Counts]) -> None:
    """Datadog's exporter counts spans as sent when it hands them on to a writer, which counts what became of them."""
    writer = exporters.pop(f"{_DATADOG} spans", None)
    if writer is None or _DATADOG not in exporters:
        return
    for mine, his in ((exporters[_DATADOG].sent, writer.sent), (exporters[_DATADOG].failed, writer.failed)):
        mine["traces"] = his["traces"]


def _count_refused_documents(exporters: defaultdict[str, Counts]) -> None:
    """Elasticsearch's exporter counts a document that was refused as sent, and tells it apart without its signal.

    Spans are refused for the same reasons as logs and far more rarely, so logs it is.
    """
    documents = exporters.pop(f"{_ELASTICSEARCH} documents", None)
    if documents is None or _ELASTICSEARCH not in exporters:
        return
    counts, refused = exporters[_ELASTICSEARCH], documents.failed["logs"]
    counts.failed["logs"] += refused
    counts.sent["logs"] = max(0, counts.sent["logs"] - refused)


async def read(url: str) -> str:
    """The text of a page of plain HTTP, within `READ_WITHIN` seconds and `LONGEST_PAGE` bytes; no proxy is asked.

    By h11, which the web has loaded already: a whole client for such a small question costs every monitor 3 MB.

    Raises:
        CollectorError: None is to be had; one line.
    """
    try:
        async with asyncio.timeout(READ_WITHIN):
            return (await _body(url)).decode("utf-8", "replace")
    except TimeoutError:
        raise CollectorError(f"its own metrics at {url} gave no answer within {READ_WITHIN:g} s") from None
    except (OSError, h11.ProtocolError, ValueError) as error:  # ValueError: a port that is none
        raise CollectorError(f"its own metrics at {url} can't be read: {str(error) or type(error).__name__}") from None


async def _body(url: str) -> bytes:
    parts, connection, body = urlsplit(url), h11.Connection(h11.CLIENT), b""
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        asked = h11.Request(method="GET", target=parts.path or "/", headers=[("Host", parts.netloc)])
        writer.write((connection.send(asked) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Response) and event.status_code != HTTPStatus.OK:
                raise CollectorError(f"its own metrics at {url} answered {event.status_code}")
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LONGEST_PAGE:
                    raise CollectorError(f"its own metrics at {url} are over {LONGEST_PAGE >> 20} MiB")
    finally:
        writer.close()
    return body


def by_backend(page: Page, owners: Owners, chosen: Iterable[str]) -> dict[str, Counts]:
    """The counts of each backend: of the chosen ones, and of whatever else counts something.

    Args:
        page: What was counted.
        owners: Which backend an exporter or a pipeline belongs to.
        chosen: Names of backends that are there even where nothing was counted yet.
    """
    found = {name: Counts() for name in chosen}
    for exporter, counts in page.exporters.items():
        found.setdefault(owners.exporters.get(exporter, exporter), Counts()).add(counts)
    turned_away: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (pipeline, signal), number in page.turned_away.items():
        turned_away[owners.pipelines.get(pipeline, pipeline), signal] += number
    for (backend, signal), number in turned_away.items():
        # a queue that is full counts the same records as the connector, which it refuses them to
        refused = found.setdefault(backend, Counts()).refused
        refused[signal] = max(refused[signal], number)
    return found
