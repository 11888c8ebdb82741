"""Writes the generated parts of the READMEs: `python -m tools.docs`; with --check, says whether they are fresh.

A part stands between `<!-- NAME: make docs -->` and `<!-- /NAME -->`. README.ja.md's are in Japanese, by
docs.ja.json, in which every sentence must be.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from enum import Enum
from functools import cache
from pathlib import Path

from telemetry.alerts import CATALOGUE
from telemetry.model import AlertLevel
from telemetry.settings import Settings
from telemetry.settings.about import walk
from telemetry.signals.semconv import METRICS, Kind

ROOT = Path(__file__).parents[1]
Say = Callable[[str], str]
"""What a language has for a sentence in English, its `{names}` left as they are."""
JAPANESE = Path(__file__).with_suffix(".ja.json")
_PART = re.compile(r"(<!-- (\w+): make docs -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def metrics(say: Say) -> str:
    """A row for each metric: its exact Prometheus name, what it is, its labels."""
    rows = _heading(say, "in Prometheus", "kind", "labels", "what it is")
    for metric in METRICS:
        name = (
            f"`{metric.prometheus}`"
            if metric.kind is not Kind.HISTOGRAM
            else f"`{metric.prometheus}_bucket`, `_sum`, …"
        )
        labels = ", ".join(f"`{key}`" for key in metric.attributes)
        rows.append(f"| {name} | {metric.kind.value} | {labels} | {say(metric.description)} |")
    return "\n".join(rows) + "\n"


def rules(say: Say) -> str:
    """A row for each alert rule: at which value each level begins."""
    levels = (AlertLevel.WARNING, AlertLevel.ERROR, AlertLevel.CRITICAL)
    rows = _heading(say, "rule", "what it watches", *(level.value.upper() for level in levels), "over after")
    for rule in CATALOGUE:
        cells = [_threshold(say, rule.levels.get(level), rule.hold_for) for level in levels]
        watches = say(rule.watches or rule.summary)
        if not rule.enabled:
            watches = say("{watched} (off until it is enabled)").format(watched=watches)
        if rule.window:
            watches = say("{watched} of {seconds} s").format(watched=watches, seconds=f"{rule.window:g}")
        quiet = (
            say("{seconds} s").format(seconds=f"{rule.keep_firing_for:g}") if rule.keep_firing_for else say("at once")
        )
        rows.append(f"| `{rule.id}` | {watches} | {' | '.join(cells)} | {quiet} |")
    return "\n".join(rows) + "\n"


def settings(say: Say) -> str:
    """A row for each setting: its variable, its key in a settings file, what it may be, its default. English only."""
    rows = _heading(say, "variable", "key in a file", "allowed", "default")
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


PARTS: dict[str, Callable[[Say], str]] = {"metrics": metrics, "rules": rules, "settings": settings}


def english(sentence: str) -> str:
    """As it is."""
    return sentence


def japanese(sentence: str) -> str:
    """From docs.ja.json; levels are the same in both languages.

    Raises:
        KeyError: It isn't there.
    """
    return sentence if sentence.isupper() else _japanese()[sentence]


@cache
def _japanese() -> dict[str, str]:
    return dict(json.loads(JAPANESE.read_text(encoding="utf-8")))


FILES: dict[str, Say] = {"README.md": english, "README.ja.md": japanese}


def generated(text: str, say: Say = english) -> str:
    """`text` with every generated part written anew.

    Raises:
        KeyError: A part that nothing makes, or a sentence that the language doesn't have.
    """
    return _PART.sub(lambda match: match[1] + PARTS[match[2]](say) + match[3], text)


def main() -> int:
    """1 when `--check` finds a part that isn't fresh, or a sentence has no Japanese."""
    stale = []
    for name, say in FILES.items():
        path = ROOT / name
        before = path.read_text()
        try:
            after = generated(before, say)
        except KeyError as missing:
            print(f"{JAPANESE.relative_to(ROOT)} has no {missing}", file=sys.stderr)
            return 1
        if after != before:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(after)
    if stale and "--check" in sys.argv:
        print(f"not fresh: {', '.join(stale)}; run: make docs", file=sys.stderr)
        return 1
    return 0


def _heading(say: Say, *names: str) -> list[str]:
    return [f"| {' | '.join(say(name) for name in names)} |", "|---" * len(names) + "|"]


def _threshold(say: Say, value: float | None, hold_for: float) -> str:
    if value is None:
        return ""
    if value:
        return f"{value:g}"
    return say("after {seconds} s").format(seconds=f"{hold_for:g}") if hold_for else say("at once")


if __name__ == "__main__":
    sys.exit(main())
