"""Which of a host's log records go to the collector; and the logs of everything, kept where the proof fails."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEPT: Final = (
    Path(os.environ.get("ORCHESTRATOR_TEST_ARTIFACTS") or Path(__file__).parents[2] / "test-artifacts") / "scale"
)
"""Where the logs of the last run that failed are, for people."""
_LOGS: Final = ("*/*.log", "*/said", "*/page", "*/output", "*/state/logs/*.jsonl")

_OF_SENDING: Final = ("telemetry.signals.spool.delivery", "telemetry.signals.spool.exporters")


def stays_with_the_host(record: Mapping[str, Any]) -> bool:
    """Whether a record of a monitor's log is about the sending itself, and so by design in that file only.

    Sent, each failure would bring the next (telemetry.signals.log_stdlib, telemetry.signals.log_pipeline).
    """
    logger: str = record["logger"]
    return logger.startswith("opentelemetry") or logger in _OF_SENDING


@contextmanager
def kept_logs(folder: Path, kept: Path = KEPT) -> Iterator[None]:
    """Where the block fails, the logs and last metrics of a run in this folder take the place of an earlier one's."""
    try:
        yield
    except BaseException:
        shutil.rmtree(kept, ignore_errors=True)
        for file in (file for pattern in _LOGS for file in folder.glob(pattern)):
            copy = kept / file.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        raise
