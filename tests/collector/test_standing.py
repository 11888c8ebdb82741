"""What is concluded from the collector's counters."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.collector.building import sources_dir
from telemetry.collector.counters import Counts, by_backend, parse
from telemetry.collector.errors import CollectorError
from telemetry.collector.places import chosen, owners, place, signals_taken, without_secrets
from telemetry.collector.standing import BackendStanding, CollectorStanding, Ledger, Standing, outlets, untaken
from telemetry.collector.trouble import trouble_of
from telemetry.signals.outcomes import Export

PAGE = """\
# TYPE otelcol_exporter_sent_log_records counter
otelcol_exporter_sent_log_records{exporter="otlp_http/loki"} 12
otelcol_exporter_sent_log_records{exporter="file/logs"} 3
otelcol_exporter_sent_spans_total{exporter="file/traces"} 4
otelcol_exporter_sent_metric_points{exporter="file/metrics"} 1.2e+01
otelcol_exporter_sent_spans{exporter="datadog"} 3
otelcol_exporter_send_failed_log_records{exporter="otlp_http/loki",server_address="127.0.0.1"} 2
otelcol_exporter_enqueue_failed_log_records{exporter="otlp_http/loki"} 1
otelcol_exporter_queue_size{data_type="logs",exporter="otlp_http/loki"} 930
otelcol_exporter_queue_capacity{data_type="logs",exporter="otlp_http/loki"} 8.388608e+06
otelcol_exporter_sent_spans{exporter="nop"} 4
otelcol_exporter_queue_batch_send_size_bucket{data_type="logs",exporter="otlp_http/loki",le="10"} 1
otelcol_receiver_refused_log_records{receiver="otlp",transport="http"} 5
otelcol_receiver_refused_spans{receiver="otlp",transport="http"} 2
otelcol_connector_refused_log_records{backend="loki",connector="forward"} 4
otelcol_connector_refused_spans{backend="file",connector="forward"} 0
otelcol_connector_refused_metric_points_total{backend="prometheus",connector="forward"} 6
otelcol_storage_damaged_files 2
datadog_trace_agent_trace_writer_dropped{source="datadogexporter"} 3
datadog_trace_agent_trace_writer_payloads{source="datadogexporter"} 0
"""


def counts(sent: int = 0, failed: int = 0, queue: int = 0, refused: int = 0, capacity: int = 1000) -> Counts:
    found = Counts()
    found.sent["logs"], found.failed["logs"], found.refused["logs"] = sent, failed, refused
    found.queue["logs"], found.capacity["logs"] = queue, capacity
    return found


def course(*looks: Counts, words: dict[str, tuple[float, str]] | None = None) -> BackendStanding:
    """How it is after looks that are five seconds apart, the last one at 100."""
    ledger = Ledger()
    for number, look in enumerate(looks, 1):
        found = ledger.enter({"loki": look}, words or {}, 100.0 - 5 * (len(looks) - number))
    return found[0]


def test_a_page_is_added_up_by_exporter_and_backend() -> None:
    page = parse(PAGE)
    assert page.refused == 7
    found = by_backend(page, owners({}), ["loki", "elasticsearch", "file"])
    assert list(found) == ["loki", "elasticsearch", "file", "datadog", "prometheus"]
    assert page.damaged == 2
    assert dict(found["prometheus"].refused) == {"metrics": 6}  # an exporter without a queue has no counter of its own
    assert dict(found["file"].sent) == {"logs": 3, "traces": 4, "metrics": 12}
    loki = found["loki"]
    assert (loki.sent["logs"], loki.failed["logs"], loki.refused["logs"], loki.queue["logs"]) == (12, 2, 4, 930)
    assert loki.capacity["logs"] == 8388608
    # its own writer knows better than the exporter, which only handed them on
    assert (found["datadog"].sent["traces"], found["datadog"].failed["traces"]) == (0, 3)
    assert found["elasticsearch"].signals == []


def test_a_backend_takes_what_has_a_pipeline_and_is_not_left_out(tmp_path: Path) -> None:
    taken = signals_taken({"OTLP_BACKEND_METRICS": "nop", "OTLP_BACKEND_LOGS": "nop"})
    assert taken["otlp"] == {"traces"}
    assert taken["otlp-grpc"] == taken["kafka"] == {"metrics", "logs", "traces"}
    assert taken["loki"] == {"logs"}
    assert taken["prometheus"] == {"metrics"}
    (tmp_path / "own.yaml").write_text(
        "exporters: {x: {}}\nservice: {pipelines: {logs/own: {exporters: [x]}, traces/own: 1}}"
    )
    (tmp_path / "odd.yaml").write_text("service: [")
    own = {"ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": str(tmp_path)}
    assert signals_taken(own)["own"] == {"logs"}
    assert signals_taken(own)["odd"] == set()
    assert owners(own).exporters["x"] == "own"


def test_a_pipeline_belongs_to_the_file_that_it_stands_in(tmp_path: Path) -> None:
    """Of several files that hold it, to one that was chosen; its exporters too."""
    shipped = sources_dir() / "config" / "backends"
    shutil.copy(shipped / "elasticsearch.yaml", tmp_path / "elk.yaml")
    shutil.copy(shipped / "otlp.yaml", tmp_path / "jaeger.yaml")
    (tmp_path / "two.yaml").write_text(
        "service: {pipelines: {logs/a: {exporters: [x]}, logs/b: {exporters: [y]}, 1: 1}}"
    )
    own = {"ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": str(tmp_path)}
    page = parse("""otelcol_exporter_enqueue_failed_log_records{exporter="elasticsearch"} 5
