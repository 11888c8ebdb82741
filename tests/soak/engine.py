"""A Docker engine of its own for tests: in a folder and a network of its own, of which nothing is left afterwards.

Nothing can be pulled by it, since its network leads nowhere: the images of others are made from the servers that tests
build anyway (FROM scratch), and Python's from a Debian that debootstrap fetches. That takes root, Docker's programs
with compose, debootstrap and busybox; where one is missing, the test is skipped and says which.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.backends import build
from tests.backends.cache import backends_dir
from tests.soak.systemd import remove_group
from tests.waiting import eventually

SUITE = "trixie"
"""The Debian that the official image of Python is made from; its own Python is as new."""
_ITS_GROUPS = ("docker", "buildkit")
_UP = "ip link set lo up && exec dockerd "


class Engine:
    """While it runs. `environment` leads `docker` to it."""

    def __init__(self, folder: Path, client: str) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").symlink_to(client)
        self.environment = {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{folder}/socket",
            "DOCKER_BUILDKIT": "1",
        }
        options = f"--host unix://{folder}/socket --data-root {folder}/data --exec-root {folder}/exec "
        options += f"--pidfile {folder}/pid --exec-opt native.cgroupdriver=cgroupfs"
        self._groups_before = set(_groups())
        with (folder / "log").open("w") as log:
            line = ["unshare", "--net", "--mount", "sh", "-ec", _UP + options]
            self._process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_until_it_runs(self) -> None:
        """Raises where it ended instead, with its last words."""
        eventually(lambda: self._process.poll() is not None or self._answers(), what="the engine runs")
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]

    def docker(self, *arguments: str | Path, cwd: Path | None = None, **environ: str) -> str:
        """Runs `docker`, which must succeed; its output."""
        done = self.tried(*arguments, cwd=cwd, **environ)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def tried(
        self, *arguments: str | Path, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """The same for a command that may fail."""
        environ = {**os.environ, **self.environment, **environ}
        line = [f"{self.folder}/bin/docker", *map(str, arguments)]
        return subprocess.run(line, cwd=cwd, env=environ, capture_output=True, text=True, timeout=900, check=False)

    def inspect(self, name: str) -> dict[str, Any]:
        """What it knows of a container."""
        [found] = json.loads(self.docker("inspect", name))
        return dict(found)

    def get(self, url: str, *further: str) -> str:
        """Asks a published port."""
        return self.inside(shlex.join(["curl", "--silent", "--fail-with-body", *further, url]), self.folder)

    def inside(self, text: str, cwd: Path) -> str:
        """Runs commands in the engine's network, where its published ports are; they must succeed."""
        line = ["nsenter", "-t", str(self._process.pid), "-n", "bash", "-euc", text]
        done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{text}: {done.stdout}{done.stderr}"
        return done.stdout

    def image(self, name: str, programs: Sequence[Path], data: str, user: str, *lines: str) -> None:
        """An image with these programs in /bin, the first of which it starts, and a folder that belongs to the user."""
        context = self.folder / "context"
        (context / "bin").mkdir(parents=True)
        (context / "data").mkdir()
        for program in (*programs, Path("/bin/busybox")):
            shutil.copy(program, context / "bin")
        (context / "bin" / "wget").symlink_to("busybox")
        text = ["FROM scratch", "COPY bin /bin/", f"COPY --chown={user} data {data}", "ENV PATH=/bin", *lines]
        text += [f"USER {user}", f"VOLUME {data}", f'ENTRYPOINT ["/bin/{programs[0].name}"]']
        (context / "Dockerfile").write_text("\n".join(text))
        self.docker("build", "--quiet", "--tag", name, context)
        shutil.rmtree(context)

    def python(self, name: str, lock: Path) -> None:
        """Stands in for the official image of Python: a Debian with Python, and with what the lock names as wheels."""
        self.docker("import", _debian(lock), name)

    def close(self) -> None:
        """Ends it, and with it every container."""
        self._process.terminate()
        try:
            self._process.wait(timeout=60)
        finally:
            self._process.kill()
            for group in set(_groups()) - self._groups_before:
                remove_group(group)

    def _answers(self) -> bool:
        return self.tried("version").returncode == 0


def program(part: str, name: str) -> Path:
    """A program of a server that tests build."""
    return build.folder(part) / "bin" / name


def _debian(lock: Path) -> Path:
    """An archive of it, made once into the cache."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:10]
    archive = backends_dir() / f"debian-{SUITE}-python-{digest}.tar"
    if not archive.exists():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            _run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", SUITE, str(root))
            version = _run("chroot", str(root), "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
            platforms = [f"--platform=manylinux{kind}_x86_64" for kind in ("2014", "_2_17", "_2_28", "_2_34")]
            pip += ["--require-hashes", "--only-binary=:all:", f"--python-version={version.strip()}", *platforms]
            _run(*pip, "--requirement", str(lock), "--dest", str(root / "wheels"))
            (root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
            new = archive.with_suffix(".new")
            _run("tar", "-C", str(root), "-cf", str(new), "--exclude=./var/cache", "--exclude=./var/lib/apt", ".")
            new.rename(archive)
    return archive


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.stdout


def _groups() -> list[Path]:
    """The control groups in which an engine keeps its containers, of both versions."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [Path(where) for _, where, kind, *_ in mounts if kind.startswith("cgroup")]
    return [group for root in roots for group in root.iterdir() if group.name in _ITS_GROUPS]


def _client() -> str:
    """A `docker` that has compose, Debian's first; or why there is none."""
    for client in ("/usr/bin/docker", shutil.which("docker") or ""):
        if client and not subprocess.run([client, "compose", "version"], capture_output=True, check=False).returncode:
            return client
    return ""


@contextmanager
def an_engine(folder: Path) -> Iterator[Engine]:
    """One that runs, and is gone afterwards."""
    programs = ("dockerd", "debootstrap", "busybox", "unshare", "nsenter", "ip", "curl", "git", "make")
    missing = [name for name in programs if not shutil.which(name)]
    missing += ["root"] * (os.geteuid() != 0) + ["docker with compose"] * (not _client())
    if missing:
        pytest.skip(f"an engine of its own needs {', '.join(missing)}")
    engine = Engine(folder, _client())
    try:
        engine.wait_until_it_runs()
        yield engine
    finally:
        engine.close()
