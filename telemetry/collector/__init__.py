"""The bundled OpenTelemetry Collector: built once from `otel-collector/`, run as a child that dies with its parent.

`binary_path()` says whether it is built, `build()` builds it (minutes the first time), `command()` is how it is called,
and `Collector` runs it. Every error a user can cause is a `CollectorError` with one line that says what to do.
"""

from telemetry.collector.building import binary_path, build, cache_dir, find_go, sources_dir
from telemetry.collector.errors import CollectorError
from telemetry.collector.launch import child_environment, command, keep_files_in, merged_config, validate
from telemetry.collector.process import Collector

__all__ = [
    "Collector",
    "CollectorError",
    "binary_path",
    "build",
    "cache_dir",
    "child_environment",
    "command",
    "find_go",
    "keep_files_in",
    "merged_config",
    "sources_dir",
    "validate",
]
