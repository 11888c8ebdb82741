"""A second backup on a day has a folder of its own: `store backup` writes over nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.operations import pages


def named_at(block: str, moment: str, folder: Path) -> str:
    """What the page's reader calls a backup then."""
    folder.mkdir()
    fake = folder / "date"
    fake.write_text(f'#!/bin/sh\nexec /bin/date --date "{moment}" "$@"\n')
    fake.chmod(0o755)
    line = ["bash", "-euc", f'{block}\nprintf %s "$BACKUP"']
    env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(line, env=env, capture_output=True, text=True, timeout=30, check=True).stdout


@pytest.mark.parametrize("page", ["backup-recovery.md", "backup-recovery.ja.md"])
def test_each_backup_has_a_name_of_its_own(page: str, tmp_path: Path) -> None:
    places, *_ = pages.blocks((pages.FOLDER / page).read_text())
    morning = named_at(places, "2026-11-27 08:05", tmp_path / "morning")
    evening = named_at(places, "2026-11-27 20:05", tmp_path / "evening")
    assert (morning, evening) == ("/backup/orchestrator-2026-11-27-0805", "/backup/orchestrator-2026-11-27-2005")
