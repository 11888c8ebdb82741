"""How a process ended: also one that is nobody's child here, as far as the system tells.

Nothing is reaped: whoever started the process still gets its end told.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from pathlib import Path

_INFO = struct.Struct("=Q52xi")
"""`struct pidfd_info` in its first version: which parts are asked for or given, and at its end the wait status."""

_INFO_EXIT = 1 << 3
_GET_INFO = 3 << 30 | _INFO.size << 16 | 0xFF << 8 | 11
"""`_IOWR(0xFF, 11, struct pidfd_info)`."""

_STATE, _THREADS, _EXIT_CODE = 0, 17, 49
"""Where they stand in /proc/PID/stat behind the name."""


def exit_status_of(pidfd: int, pid: int) -> int | None:
    """How the process behind a pidfd ended.

    Told are: our own children; zombies, where we may look into them; and from Linux 6.15 on also processes of others
    which were reaped already.

    Args:
        pidfd: Opened while the process lived, or was a zombie; it stays open.
        pid: The same process's number.

    Returns:
        Its exit status (0 to 255), or minus the signal that killed it. None while it runs, or where that can't be had.
    """
    if sys.platform != "linux":
        return None
    for ask in (_of_child, _of_zombie, _of_reaped):
        status = ask(pidfd, pid)
        if status is not None:
            return status
    return None


def describe_exit(status: int | None) -> str:
    """An end in words, as part of a sentence: «it ended with status 1»."""
    if status is None:
        return "it ended"
    if status >= 0:
        return f"it ended with status {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:  # a real-time signal has a number only
        name = ""
    return f"it was killed by signal {-status}{name}"


def zombie_status(pid: int) -> int | None:
    """How a process ended which still waits for its parent to notice; None where it isn't one, or isn't ours to read.

    A pid may be used again: whoever asks knows by other means that it is still the same process.
    """
    place = Path(f"/proc/{pid}")
    try:
        values = (place / "stat").read_bytes().rpartition(b")")[2].split()
        owner = place.stat().st_uid
    except OSError:
        return None  # it is gone
    # One whose first thread has ended, and whose others run on, looks like a zombie.
    if len(values) <= _EXIT_CODE or values[_STATE] != b"Z" or int(values[_THREADS]) > 1:
        return None
    status = int(values[_EXIT_CODE])
    # To others the system shows 0 instead.
    return _from_wait_status(status) if status or os.geteuid() in (0, owner) else None


def _of_child(pidfd: int, pid: int) -> int | None:
    try:
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except OSError:
        return None  # not our child, or reaped, or a kernel before 5.4
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _of_zombie(pidfd: int, pid: int) -> int | None:
    status = zombie_status(pid)
    if status is None:
        return None
    try:
        signal.pidfd_send_signal(pidfd, 0)  # sends nothing: only asks whether it is there
    except ProcessLookupError:
        return None  # it was reaped, and what was read may be another's
    except OSError:
        return status  # it is there, and not ours to signal
    return status


def _of_reaped(pidfd: int, pid: int) -> int | None:
    from fcntl import ioctl

    info = bytearray(_INFO.pack(_INFO_EXIT, 0))
    try:
        ioctl(pidfd, _GET_INFO, info, True)
    except OSError:
        return None  # a kernel that doesn't know this
    given, status = _INFO.unpack(info)
    return _from_wait_status(status) if given & _INFO_EXIT else None


def _from_wait_status(status: int) -> int | None:
    try:
        return os.waitstatus_to_exitcode(status)
    except ValueError:  # no end
        return None
