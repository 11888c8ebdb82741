"""The lock is the kernel's: held while its process lives, whatever the file says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.lockfile import NAME, Lock, LockedError, holder
from tests.daemons import ROOT


def test_held_once_and_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    assert holder(folder) == 0
    with Lock(folder):
        assert holder(folder) == os.getpid()
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(LockedError, match=f"process {os.getpid()} already watches") as caught, Lock(folder):
            pass
        assert caught.value.pid == os.getpid()
        assert "ORCHESTRATOR_STATE_DIR" in str(caught.value)
    assert holder(folder) == 0
    with Lock(folder):
        pass


def test_a_file_left_behind_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("1\n")
    assert holder(tmp_path) == 0
    with Lock(tmp_path):
        assert holder(tmp_path) == os.getpid()


def test_what_the_file_says_need_not_be_a_number(tmp_path: Path) -> None:
    with Lock(tmp_path):
        (tmp_path / NAME).write_text("hello")
        with pytest.raises(LockedError, match="another process already watches"), Lock(tmp_path):
            pass


def test_kill_9_gives_it_back(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom telemetry.lockfile import Lock\n"
        f"with Lock(Path({str(tmp_path)!r})):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert holder(tmp_path) == other.pid
        other.kill()
        other.wait()
    with Lock(tmp_path):
        pass
