"""The real servers are fixtures of the whole run; no test inherits the user's own OpenTelemetry or settings."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.backends.fixtures"]


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("OTEL_", "ORCHESTRATOR_")) and name != "ORCHESTRATOR_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.delenv("TMUX", raising=False)
