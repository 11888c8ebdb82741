"""A real systemd for tests: a user's manager of its own, whose units, sockets and control group are the test's.

It sees no units but those that the test writes, and nothing of the machine's: it runs in a control group that is made
for it, as the root of its own view, so that it can move or end no process but its own. That takes root, systemd and
the second version of control groups; where one is missing, the test is skipped and says which.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.waiting import eventually

_PROGRAM = Path("/usr/lib/systemd/systemd")

_OUTSIDE = """
echo $$ > "$1/cgroup.procs"
exec unshare --mount --cgroup --propagation private sh -eu -c "$2" inside
"""

_INSIDE = f"""
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
mount -t cgroup2 cgroup2 /sys/fs/cgroup
test -e /sys/fs/cgroup/cgroup.type  # only the machine's own root has none: that one isn't ours to manage
exec {_PROGRAM} --user --unit=test.target --log-target=console --log-level=info
"""


def cgroup_root() -> Path | None:
    """Where the control groups of the second version are."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


class Systemd:
    """A running manager; `environment` leads `systemctl --user` to it."""

    def __init__(self, folder: Path, group: Path) -> None:
        self.units = folder / "units"
        self.environment = {"XDG_RUNTIME_DIR": str(folder / "run"), "SYSTEMD_UNIT_PATH": str(self.units)}
        self._group = group
        (folder / "run").mkdir(mode=0o700)
        self.units.mkdir()
        self.write("test.target", "[Unit]\nDefaultDependencies=no\n")
        group.mkdir()
        self._process = subprocess.Popen(
            ["sh", "-eu", "-c", _OUTSIDE, "outside", str(group), _INSIDE],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait_until_it_runs(self) -> None:
        eventually(lambda: self._process.poll() is not None or self._answers(), what="systemd runs")
        if self._process.poll() is not None:
            assert self._process.stdout is not None
            pytest.skip(f"systemd can't be started here: {self._process.stdout.read().decode()}")

    def write(self, name: str, content: str) -> None:
        (self.units / name).write_text(content)

    def service(self, name: str, command: str, *further: str) -> None:
        lines = ["[Unit]", "DefaultDependencies=no", "[Service]", f"ExecStart={command}", *further, ""]
        self.write(name, "\n".join(lines))
        self.call("daemon-reload")

    def call(self, *arguments: str) -> str:
        """Runs `systemctl --user`."""
        command = ["systemctl", "--user", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def main_pid(self, unit: str) -> int:
        return int(self.call("show", unit, "--property=MainPID", "--value"))

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGRTMIN + 24)  # end at once
        with suppress(OSError):
            (self._group / "cgroup.kill").write_text("1")  # what its units started
        self._process.communicate(timeout=15)
        remove_group(self._group)

    def _answers(self) -> bool:
        with suppress(subprocess.CalledProcessError):
            return self.call("is-active", "test.target") == "active"
        return False


def remove_group(group: Path) -> None:
    """A control group and all below it, as soon as its last process is gone."""
    below = [Path(place) for place, _, _ in os.walk(group, topdown=False)]
    eventually(lambda: all(_removed(place) for place in below), what="its control groups are empty")


def _removed(place: Path) -> bool:
    with suppress(FileNotFoundError):
        try:
            place.rmdir()
        except OSError:
            return False  # its last process is still ending
    return True


def a_systemd(folder: Path) -> Iterator[Systemd]:
    root = cgroup_root()
    missing = [
        what
        for what, there in [
            ("root", os.geteuid() == 0),
            ("systemd", _PROGRAM.exists() and shutil.which("systemctl")),
            ("unshare", shutil.which("unshare")),
            ("control groups of the second version, writable", root and os.access(root, os.W_OK)),
        ]
        if not there
    ]
    if missing or root is None:
        pytest.skip(f"a systemd of its own needs {', '.join(missing)}")
    systemd = Systemd(folder, root / f"telemetry-test-{os.getpid()}")
    try:
        systemd.wait_until_it_runs()
        yield systemd
    finally:
        systemd.close()
