"""Which files are written, and whether they are fresh."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards import agent, datadog, kibana, overview, pipeline
from tools.dashboards.datadog_monitors import monitors

DEPLOY = Path(__file__).parents[2] / "deploy"


def text(value: object) -> str:
    """As JSON that can be read and compared line by line."""
    plain = json.loads(json.dumps(value, cls=JSONEncoder), object_hook=_shown)
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _shown(value: dict[str, Any]) -> dict[str, Any]:
    """Links and marks where a dashboard shows them by itself: the SDK puts them into a menu."""
    return {key: one for key, one in value.items() if (key, one) != ("placement", "inControlsMenu")}


FILES: dict[str, Callable[[], str]] = {
    "grafana/dashboards/orchestrator-cc.json": lambda: text(overview.built()),
    "grafana/dashboards/agent.json": lambda: text(agent.built()),
    "grafana/dashboards/pipeline.json": lambda: text(pipeline.built()),
    "datadog/dashboard.json": lambda: text(datadog.dashboard()),
    **{f"datadog/monitors/{name}.json": partial(text, monitor) for name, monitor in monitors().items()},
    "elasticsearch/kibana.ndjson": kibana.text,
}
"""By their places in deploy/."""


def main() -> int:
    """1 when `--check` finds a file that isn't fresh."""
    stale = []
    for name, fresh in ((name, write()) for name, write in FILES.items()):
        path = DEPLOY / name
        if not path.exists() or path.read_text(encoding="utf-8") != fresh:
            stale.append(name)
            if "--check" not in sys.argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(fresh, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"not fresh: {', '.join(stale)}; run: make dashboards", file=sys.stderr)
        return 1
    return 0
