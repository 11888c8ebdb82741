"""Whether telemetry gets where it should, and what else is wrong: the checks behind `orchestrator-telemetry doctor`.

A check is a function from the `World` to its `Finding`s, and one line in `CHECKS` (running.py). The pipeline is tried
with a real metric, log line and span that carry a mark, for which every backend is then asked in its own way.
"""
