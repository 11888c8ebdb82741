"""The commands of deploy's READMEs do what they say, on a stand-in, and show no key to whoever lists processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.deploy.alerting import DEPLOY
from tests.deploy.stand_in import StandIn, standing_in

KEYS = {"DD_API_KEY": "made-up-api-key", "DD_APP_KEY": "made-up-app-key", "GRAFANA_TOKEN": "made-up-token"}


def commands(readme: Path, with_: str) -> str:
    """The indented block that has this text in it."""
    blocks = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", readme.read_text(), re.MULTILINE)
    [found] = [block for block in blocks if with_ in block]
    return re.sub(r"^ {4}", "", found, flags=re.MULTILINE)


def run(text: str, folder: Path, **environ: str) -> list[str]:
    """Runs it at the root of the repository; the arguments of every curl. Each must succeed."""
    shim = folder / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{folder}/arguments\nexec {shutil.which("curl")} "$@"\n')
    shim.chmod(0o755)
    environ = {"PATH": f"{shim.parent}:{os.environ['PATH']}", **KEYS, **environ}
    subprocess.run(["bash", "-euc", text], cwd=DEPLOY.parent, env=environ, capture_output=True, timeout=60, check=True)
    return (folder / "arguments").read_text().splitlines()


def taken(server: StandIn) -> list[tuple[str, str]]:
    return [(method, path) for method, path, *_ in server.taken]


def test_datadogs_dashboard_and_monitors_are_sent(tmp_path: Path) -> None:
    text = commands(DEPLOY / "datadog" / "README.md", "DD-API-KEY")
    with standing_in() as datadog:
        arguments = run(text.replace("https://api.$DD_SITE", datadog.url), tmp_path)
    monitors = sorted((DEPLOY / "datadog" / "monitors").iterdir())
    assert taken(datadog) == [("POST", "/api/v1/dashboard"), *[("POST", "/api/v1/monitor")] * len(monitors)]
    files = [DEPLOY / "datadog" / "dashboard.json", *monitors]
    assert [json.loads(body) for *_, body in datadog.taken] == [json.loads(file.read_text()) for file in files]
    for _, _, headers, _ in datadog.taken:
        assert headers["DD-API-KEY"] == KEYS["DD_API_KEY"]
        assert headers["DD-APPLICATION-KEY"] == KEYS["DD_APP_KEY"]
        assert headers["Content-Type"] == "application/json"
    assert not [one for one in arguments if "made-up" in one]


def test_grafanas_dashboards_are_sent(tmp_path: Path) -> None:
    text = commands(DEPLOY / "grafana" / "README.md", "GRAFANA_TOKEN")
    with standing_in() as grafana:
        arguments = run(text, tmp_path, GRAFANA_URL=grafana.url)
    dashboards = sorted((DEPLOY / "grafana" / "dashboards").iterdir())
    assert taken(grafana) == [("POST", "/api/dashboards/db")] * len(dashboards)
    for file, (_, _, headers, body) in zip(dashboards, grafana.taken, strict=True):
        assert json.loads(body) == {"overwrite": True, "dashboard": json.loads(file.read_text())}
        assert headers["Authorization"] == f"Bearer {KEYS['GRAFANA_TOKEN']}"
        assert headers["Content-Type"] == "application/json"
    assert not [one for one in arguments if "made-up" in one]
