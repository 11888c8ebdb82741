"""Ten minutes of coverage-guided fuzzing of everything that reads Claude Code's files. Run by hand, in no test.

    python tests/soak/fuzz_claude.py [CORPUS] [-max_total_time=600]

Needs atheris (libFuzzer), which is no dependency of this project. What it finds becomes a case in
tests/sources/claude/test_hostile.py.
"""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from typing import Any

atheris = importlib.import_module("atheris")  # it has no types, and mypy must not need it

with atheris.instrument_imports(include=["telemetry.sources", "telemetry.clean", "json"]):
    from telemetry.sources.claude.files import UnusableError, parsed
    from telemetry.sources.claude.sessions import session_of
    from telemetry.sources.claude.tasks import counted, task_of, work_of
    from telemetry.sources.claude.teams import notes_of, team_of

SEEDS: list[Any] = [
    {
        "pid": 1,
        "procStart": "2",
        "sessionId": "x",
        "name": "a",
        "nameSource": "user",
        "status": "waiting",
        "waitingFor": "y",
        "statusUpdatedAt": 1.5,
        "tmux": "m:@1.%1",
        "pidDomain": "l:m:pid:[1]",
    },
    {
        "name": "t",
        "createdAt": 1,
        "leadAgentId": "l@t",
        "leadProcess": {"pid": 1, "procStart": "2"},
        "members": [{"agentId": "l@t", "name": "l", "tmuxPaneId": "%1", "isActive": True, "agentType": "g"}],
    },
    [{"from": "s", "text": '{"type": "idle_notification"}', "timestamp": "2026-11-26T03:18:52.026Z", "read": False}],
    {"id": "1", "subject": "s", "owner": "o", "status": "in_progress", "blockedBy": ["2", 3], "createdAt": 5},
]


def one(data: bytes) -> None:
    """Any bytes, as each of the files."""
    with suppress(UnusableError):
        content = parsed(data)
        for read in (
            lambda: session_of(content, 1),
            lambda: team_of(content, "team"),
            lambda: notes_of(content),
        ):
            with suppress(UnusableError):
                read()
        task, _ = task_of(content, "1", 1.0)
        counted("team", [task])
        work_of({task.owner}, [task])


def main() -> None:
    """Fuzzes until libFuzzer's own options say so; ten minutes where none does."""
    arguments = sys.argv
    if not any(argument.startswith(("-max_total_time", "-runs")) for argument in arguments):
        arguments = [*arguments, "-max_total_time=600"]
    for seed in SEEDS:
        one(json.dumps(seed).encode())
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
