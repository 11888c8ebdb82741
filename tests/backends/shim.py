"""Becomes the command it is given, which the kernel then kills when the process that started it dies.

Run by path: `python shim.py PARENT_PID COMMAND ARGUMENT…`. The wish outlives the exec: the command keeps its own pid.
(It holds for the *thread* that started it: start servers from one that lives as long as they shall.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the wish was made
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - becoming the command, without a shell, is its purpose


if __name__ == "__main__":
    main()