otelcol_connector_refused_log_records{backend="elasticsearch",connector="forward"} 5
otelcol_connector_refused_spans{backend="otlp",connector="forward"} 3
otelcol_connector_refused_log_records{backend="a",connector="forward"} 1
otelcol_connector_refused_log_records{backend="b",connector="forward"} 2
otelcol_connector_refused_log_records{backend="foreign",connector="forward"} 4
""")

    def refused(*names: str) -> dict[str, dict[str, int]]:
        return {name: dict(one.refused) for name, one in by_backend(page, owners(own, names), names).items()}

    others = {"two": {"logs": 3}, "foreign": {"logs": 4}}
    assert refused("elk", "jaeger") == {"elk": {"logs": 5}, "jaeger": {"traces": 3}, **others}
    assert refused("elasticsearch", "otlp") == {"elasticsearch": {"logs": 5}, "otlp": {"traces": 3}, **others}
    assert refused() == refused("elk", "jaeger")


def test_documents_that_elasticsearch_refused_were_not_sent() -> None:
    page = """otelcol_exporter_sent_log_records{exporter="elasticsearch"} 100
otelcol_elasticsearch_docs_processed{http_response_status_code="200",outcome="success"} 90
otelcol_elasticsearch_docs_processed{error_type="x",http_response_status_code="400",outcome="failed_client"} 7
otelcol_elasticsearch_docs_processed{error_type="y",http_response_status_code="409",outcome="failed_client"} 3
otelcol_elasticsearch_docs_processed{http_response_status_code="503",outcome="failed_server"} 50
"""
    counts = by_backend(parse(page), owners({}), ["elasticsearch"])["elasticsearch"]
    assert (counts.sent["logs"], counts.failed["logs"]) == (93, 7)  # 409: stored before; 503: tried again


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html>hello</html>", "not a collector's"),
        ("otelcol_exporter_sent_spans{exporter= 4", "not in Prometheus' text format"),
        ('otelcol_exporter_sent_spans{exporter="a"} NaN', "not in Prometheus' text format"),
    ],
)
def test_another_page_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(CollectorError, match=reason):
        parse(text)


def test_what_is_sent_is_ok() -> None:
    assert course(counts(sent=5), counts(sent=9)).state == "ok"
    assert course(counts(sent=5)).reason == "5 log records sent"
    assert course(counts(sent=5), counts(sent=5), counts(sent=5)).state == "ok"  # nobody had anything to say


def test_nothing_sent_yet_is_not_known() -> None:
    found = course(counts(), counts())
    assert (found.state, found.reason) == ("unknown", "no log records sent yet")


def test_given_up_and_nothing_sent_since_is_failing() -> None:
    found = course(counts(sent=5), counts(sent=5, failed=3), counts(sent=5, failed=7))
    assert (found.state, found.reason) == ("failing", "7 log records given up and none sent since")
    assert course(counts(failed=3)).reason == "3 log records given up and none sent ever"
    again = course(counts(sent=5), counts(sent=5, failed=3), counts(sent=6, failed=3))
    assert (again.state, again.reason) == ("ok", "6 log records sent, 3 given up")


def test_what_a_full_queue_refused_is_failing_too() -> None:
    found = course(counts(sent=5), counts(sent=5, refused=3, queue=1000))
    assert (found.state, found.refused) == ("failing", 3)
    assert "1,000 (100.0% of its queue) waiting" in found.reason


def test_losses_and_deliveries_before_the_first_look_cant_be_ordered() -> None:
    assert course(counts(sent=5, failed=3)).state == "unknown"
    assert course(counts(sent=5, failed=3), counts(sent=6, failed=3)).state == "ok"
    assert course(counts(sent=5, failed=3), counts(sent=5, failed=4)).state == "failing"


def test_a_queue_that_does_not_get_empty_is_waiting() -> None:
    once = course(counts(sent=5), counts(sent=5, queue=10))
    assert once.state == "ok"  # it may be on its way just now
    found = course(counts(sent=5), counts(sent=5, queue=10), counts(sent=5, queue=20), counts(sent=5, queue=30))
    assert (found.state, found.queue, found.queue_capacity) == ("waiting", 30, 1000)
    assert found.reason == "log records: nothing was sent for 10 s; 30 (3.0% of its queue) waiting"
    assert course(counts(queue=10), counts(sent=1, queue=10), counts(sent=2, queue=10)).state == "ok"


def test_what_somebody_must_put_right_is_told_at_once_and_until_something_is_sent() -> None:
    refused = counts(sent=5, queue=10)
    refused.hindered = 2
    found = course(counts(sent=5), refused)
    assert (found.state, found.ready, found.takes_nothing) == ("waiting", False, True)
    assert found.reason == "log records: nothing was sent for 0 s; 10 (1.0% of its queue) waiting"
    assert not course(counts(sent=5), refused, refused).ready  # the next try may be 15 s away
    taken = counts(sent=6, queue=10)
    taken.hindered = 2
    assert course(counts(sent=5), refused, taken).ready
    page = 'otelcol_patience_waited_requests{exporter="elasticsearch",http_response_status_code="401"} 3\n'
    assert by_backend(parse(page), owners({}), [])["elasticsearch"].hindered == 3


def test_a_queue_that_is_nearly_full_is_waiting_although_something_is_sent() -> None:
    found = course(counts(sent=5, queue=900), counts(sent=6, queue=950))
    assert (found.state, found.reason) == ("waiting", "log records: its queue is 95% full")


def test_a_backend_is_ready_until_it_is_stuck_full_or_failing() -> None:
    assert course(counts(sent=5), counts(sent=6, queue=699)).ready
    assert not course(counts(sent=5), counts(sent=6, queue=700)).ready
    assert course(counts(sent=5), *[counts(sent=5, queue=10)] * 6).ready  # for 25 s: it may be a retry
    assert not course(counts(sent=5), *[counts(sent=5, queue=10)] * 7).ready
    assert not course(counts(sent=5), counts(sent=5, refused=1)).ready
    assert course(counts()).ready


def test_a_backend_that_was_stuck_before_the_first_look_is_told_at_the_second() -> None:
    stuck = counts(sent=500, queue=10)  # it sent once, perhaps long ago: nobody looked
    assert "whether any are sent now is not known yet; 10 (1.0% of its queue) waiting" in course(stuck).reason
    found = course(stuck, stuck)
    assert (found.state, found.ready) == ("waiting", False)
    assert found.reason == "log records: nothing was sent for 5 s; 10 (1.0% of its queue) waiting"
    assert course(stuck, counts(sent=501, queue=10), counts(sent=501, queue=10)).ready  # once seen to send, it may wait
    assert course(counts(sent=500), stuck, stuck).ready
    answered = counts(sent=500, queue=10)
    answered.hindered = 2  # put right long ago, for all that is known
    assert course(answered).state == "unknown"


def test_a_backend_takes_nothing_while_something_waits_or_all_is_given_up_right_now() -> None:
    assert not course(counts(sent=5), counts(sent=5, queue=9), counts(sent=5, queue=9)).takes_nothing  # for 5 s
    assert course(counts(sent=5), *[counts(sent=5, queue=9)] * 3).takes_nothing
    assert not course(counts(sent=5), counts(sent=6, queue=900)).takes_nothing  # it is slow, and takes
    assert course(counts(sent=5), counts(sent=5, failed=1)).takes_nothing
    assert course(counts(sent=5), counts(sent=5, failed=1), *[counts(sent=5, failed=1)] * 24).takes_nothing  # for 120 s
    assert not course(counts(sent=5), counts(sent=5, failed=1), *[counts(sent=5, failed=1)] * 25).takes_nothing
    assert not course(counts(sent=5), counts(sent=6, failed=1)).takes_nothing
    assert not course(counts()).takes_nothing


def test_what_alerts_are_made_of() -> None:
    words = {"loki": (99.0, "connection refused")}
    loki = course(counts(sent=5), *[counts(sent=5, queue=9)] * 3, words=words)
    collector = CollectorStanding("own", "not running: port 4318 is held by nc", "http://x", damaged=2, is_read=True)
    found = outlets(Standing(1.0, replace(collector, problem="no answer", untaken=("logs",)), [loki]))
    assert [(one.name, one.up, one.takes_nothing, one.word) for one in found.backends] == [
        ("loki", True, True, "connection refused")
    ]
    assert (found.damaged_files, found.untaken, found.is_own) == (2, ("logs",), True)
    assert found.problem == "not running: port 4318 is held by nc"
    running = replace(collector, state="running, process 7", problem="no answer")
    assert outlets(Standing(1.0, running)).problem == "no answer"
    built = outlets(Standing(1.0, replace(running, is_built=True, untaken=("logs",), is_read=False)))
    assert (built.problem, built.untaken, built.damaged_files) == ("", (), None)
    assert outlets(Standing(1.0, collector)).problem == ""


def test_what_was_not_taken_says_lately_that_the_next_will_not_be() -> None:
    exports = {
        "logs": Export(100.0, succeeded=False, failing_since=90.0),
        "metrics": Export(100.0, succeeded=False, failing_since=91.0),
        "traces": Export(100.0, succeeded=True),
    }
    assert untaken(exports, 220.0) == ("logs",)
    assert untaken(exports, 221.0) == ()


def test_the_pipeline_says_by_name_what_is_wrong() -> None:
    collector = CollectorStanding("own", "running", "http://127.0.0.1:4318")
    full, well = course(counts(sent=6, queue=900)), BackendStanding("file", "ok", "3 spans sent")
    assert Standing(1.0, collector, [full, well]).reasons == ["backend loki: log records: its queue is 90% full"]
    silent = replace(collector, problem="no answer")
    assert Standing(1.0, silent, [well]).reasons == ["the collector: no answer"]


def test_a_collector_that_started_again_counts_from_nothing() -> None:
    assert course(counts(sent=50, failed=9), counts(sent=2)).reason == "2 log records sent"


def test_what_the_collector_says_explains_what_is_not_well() -> None:
    words = {"loki": (99.0, "dial tcp: connection refused")}
    found = course(counts(queue=10), counts(queue=10), words=words)
    assert found.reason.endswith("; the collector says: dial tcp: connection refused")
    assert "says" not in course(counts(sent=1), words=words).reason
    assert "says" not in course(counts(failed=1), words={"loki": (-100.0, "old")}).reason


def test_one_signal_that_fails_is_not_hidden_by_another_that_works() -> None:
    mixed = counts(sent=5)
    mixed.failed["traces"] = 2
    found = course(mixed)
    assert (found.state, found.reason) == ("failing", "2 spans given up and none sent ever")


def test_a_line_of_the_collector_about_an_exporter() -> None:
    line = (
        "2026-01-01T00:00:00Z\terror\tinternal/queue_sender.go:50\tExporting failed. Dropping data.\t"
        '{"resource": {"service.name": "x"}, "otelcol.component.id": "elasticsearch", "otelcol.component.kind": '
        '"exporter", "otelcol.signal": "logs", "error": "Permanent error: https://u:hunter2@es/ \\"no\\" (401)"}'
    )
    found = trouble_of(line)
    assert found is not None
    assert found[0] == "elasticsearch"
    assert "(401)" in found[1]
    assert "hunter2" not in found[1]
    assert trouble_of(line.replace('"exporter"', '"receiver"')) is None
    assert trouble_of(line.replace('"exporter"', '"extension"')) is None
    served = line.replace('"elasticsearch"', '"patience/elasticsearch"').replace('"exporter"', '"extension"')
    assert trouble_of(served) == found
    again = line.replace("\terror\t", "\tinfo\t")
    assert trouble_of(again) == found  # «will retry» is of level info
    assert trouble_of(again.replace('"error"', '"note"')) is None
    where = '{"otelcol.component.id": "datadog", "otelcol.component.kind": "exporter"}'
    bare = f"…\twarn\tx.go:1\tDropping Payload: 403\t{where}"
    assert trouble_of(bare) == ("datadog", "Dropping Payload: 403")


def test_where_telemetry_goes() -> None:
    own = place({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:14318"}, own=True)
    assert (own.kind, own.url, own.metrics_url) == ("own", "http://127.0.0.1:14318", "http://127.0.0.1:8888/metrics")
    assert place({}, own=False).kind == "none"
    assert place({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, own=False).kind == "none"
    compose = place({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, own=False)
    assert (compose.kind, compose.metrics_url) == ("other", "http://collector:8888/metrics")
    vendor = place({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://u:p@otlp.example.com/otlp?key=1"}, own=False)
    assert (vendor.url, vendor.metrics_url) == ("https://otlp.example.com/otlp", "")
    moved = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318", "ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT": "18888"}
    assert place(moved, own=False).metrics_url == "http://[::1]:18888/metrics"


def test_names_and_addresses_as_they_may_be_shown() -> None:
    assert chosen("", {}) == ("prometheus", "file")
    assert chosen("", {"BACKENDS": "loki, loki,,debug"}) == ("loki", "debug")
    assert chosen("elasticsearch", {"BACKENDS": "loki"}) == ("elasticsearch",)
    assert without_secrets("collector:4317") == "collector:4317"
    assert without_secrets("http://u:p@[::1]:99999/") == "(not a URL)"
