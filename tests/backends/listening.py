"""Which addresses a process listens on, read from the kernel: a server here must be on the loopback only."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

LISTEN = "0A"


def listeners(pid: int) -> set[tuple[str, int]]:
    """The (address, port) pairs on which a process listens for TCP connections."""
    inodes, lines = set(), []
    with suppress(OSError):  # it ended meanwhile
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                inodes.add(str(link.readlink()))
        for table in ("tcp", "tcp6"):
            lines += Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    found = set()
    for fields in map(str.split, lines):
        if fields[3] == LISTEN and f"socket:[{fields[9]}]" in inodes:
            address, port = fields[1].split(":")
            found.add((_text(address), int(port, 16)))
    return found


def resident_megabytes(pid: int) -> float:
    """How much memory a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _text(address: str) -> str:
    """The kernel prints an address as 32-bit words in the machine's own byte order."""
    words = (int(address[at : at + 8], 16) for at in range(0, len(address), 8))
    packed = b"".join(struct.pack("=I", word) for word in words)
    text = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
    return text.removeprefix("::ffff:")
