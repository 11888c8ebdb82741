"""What the collector doesn't take is kept and sent when it does; what it will never take is counted, and let go."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse

from telemetry.signals.spool.senders import _asked_to_wait
from tests.spool.receiver import Receiver, Reply, receiving
from tests.spool.sending import sending
from tests.waiting import eventually


def numbers(first: int, last: int) -> list[str]:
    return [f"record {number}" for number in range(first, last)]


def test_an_outage_is_caught_up_in_order_logs_and_spans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    receiver = Receiver()
    with sending(monkeypatch, tmp_path, receiver.url) as way:
        receiver.start()
        way.log(*numbers(0, 10))
        eventually(lambda: receiver.bodies == numbers(0, 10))
        receiver.stop()
        way.log(*numbers(10, 20))
        way.span("one", "two")
        for number in range(20, 500):
            way.log(f"record {number}")
        assert way.waiting == 492
        assert not way.lost
        receiver.start()
        eventually(lambda: receiver.bodies == numbers(0, 500))
        eventually(lambda: receiver.spans == ["one", "two"])
        eventually(lambda: way.waiting == 0)
        assert way.sent == {"logs": 500, "traces": 2}
    receiver.stop()


def test_the_next_process_sends_what_this_one_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    receiver = Receiver()
    with sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log(*numbers(0, 300))
    receiver.start()
    with sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log(*numbers(300, 400))
        eventually(lambda: receiver.bodies == numbers(0, 400))
    receiver.stop()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["cursor"]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 502, 503])
def test_what_is_not_the_requests_fault_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    refused = Reply(status)
    with receiving(lambda _: refused) as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log("a")
        eventually(lambda: receiver.asked)
        way.log("b")
        receiver.judge = lambda _: Reply()
        eventually(lambda: receiver.bodies == ["a", "b"])
        assert not way.lost


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_request_that_is_refused_for_good_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        receiving(lambda bodies: Reply(status if "poison" in bodies else 200)) as receiver,
        sending(monkeypatch, tmp_path, receiver.url) as way,
    ):
        for body in ("a", "poison", "b", "poison", "c"):
            way.log(body)
        eventually(lambda: receiver.bodies == ["a", "b", "c"])
        assert way.lost == {("logs", "refused"): 2}
        assert receiver.asked == 5
        assert b"poison" in (tmp_path / "logs" / "refused.otlp").read_bytes()
    said = [line for line in caplog.messages if "refused" in line]
    assert len(said) == 1
    assert f"status {status}" in said[0]


def test_an_error_of_the_other_sides_is_this_requests_only_when_others_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with receiving(lambda _: Reply(500)) as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log("a", "poison")
        way.log("b")
        eventually(lambda: receiver.asked > 20)
        assert not way.lost
        receiver.judge = lambda bodies: Reply(500 if "poison" in bodies else 200)
        eventually(lambda: receiver.bodies == ["b"])
        assert way.lost == {("logs", "refused"): 2}


def test_what_a_collector_took_in_part_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part = ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(rejected_log_records=3))
    body = part.SerializeToString()
    with receiving(lambda _: Reply(200, body)) as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log(*numbers(0, 10))
        eventually(lambda: way.sent["logs"] == 7)
        assert way.lost == {("logs", "refused"): 3}


def test_an_answer_that_nobody_understands_is_taken_as_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with receiving(lambda _: Reply(200, b"\xff" * 50)) as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log("a")
        eventually(lambda: way.sent["logs"] == 1)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("-1", 0), ("nan", 0), ("1e9", 300), ("soon", 0), ("", 0)])
def test_how_long_the_other_side_asks_to_wait(said: str, seconds: float) -> None:
    assert _asked_to_wait(said) == seconds


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_it_is_sent_as_the_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compression: str) -> None:
    receiver = Receiver()
    environ = {"OTEL_EXPORTER_OTLP_COMPRESSION": compression}
    with sending(monkeypatch, tmp_path, receiver.url, **environ) as way:
        for number in range(300):
            way.log(f"record {number}")
        receiver.start()
        eventually(lambda: receiver.bodies == numbers(0, 300))
    receiver.stop()
    assert receiver.encodings == {"" if compression == "none" else compression}


def test_an_endpoint_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go_on = threading.Event()

    def hang(_: list[str]) -> Reply:
        go_on.wait(30)
        return Reply()

    with receiving(hang) as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log("a")
        eventually(lambda: receiver.asked)
        for first in range(0, 5000, 500):  # together more than the SDK's queue holds
            way.log(*numbers(first, first + 500))
        assert way.waiting == 5001
        assert not way.lost
        go_on.set()
        eventually(lambda: len(receiver.bodies) == 5001)


def test_the_sdks_own_drops_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with receiving() as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        inner = way.built.logger._multi_log_record_processor._log_record_processors[0]._batch_processor
        with inner._export_lock:  # as long as nothing is taken from the queue
            logger = way.built.logger.get_logger("test")
            for number in range(5000):
                logger.emit(body=f"record {number}")
            dropped = way.lost["logs", "queue_full"]
        assert dropped >= 5000 - 4096 - 128
        way.built.logger.force_flush()
        eventually(lambda: way.sent["logs"] == 5000 - dropped)


def test_a_batch_that_is_too_long_goes_as_several(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with receiving() as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        long = [f"{number}{'x' * 300_000}" for number in range(40)]
        way.log(*long)
        eventually(lambda: receiver.bodies == long)
        assert receiver.asked >= 3


def test_a_forked_child_sends_its_own_and_touches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with receiving() as receiver, sending(monkeypatch, tmp_path, receiver.url) as way:
        way.log("parent")
        eventually(lambda: receiver.bodies == ["parent"])
        child = os.fork()
        if not child:
            way.log("child")
            way.built.shutdown(1.0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        eventually(lambda: receiver.bodies == ["parent", "child"])
        way.log("parent again")
        eventually(lambda: receiver.bodies == ["parent", "child", "parent again"])


def test_a_folder_that_is_none_breaks_nothing_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    receiver = Receiver()
    with sending(monkeypatch, tmp_path / "file" / "spool", receiver.url) as way:
        for number in range(100):
            way.log(f"record {number}")
        receiver.start()
        eventually(lambda: receiver.bodies == numbers(0, 100))
    receiver.stop()
    assert len([line for line in caplog.messages if "can't be written" in line]) == 1
