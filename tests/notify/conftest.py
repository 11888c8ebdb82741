"""No test depends on the proxy or the name server of where it runs."""

from __future__ import annotations

import os
import socket

import pytest


@pytest.fixture(autouse=True)
def _on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "host.test")
