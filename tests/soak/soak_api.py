"""The same as tests/web/test_schemathesis.py, for five minutes."""

from __future__ import annotations

from pathlib import Path

from tests.web import fuzzing


def test_every_answer_is_one_that_is_described(tmp_path: Path) -> None:
    with fuzzing.world(tmp_path) as running:
        fuzzing.fuzz(running, 300, tmp_path)
