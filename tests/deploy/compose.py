"""deploy/compose as docker compose reads it: by its own library."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from tests.backends import build

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
PROFILES = ("prometheus", "loki", "elk", "datadog")
SUBSETS = [chosen for count in range(1, len(PROFILES) + 1) for chosen in combinations(PROFILES, count)]


@cache
def written() -> dict[str, Any]:
    """The file as it is written, of all profiles, with the names of variables in the place of values."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


def load(*profiles: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What `docker compose config` says with these profiles chosen, as JSON, or why it refuses."""
    program = build.folder("composeconfig") / "bin" / "composeconfig"
    environ = {"PATH": os.defpath, "HOME": "/", **environ}
    line = [str(program), str(FOLDER / "compose.yaml"), *profiles]
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)


def project(*profiles: str, **environ: str) -> dict[str, Any]:
    """The whole project with these profiles, named as .env names them."""
    said = load(*profiles, COMPOSE_PROFILES=",".join(profiles), **environ)
    assert said.returncode == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def services(*profiles: str, **environ: str) -> dict[str, dict[str, Any]]:
    """The services that would start."""
    found: dict[str, dict[str, Any]] = project(*profiles, **environ)["services"]
    return found


def of_the_collector(folder: Path, *profiles: str, key: str) -> dict[str, str]:
    """Its environment, with the files that it reads there in a folder of the test's: Datadog's key among them."""
    service = services(*profiles)["collector"]
    backends = folder / "backends"
    backends.mkdir()
    for mount in service["volumes"]:
        if mount["type"] == "bind":
            (backends / Path(mount["target"]).name).write_text(Path(mount["source"]).read_text())
    (folder / "dd_api_key").write_text(key)
    return {
        **{name: str(value).replace("/run/secrets/", f"{folder}/") for name, value in service["environment"].items()},
        "ORCHESTRATOR_COLLECTOR_BACKENDS_DIR": str(backends),
    }
