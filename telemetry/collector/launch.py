"""How the collector is called: its command line, its environment, and what it says before it starts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.collector.errors import CollectorError
from telemetry.secret_files import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

_TIMEOUT = 60.0  # seconds, for a command that only looks at the configuration
_USERINFO = re.compile(r"(://)[^/\s]*@")


def command(
    binary: Path,
    *,
    backends: str | None = None,
    configs: Sequence[str | Path] = (),
    subcommand: str | None = None,
) -> list[str]:
    """The command line. `backends` are names with commas between; None or "" leaves them to $BACKENDS and its default.

    `configs` are further files or URIs (`file:…`, `yaml:…`), merged after the backends in their order.
    """
    arguments = [f"--config=backends:{backends or ''}"]
    arguments += [f"--config={item if ':' in str(item) else f'file:{item}'}" for item in configs]
    return [str(binary), *([subcommand] if subcommand else []), *arguments]


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for the collector: the given one (default: this process's) with what the host can know better.

    Files and queues go to the user's state folder instead of the working directory, and Go's memory target is set to
    four fifths of the memory limiter's.
    `ORCHESTRATOR_COLLECTOR_LOG_FILES` (absolute paths with commas between) also has it read the JSON logs of programs
    without OTLP; how far is kept beside the queues. `ORCHESTRATOR_COLLECTOR_KAFKA_FROM` (brokers with commas between)
    has it read what other collectors wrote to Kafka. Secrets of the monitor that came from files are not passed on.
    """
    result = without_secrets(os.environ if environ is None else environ)
    state = Path(result.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    keep_files_in(result, state / "orchestrator-telemetry")
    memory = result.get("ORCHESTRATOR_COLLECTOR_MEMORY_MIB", "512")
    if memory.isdecimal():
        result.setdefault("GOMEMLIMIT", f"{int(memory) * 4 // 5}MiB")
    return result


def keep_files_in(environ: MutableMapping[str, str], state_dir: Path) -> None:
    """Has a collector keep its files and its queues in this state folder, unless the user chose other places."""
    for name, folder in (("ORCHESTRATOR_COLLECTOR_FILE_DIR", ""), ("ORCHESTRATOR_COLLECTOR_QUEUE_DIR", "queue")):
        if not environ.get(name):
            environ[name] = str(state_dir.absolute() / "collector" / folder)


def validate(
    binary: Path,
    *,
    backends: str | None = None,
    configs: Sequence[str | Path] = (),
    environ: Mapping[str, str] | None = None,
) -> str | None:
    """None where the configuration is sound, otherwise what is wrong with it, in one line. Nothing is started."""
    line = command(binary, backends=backends, configs=configs, subcommand="validate")
    return _problem(_run(line, child_environment(environ)))


def merged_config(
    binary: Path,
    *,
    backends: str | None = None,
    configs: Sequence[str | Path] = (),
    environ: Mapping[str, str] | None = None,
) -> str:
    """The whole configuration in force, as YAML with secrets hidden. Raises CollectorError where it isn't sound."""
    line = command(binary, backends=backends, configs=configs, subcommand="print-config")
    done = _run(line, child_environment(environ))
    problem = _problem(done)
    if problem is not None:
        raise CollectorError(problem)
    return _USERINFO.sub(r"\1***@", done.stdout).strip() + "\n"


def _run(line: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            line,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
        )
    except OSError as error:
        raise CollectorError(f"{line[0]} can't be run: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise CollectorError(f"{line[0]} gave no answer within {_TIMEOUT:.0f} s") from error


def _problem(done: subprocess.CompletedProcess[str]) -> str | None:
    if done.returncode == 0:
        return None
    return explain(done.stderr.splitlines()) or f"the collector ended with status {done.returncode} and said nothing"


def explain(lines: Sequence[str]) -> str:
    """What the collector's last words mean, in one line: its own preflight line, or its error with the lines joined."""
    for line in lines:
        if line.startswith("otelcol-orchestrator: "):
            return line.removeprefix("otelcol-orchestrator: ").strip()
    for index, line in enumerate(lines):
        if line.startswith("Error: "):
            words = " ".join(part.strip() for part in lines[index:])
            return _USERINFO.sub(r"\1***@", words.removeprefix("Error: ").strip())
    return _USERINFO.sub(r"\1***@", lines[-1].strip()) if lines else ""
