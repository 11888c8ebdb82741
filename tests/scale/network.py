"""A network of its own for a test, and hosts in it: the kernel's namespaces, a bridge and a cable to each host.

Nothing of it is seen outside, and all of it is gone when its last process is. That takes root on Linux.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.backends.commands import dying_with_us
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NEW_NETWORK: Final = 0x40000000
_BRIDGE: Final = "hosts"
_NAMED: Final = "gateways"

_HOST = """
hostname "$1"
mount --bind "$2" /etc/hosts
ip link set lo up
read -r go
shift 2
exec "$@"
"""


@contextmanager
def own_network(*addresses: str) -> Iterator[None]:
    """Within the block this thread, and what it starts, is in a network of its own, with its own loopback.

    It has these `addresses` besides, which the hosts reach.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no network namespace can be had")
        try:
            _ip("link", "set", "lo", "up")
            for address in addresses:
                _ip("address", "add", f"{address}/32", "dev", "lo")
            _ip("link", "add", _BRIDGE, "type", "bridge")
            _ip("address", "add", "10.77.0.1/16", "dev", _BRIDGE)
            _ip("link", "set", _BRIDGE, "up")
            yield
        finally:
            libc.setns(outside, _NEW_NETWORK)
    finally:
        os.close(outside)


def start_on_host(
    number: int, folder: Path, gateways: Sequence[str], line: Sequence[str], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts a program as the only one of host `number`, which ends with it. Its output goes to `folder`/output.

    To that host the name «gateways» is all of these addresses, tried in this order.
    """
    known = folder / "hosts"
    known.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {_NAMED}\n" for address in gateways))
    name = host_name(number)
    with (folder / "output").open("ab") as output:
        process = subprocess.Popen(
            dying_with_us(["unshare", "--net", "--uts", "--mount", "sh", "-euc", _HOST, "sh", name, str(known), *line]),
            env=dict(env),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _connect(number, process.pid)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def host_name(number: int) -> str:
    """What a host calls itself."""
    return f"host-{number:02d}"


def _connect(number: int, pid: int) -> None:
    """Lays the cable from the bridge to the host of this process, as soon as that has a network of its own."""
    ours = Path("/proc/thread-self/ns/net").readlink()
    eventually(lambda: Path(f"/proc/{pid}/ns/net").readlink() != ours, what=f"host {number} has a network")
    _ip("link", "add", f"host{number}", "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", f"host{number}", "master", _BRIDGE, "up")
    inside = ("nsenter", "--target", str(pid), "--net")
    _run(*inside, "ip", "address", "add", f"10.77.1.{number + 1}/16", "dev", "eth0")
    _run(*inside, "ip", "link", "set", "eth0", "up")
    _run(*inside, "ip", "route", "add", "default", "via", "10.77.0.1")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*line: str) -> None:
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(line)}: {done.stderr}"
