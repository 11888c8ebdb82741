"""The real servers are fixtures of the whole run; no test inherits the user's own OpenTelemetry or settings."""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest

pytest_plugins = ["tests.backends.fixtures", "tests.collector.fixtures"]

# No deadlines: on a busy machine an example may take its time. `make test-quick` takes a fifth of the examples.
hypothesis.settings.register_profile("whole", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("whole")


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "ORCHESTRATOR_")) and name != "ORCHESTRATOR_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.delenv("TMUX", raising=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hostile texts that a test logged can be handed from one process to the next, where tests run side by side."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
