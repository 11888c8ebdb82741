"""What is inside, for whoever must know: `python -m tools.sbom [FOLDER]` (`make sbom`) writes to build/sbom

collector.cdx.json, monitor.cdx.json   CycloneDX, with hashes and licences
collector-licences.txt                 every module with its licence, and the licences' texts
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from telemetry.collector import build
from tools.fetched import NotFetchedError, go_program, python_program
from tools.licences import Part, go_modules, listed, python_packages

ROOT = Path(__file__).parents[1]
# What Go's own list of a binary calls otherwise than the module cache does.
OTHERWISE = {"std": "BSD-3-Clause", "./confignet": "MIT"}
GOMOD = ("github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod", "v1.10.0")
PYTHON = ("cyclonedx-bom", "7.5.0", "cyclonedx-py")


def collector(binary: Path, parts: list[Part]) -> dict[str, Any]:
    """What the binary says of itself (Go writes its modules into it), and the licences."""
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [str(go_program(*GOMOD)), "bin", "-json", "-std", "-noserial", str(binary)]
    return with_licences(_json(command, environment), parts)


def monitor(lock: Path, parts: list[Part]) -> dict[str, Any]:
    """What requirements.lock says, and the licences of what is installed of it."""
    command = [str(python_program(*PYTHON)), "requirements", str(lock), "--output-format", "JSON"]
    return with_licences(_json([*command, "--output-reproducible"]), parts)


def with_licences(bill: dict[str, Any], parts: list[Part]) -> dict[str, Any]:
    """The bill without the time it was made, each component with the licence that is known of it."""
    bill["metadata"].pop("timestamp", None)
    known = OTHERWISE | {part.name: part.licence for part in parts if part.licence}
    for component in bill.get("components", []):
        if licence := known.get(component["name"]):
            key = "id" if " " not in licence and "," not in licence else "name"
            component["licenses"] = [{"license": {key: licence}}]
    return bill


def _json(command: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotFetchedError((done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1])
    return dict(json.loads(done.stdout))


def write(folder: Path, binary: Path) -> None:
    """All three files. Raises NotFetchedError where a program for it can't be had."""
    folder.mkdir(parents=True, exist_ok=True)
    modules = go_modules()
    lock = ROOT / "requirements.lock"
    bills = {"collector": collector(binary, modules), "monitor": monitor(lock, python_packages(lock))}
    for name, bill in bills.items():
        (folder / f"{name}.cdx.json").write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    (folder / "collector-licences.txt").write_text(listed(modules))


def main() -> int:
    """Exit code 1 where it can't be made."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "sbom"
    try:
        write(folder, build(print))
    except NotFetchedError as error:
        print(f"make sbom: {error}", file=sys.stderr)
        return 1
    print(f"wrote {', '.join(sorted(path.name for path in folder.iterdir()))} to {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
