"""Writes the generated parts of the READMEs: `python -m tools.docs`; with --check, says whether they are fresh.

A part stands between `<!-- NAME: make docs -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from telemetry.alerts import CATALOGUE
from telemetry.model import AlertLevel
from telemetry.settings import Settings
from telemetry.settings.about import walk
from telemetry.signals.semconv import METRICS, Kind

ROOT = Path(__file__).parents[1]
FILES = ("README.md", "README.ja.md")
_PART = re.compile(r"(<!-- (\w+): make docs -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def metrics() -> str:
    """A row for each metric: its exact Prometheus name, what it is, its labels."""
    rows = ["| in Prometheus | kind | labels | what it is |", "|---|---|---|---|"]
    for metric in METRICS:
        name = (
            f"`{metric.prometheus}`"
            if metric.kind is not Kind.HISTOGRAM
            else f"`{metric.prometheus}_bucket`, `_sum`, …"
        )
        labels = ", ".join(f"`{key}`" for key in metric.attributes)
        rows.append(f"| {name} | {metric.kind.value} | {labels} | {metric.description} |")
    return "\n".join(rows) + "\n"


def rules() -> str:
    """A row for each alert rule: at which value each level begins."""
    levels = (AlertLevel.WARNING, AlertLevel.ERROR, AlertLevel.CRITICAL)
    rows = ["| rule | what it watches | WARNING | ERROR | CRITICAL | over after |", "|---|---|---|---|---|---|"]
    for rule in CATALOGUE:
        cells = [_threshold(rule.levels.get(level), rule.hold_for) for level in levels]
        watches = (rule.watches or rule.summary) + ("" if rule.enabled else " (off until it is enabled)")
        if rule.window:
            watches += f" of {rule.window:g} s"
        quiet = f"{rule.keep_firing_for:g} s" if rule.keep_firing_for else "at once"
        rows.append(f"| `{rule.id}` | {watches} | {' | '.join(cells)} | {quiet} |")
    return "\n".join(rows) + "\n"


def settings() -> str:
    """A row for each setting: its variable, its key in a settings file, what it may be, its default."""
    rows = ["| variable | key in a file | allowed | default |", "|---|---|---|---|"]
    for known in walk(Settings):
        if known.path[0] == "rules":
            continue  # the same for each rule: told by the table of rules
        default = known.default
        if isinstance(default, float):
            default = f"{default:g}"
        elif isinstance(default, Enum):
            default = default.value
        elif isinstance(default, Path) or default in (None, "", ()):
            default = _SAID.get(known.key, "")
        variable = f"`{known.about.variable}`" if known.about.variable else ""
        rows.append(f"| {variable} | `{known.key}` | {known.about.allowed} | {default} |")
    return "\n".join(rows) + "\n"


_SAID = {
    "state_dir": "`~/.local/state/orchestrator-telemetry`",
    "log.dir": "`logs` in it",
    "thresholds.idle": "once, twice, three times `max_idle_time`",
    "cluster_name": "that of the file, of the tmux session, or `tmux`",
    "tmux.socket": "your own server",
    "tmux.session": "every session",
    "backends": "`prometheus,file`",
    "notify.dashboard_url": "as this machine reaches it",
    "channels.email.sender": "the user, where that is an address",
    "channels.email.security": "`tls` at port 465, else `starttls`",
    "channels.email.ca_file": "what the system trusts",
    "history.retention_days": "7 / 30 / 90 by profile",
}
"""Defaults that a value can't say."""


PARTS: dict[str, Callable[[], str]] = {"metrics": metrics, "rules": rules, "settings": settings}


def generated(text: str) -> str:
    """`text` with every generated part written anew.

    Raises:
        KeyError: A part that nothing makes.
    """
    return _PART.sub(lambda match: match[1] + PARTS[match[2]]() + match[3], text)


def main() -> int:
    """1 when `--check` finds a part that isn't fresh."""
    stale = []
    for name in FILES:
        path = ROOT / name
        before = path.read_text()
        after = generated(before)
        if after != before:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(after)
    if stale and "--check" in sys.argv:
        print(f"not fresh: {', '.join(stale)}; run: make docs", file=sys.stderr)
        return 1
    return 0


def _threshold(value: float | None, hold_for: float) -> str:
    if value is None:
        return ""
    lasting = f"after {hold_for:g} s" if hold_for else "at once"
    return f"{value:g}" if value else lasting


if __name__ == "__main__":
    sys.exit(main())
