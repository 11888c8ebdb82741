"""Known vulnerabilities in what is inside: `python -m tools.audit` (in `make check`), by pip-audit and govulncheck.

Where a database can't be reached that is said in a line, and is no failure: without it nothing is fetched and nothing
runs. A finding fails, unless tools/findings.toml explains it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry.collector import sources_dir
from tools.fetched import NotFetchedError, go_program, python_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parents[1]
EXPLAINED = Path(__file__).parent / "findings.toml"
PIP_AUDIT = ("pip-audit", "2.10.1", "pip-audit")
GOVULNCHECK = ("golang.org/x/vuln/cmd/govulncheck", "v1.9.0")
OSV = "https://api.osv.dev/v1/vulns/PYSEC-2018-28"  # any one that is known to be there
_PROBE = 4.0  # seconds


@dataclass
class Result:
    """What one program found: id → one line. `unchecked` says what it couldn't look at, and why."""

    found: dict[str, str] = field(default_factory=dict)
    unchecked: str = ""


def go_database() -> str:
    """The address of Go's database; $GOVULNDB names another one."""
    return os.environ.get("GOVULNDB") or "https://vuln.go.dev"


def reachable(url: str, key: str) -> bool:
    """Whether a JSON object with this key is there. Takes 4 s at most, however names are looked up."""
    seen: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=_PROBE) as answer:  # noqa: S310 - ours, or what GOVULNDB names
                body = json.load(answer)
        except (OSError, ValueError):
            return
        seen.append(isinstance(body, dict) and key in body)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PROBE)
    return seen == [True]


def python_findings(report: dict[str, Any]) -> Result:
    """What pip-audit says, as JSON. A package that it skipped wasn't checked."""
    result = Result()
    skipped = []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            skipped.append(package["name"])
        for one in package.get("vulns", []):
            fixed = ", ".join(one["fix_versions"]) or "no version"
            result.found[one["id"]] = f"{package['name']} {package['version']}: {one['id']}, mended in {fixed}"
    if skipped:
        result.unchecked = f"the database says nothing of {', '.join(skipped)}"
    return result


def go_findings(stream: str) -> Result:
    """What govulncheck says, as JSON objects one after the other. Only what is called counts, by its trace."""
    result = Result()
    for message in _objects(stream):
        finding = message.get("finding")
        if finding and "function" in finding["trace"][0]:
            at = finding["trace"][0]
            fixed = finding.get("fixed_version") or "no version"
            result.found[finding["osv"]] = (
                f"{at['module']} {at.get('version', '')}: {finding['osv']}, in {at['function']}, mended in {fixed}"
            )
    return result


def _objects(stream: str) -> Iterable[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(stream):
        found, at = decoder.raw_decode(stream, at)
        yield found
        while at < len(stream) and stream[at].isspace():
            at += 1


def check_python() -> Result:
    """requirements.lock against the Open Source Vulnerabilities database."""
    if not reachable(OSV, "id"):
        return Result(unchecked="the database of OSV (api.osv.dev) can't be reached")
    line = [
        str(python_program(*PIP_AUDIT)),
        "--vulnerability-service",
        "osv",
        "--requirement",
        str(ROOT / "requirements.lock"),
        "--no-deps",
    ]
    done = _run([*line, "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"])
    return python_findings(json.loads(done))


def check_go() -> Result:
    """The collector against Go's database."""
    if not reachable(f"{go_database()}/index/db.json", "modified"):
        return Result(unchecked=f"Go's database ({go_database().partition('://')[2]}) can't be reached")
    line = [str(go_program(*GOVULNCHECK)), "-db", go_database(), "-format", "json"]
    if not is_any_module_named(_run([*line, "-scan", "module"], sources_dir())):
        return Result()
    return go_findings(_run([*line, "."], sources_dir()))  # minutes: it follows the calls through everything


def is_any_module_named(stream: str) -> bool:
    """Whether a look at the modules alone, which takes seconds, found one with a known vulnerability."""
    return any("finding" in message for message in _objects(stream))


def _run(line: list[str], folder: Path = ROOT) -> str:
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "auto",
        "GOWORK": "off",
    }  # as the collector is built
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    if not done.stdout.strip():
        raise NotFetchedError(f"{line[0]}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    return done.stdout


def judge(results: dict[str, Result], explained: dict[str, str]) -> tuple[list[str], bool]:
    """The lines to say, and whether all is well. Explained ones are stale only where everything was checked."""
    lines, well = [], True
    for program, result in results.items():
        if result.unchecked:
            lines.append(f"{program}: not checked: {result.unchecked}")
        for known, text in result.found.items():
            if known not in explained:
                lines.append(f"{program}: {text}")
                well = False
    if not any(result.unchecked for result in results.values()):
        found = {known for result in results.values() for known in result.found}
        for known in sorted(explained.keys() - found):
            lines.append(f"tools/findings.toml explains {known}, which is found no more: remove it")
            well = False
    return lines, well


def checked(check: Callable[[], Result]) -> Result:
    """One check; what hinders it is said."""
    try:
        return check()
    except (NotFetchedError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Result(unchecked=str(error))


def main() -> int:
    """Exit code 1 for a finding that isn't explained, or an explanation without a finding."""
    explained = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    lines, well = judge({"pip-audit": checked(check_python), "govulncheck": checked(check_go)}, explained)
    for line in lines:
        print(line, file=sys.stdout if well else sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
