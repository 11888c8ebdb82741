"""100,000 log calls of a program and 100,000 records that other programs send the collector, each with a secret in it:
none is in the JSON file, in what the collector writes, or in any queue. By hand: a quarter of an hour.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from telemetry.collector import build
from telemetry.signals.logs import LogOptions, configure_logging, get_logger
from tests.collector.test_redaction import plant
from tests.planting import Planted, Planter

if TYPE_CHECKING:
    from pathlib import Path

_RECORDS = 100_000
_RECORDS_A_TEXT = 5  # three logs, a span and a metric: see plant()


def _log(file: Path, planter: Planter, planted: list[Planted]) -> int:
    """Calls of the public logger with the secrets as message, field, nested, name and exception; gives their number."""
    pipeline = configure_logging(LogOptions(console="none", file=file))
    logger = get_logger("soak")
    calls = 0
    for one in planted:
        for number, text in enumerate(planter.everywhere(one)):
            if number % 2:
                logger.info(text, agent_name=text, deep={"list": [{"x": text}, (text,)], text: 1}, data=text.encode())
            else:
                logger.error("failed", said=f"it is {text}", exc_info=ValueError(text), **{text: text})
            calls += 1
    pipeline.close()
    assert not pipeline.failures
    return calls


def test_no_log_file_has_one(tmp_path: Path) -> None:
    calls = seed = 0
    missed: set[str] = set()
    while calls < _RECORDS:
        seed += 1
        planter = Planter(seed)
        planted = list(planter.every_kind())
        file = tmp_path / f"{seed}.jsonl"
        calls += _log(file, planter, planted)
        text = file.read_text()
        assert text.count("\n") > len(planted)
        missed |= {one.kind for one in planted for piece in one.pieces if piece in text}
        file.unlink()
    assert not missed


def test_nothing_the_collector_writes_has_one(tmp_path: Path) -> None:
    binary = build(print)
    records = seed = 0
    missed: set[str] = set()
    while records < _RECORDS:
        seed += 1
        planter = Planter(1000 + seed)
        planted = list(planter.every_kind())
        texts: list[str] = [text for one in planted for text in planter.everywhere(one)]
        folder = tmp_path / str(seed)
        folder.mkdir()
        missed |= plant(binary, folder, planted, texts)
        records += len(texts) * _RECORDS_A_TEXT
        shutil.rmtree(folder)
    assert not missed
