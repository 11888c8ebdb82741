"""As the image runs: nothing but its own files, read-only but for /data, user 10001, no capability, its own network.

The kernel's own means, so that it is tried where there is no container engine; the Dockerfile's user and variables.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.collector import sources_dir
from tests.collector import confined, otlp
from tests.collector.harness import Running
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and another user need root"),
]
DOCKERFILE = (sources_dir() / "Dockerfile").read_text()
MOUNTS = """
ip link set lo up
mount --bind "$1" "$1"
mount -t proc -o ro proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount --bind "$2" "$1/data"
mount -o remount,bind,ro "$1"
root=$1; shift 2
exec "$0" "$root" "$@"
"""
SEND = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), {"Content-Type": "application/json"})
print(urllib.request.urlopen(request).status)
"""


def image(folder: Path, binary: Path) -> tuple[Path, Path]:
    """The root that the Dockerfile describes, and a volume for /data."""
    root, data = folder / "root", folder / "data"
    for name in ("proc", "sys", "data", "etc/ssl/certs"):
        (root / name).mkdir(parents=True)
    shutil.copy(binary, root / "otelcol-orchestrator")
    data.mkdir(mode=0o700)
    os.chown(data, confined.USER, confined.USER)
    return root, data


def test_it_works_with_next_to_nothing(collector_binary: Path, tmp_path: Path) -> None:
    assert f"USER {confined.USER}:{confined.USER}\n" in DOCKERFILE
    root, data = image(tmp_path, collector_binary)
    variables = DOCKERFILE[DOCKERFILE.index("\nENV ") :].split("\n\n", 1)[0]
    env = dict(re.findall(r"(\w+)=(\S+)", variables)) | {"BACKENDS": "file", "PATH": os.environ["PATH"]}
    launcher = root.parent / "launch"
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} {confined.__file__} "$@"\n')
    launcher.chmod(0o755)
    line = ["unshare", "--net", "--mount", "sh", "-ec", MOUNTS, str(launcher), str(root), str(data)]
    with subprocess.Popen(
        [*line, "/otelcol-orchestrator", "--config=backends:"],
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            collector = Running(process, env)
            collector.until_ready()
            status = dict(
                row.split(":\t", 1)
                for row in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                if ":\t" in row
            )
            assert status["Uid"].split() == [str(confined.USER)] * 4
            assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
            assert status["NoNewPrivs"] == "1"
            inside = ["nsenter", "--target", str(process.pid), "--net"]
            health = [*inside, str(collector_binary), "healthcheck"]
            assert subprocess.run(health, env=env, timeout=30, check=False).returncode == 0
            sent = subprocess.run(
                [*inside, sys.executable, "-c", SEND, "http://127.0.0.1:4318/v1/logs"],
                input=json.dumps(otlp.logs("from inside")).encode(),
                capture_output=True,
                timeout=30,
                check=True,
            )
            assert sent.stdout == b"200\n"
            eventually(lambda: (data / "logs.jsonl").exists() and "from inside" in (data / "logs.jsonl").read_text())
            assert (data / "queue").is_dir()
            assert collector.stop() == 0
        finally:
            process.kill()
