"""Who doubts a binary can build it again: the same sources give the same file, wherever they lie."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from telemetry.collector import build, sources_dir

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_two_builds_have_one_hash(collector_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = shutil.copytree(sources_dir(), tmp_path / "another" / "folder")
    monkeypatch.setattr("telemetry.collector.building.sources_dir", lambda: elsewhere)
    monkeypatch.setenv("ORCHESTRATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ORCHESTRATOR_COLLECTOR_BINARY", raising=False)
    again = build(print)
    assert again.is_relative_to(tmp_path)
    assert digest(again) == digest(collector_binary)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
