"""What became of the requests of an exporter is known afterwards."""

from __future__ import annotations

from enum import Enum

import pytest

from telemetry.signals.outcomes import Export, Outcomes


class Result(Enum):
    """As each of the SDK's enums has it."""

    SUCCESS = 0
    FAILURE = 1


class Exporter:
    def __init__(self) -> None:
        self.results: list[Result | Exception] = []

    def export(self, batch: object, timeout_millis: float = 1.0) -> Result:
        found = self.results.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def test_it_is_known_since_when_nothing_is_taken() -> None:
    times = iter(range(1, 9))
    outcomes = Outcomes(lambda: float(next(times)))
    since = []
    for succeeded in (False, False, True, True, False, False):
        outcomes.note("logs", succeeded)
        since.append(outcomes.by_signal["logs"].failing_since)
    assert since == [1.0, 1.0, None, None, 5.0, 5.0]


def test_successes_failures_and_exceptions_are_noted() -> None:
    outcomes, exporter = Outcomes(lambda: 7.0), Exporter()
    assert outcomes.by_signal == {}
    watched = outcomes.of(exporter, "logs")
    assert watched is exporter
    exporter.results = [Result.SUCCESS, Result.SUCCESS, Result.FAILURE, ValueError("broken")]
    assert watched.export([], timeout_millis=2.0) is Result.SUCCESS
    assert outcomes.by_signal == {"logs": Export(7.0, succeeded=True, taken=1)}
    watched.export([])
    assert watched.export([]) is Result.FAILURE
    assert outcomes.by_signal["logs"] == Export(7.0, succeeded=False, taken=2, lost=1, failing_since=7.0)
    with pytest.raises(ValueError, match="broken"):
        watched.export([])
    assert outcomes.by_signal["logs"].lost == 2
