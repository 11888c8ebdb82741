"""A machine of its own for tests: a real systemd as process 1, which sees none of this machine's processes or units.

It has process ids, control groups, mounts, a network and a host name of its own. Its files are this machine's with a
layer over them that is gone afterwards, and of its units it has those alone that the test puts there. That takes root,
systemd, unshare, overlayfs and the second version of control groups; where one is missing, the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.soak.systemd import cgroup_root, remove_group
from tests.waiting import eventually

_PROGRAM = Path("/usr/lib/systemd/systemd")
OWN_FOLDERS = (Path("/dev"), Path("/run"), Path("/tmp"))  # noqa: S108 - empty ones of the machine's own
_PROGRAMS = ("systemctl", "unshare", "nsenter", "setpriv", "ip", "pivot_root")

_OUTSIDE = """
echo $$ > "$1/cgroup.procs"
exec unshare --mount --cgroup --pid --fork --uts --ipc --net --propagation private sh -eu -c "$3" inside "$2"
"""

_INSIDE = f"""
ip link set lo up
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys  # the kernel's settings are the machine's
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
test -e sys/fs/cgroup/cgroup.type  # only the machine's own root has none: that one isn't ours to manage
mount -o remount,bind,ro sys
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
rm -rf etc/systemd/system
mkdir -p etc/systemd/system old
for target in sysinit basic network-online multi-user shutdown test; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >etc/systemd/system/$target.target
done
pivot_root . old
cd /
umount -l old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \\
    {_PROGRAM} --system --unit=test.target --log-target=null --show-status=no
"""


class Machine:
    """While it runs. Everything in it is root's to do."""

    def __init__(self, folder: Path, group: Path) -> None:
        self._group = group
        group.mkdir()
        self._outside = subprocess.Popen(
            ["sh", "-eu", "-c", _OUTSIDE, "outside", str(group), str(folder), _INSIDE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    @property
    def _first(self) -> int:
        """Its process 1, as this machine knows it."""
        [found] = psutil.Process(self._outside.pid).children()
        return found.pid

    def wait_until_it_runs(self) -> None:
        def runs() -> bool:
            if self._outside.poll() is not None:
                return True
            assert psutil.Process(self._outside.pid).children(), "not yet"
            return self.run("systemctl", "is-active", "test.target").stdout == "active\n"

        eventually(runs, what="systemd runs")
        if self._outside.poll() is not None:
            assert self._outside.stdout is not None
            pytest.skip(f"systemd can't be started here: {self._outside.stdout.read().decode()}")

    def run(self, *command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Runs a command in it, to its end."""
        inside = ["nsenter", "-t", str(self._first), "-m", "-p", "-n", "-u", "-i", "-r", "-w", "env", "-i"]
        inside += [f"PATH={os.defpath}:/usr/sbin:/usr/local/bin", "LANG=C.UTF-8"]
        if user != "root":
            inside += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]
        return subprocess.run([*inside, *command], capture_output=True, text=True, timeout=60, check=False)

    def do(self, *command: str, user: str = "root") -> str:
        """The same for a command that must succeed; its output."""
        done = self.run(*command, user=user)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.do("systemctl", "show", unit, f"--property={name}", "--value")

    def main_pid(self, unit: str) -> int:
        """Its main process, as it knows it itself."""
        return int(self.show(unit, "MainPID"))

    def path(self, path: str) -> Path:
        """One of its files, from here."""
        return Path(f"/proc/{self._first}/root{path}")

    def close(self) -> None:
        if self._outside.poll() is None:
            os.kill(self._first, signal.SIGKILL)  # and all else in it with it
        self._outside.communicate(timeout=15)
        remove_group(self._group)


def hidden(*places: Path) -> str | None:
    """What is wrong where one of these places can't be seen in a machine, a line; None where all can."""
    for place in (one.resolve() for one in places):
        for folder in OWN_FOLDERS:
            if place.is_relative_to(folder):
                return f"{place} can't be seen in the machine, whose {folder} is its own: run this from elsewhere"
    return None


@contextmanager
def a_machine() -> Iterator[Machine]:
    """One that runs, and is gone afterwards."""
    root = cgroup_root()
    missing = [
        what
        for what, there in [
            ("root", os.geteuid() == 0),
            ("systemd", _PROGRAM.exists()),
            *((name, shutil.which(name)) for name in _PROGRAMS),
            ("control groups of the second version, writable", root and os.access(root, os.W_OK)),
        ]
        if not there
    ]
    if missing or root is None:
        pytest.skip(f"a machine of its own needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), root / f"telemetry-test-{os.getpid()}")
        try:
            machine.wait_until_it_runs()
            yield machine
        finally:
            machine.close()
