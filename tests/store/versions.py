"""This program with another version of the store: as it was some steps ago, or as it may be after the next one.

As a program of its own (`python -m tests.store.versions NAME …`) it is the command line with the schema of that name.
"""

from __future__ import annotations

import sys

from telemetry.store import database, recovery, schema

STEPS = schema.STEPS
TABLES = sorted(line.split("CREATE TABLE ")[1].split()[0] for step in STEPS for line in step if "CREATE TABLE " in line)
ADDING = (
    "CREATE TABLE further (id INTEGER PRIMARY KEY)",
    "CREATE INDEX history_by_agent ON history (agent)",
    *(f"ALTER TABLE {table} ADD COLUMN further TEXT NOT NULL DEFAULT 'x'" for table in TABLES),
)
"""All that a step may do without keeping the program from before it out, to every table."""
BREAKING = (
    f"UPDATE readers SET oldest = {schema.VERSION + 1}",  # noqa: S608 - a number
    "ALTER TABLE silences RENAME COLUMN body TO text",
)
SCHEMAS = {
    "before": STEPS[:-1],
    "present": STEPS,
    "adding": (*STEPS, ADDING),
    "breaking": (*STEPS, BREAKING),
}


def use(steps: tuple[tuple[str, ...], ...]) -> None:
    """From now on this process is the program whose schema has these steps."""
    for module in (schema, database, recovery):
        vars(module).update(STEPS=steps, VERSION=len(steps))


if __name__ == "__main__":
    from telemetry.cli import main

    use(SCHEMAS[sys.argv.pop(1)])
    main()
