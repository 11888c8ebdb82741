"""The real Helm, with folders of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.backends.build import folder
from tools.kubernetes import FOLDER

CHART = FOLDER / "chart"


def program() -> str:
    """Its path; built first where it isn't there."""
    return str(folder("helm") / "bin" / "helm")


def helm(home: Path, *arguments: str | Path, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One command, whatever it says."""
    environ = {"PATH": os.defpath, "HOME": str(home)} | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})
    line = [program(), *map(str, arguments)]
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=120, check=False)


def rendered(home: Path, *arguments: str | Path, chart: Path = CHART) -> str:
    """What `helm template` makes of the chart."""
    done = helm(home, "template", "orchestrator-telemetry", chart, "--namespace", "orchestrator-telemetry", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(home: Path, *arguments: str | Path, chart: Path = CHART) -> list[str]:
    """What is wrong, a line each, where Helm renders nothing of the chart."""
    done = helm(home, "template", "orchestrator-telemetry", chart, *arguments)
    assert done.returncode != 0, "it is rendered"
    first, *lines = done.stderr.splitlines()
    assert first.startswith("Error: "), done.stderr
    return [line for line in lines if line and not line.startswith("Use --debug")]


def settings(values: Mapping[str, str]) -> Sequence[str]:
    """As flags."""
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def newer(target: Path, version: str) -> Path:
    """The chart as a later release would have it: another version, another tag of both images."""
    copy = Path(shutil.copytree(CHART, target))
    file = copy / "Chart.yaml"
    text = file.read_text()
    assert "\nversion: 0.1.0\nappVersion: 0.1.0" in text
    file.write_text(text.replace("\nversion: 0.1.0\nappVersion: 0.1.0", f"\nversion: {version}\nappVersion: {version}"))
    return copy
