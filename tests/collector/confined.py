"""confined.py ROOT PROGRAM ARGUMENT…: run it as a container engine does with --read-only --cap-drop ALL and USER 10001.

To be called as root in a network and a mount namespace of its own, where ROOT is mounted read-only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

USER = 10001
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38


def main() -> None:
    """Doesn't return."""
    root, *line = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    os.chroot(root)
    os.chdir("/")
    for capability in range(last + 1):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "PR_CAPBSET_DROP")
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    os.execv(line[0], line)  # noqa: S606 - that is what it is for


if __name__ == "__main__":
    main()
