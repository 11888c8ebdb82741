"""`orchestrator-telemetry rules`: when an alert fires."""

from __future__ import annotations

from typing import Annotated

import typer

from telemetry.cli import options as opt
from telemetry.cli.screen import draw, duration, print_json

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def rules(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Show every rule as it is set: what it watches, from which value each level holds, for whom.

    FOR is how long the cause must be there before it fires, KEEP how long it must be gone before it is over.

    \b
    Examples:
      orchestrator-telemetry rules
      orchestrator-telemetry rules --json | jq '.rules[] | select(.enabled)'

    \b
    A settings file changes them, for all or for some:
      rules:
        agent_idle: {thresholds: '600,1200,1800', for: 30}
        agent_waiting: {enabled: true}
        agent_stopped: {level: critical, runbook_url: 'https://wiki.example/agents'}
      overrides:
        - {cluster: night, rules: {agent_idle: {enabled: false}}}
        - {role: reviewer, agent: 'r*', rules: {agent_idle: {thresholds: '60,120,180'}}}

    Exit codes: 0, or 2 where a setting is wrong.
    """
    from telemetry.rulebook import rows, rules_of

    found = list(rows(rules_of(opt.settings(config, opt.flags(profile=profile)).settings)))
    if json:
        print_json({"rules": [row.plain() for row in found]})
        return
    table = []
    for row in found:
        rule = row.rule
        levels = " ".join(
            f"{level.value}≥{threshold:g}" if rule.has_ladder else level.value
            for level, threshold in rule.levels.items()
        )
        window = f" ({duration(rule.window)})" if rule.window else ""
        table.append(
            (
                rule.id,
                row.holds_for,
                levels if rule.enabled else f"off ({levels})",
                duration(rule.hold_for) if rule.hold_for else "–",
                duration(rule.keep_firing_for) if rule.keep_firing_for else "–",
                (rule.watches or rule.summary.rstrip(".")) + window,
            )
        )
    draw(("RULE", "FOR WHOM", "LEVELS", "FOR", "KEEP", "WATCHES"), table)
