"""The agents of a board as rows: sorted, with processor time as a share, as pieces of text that have a style each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from telemetry.cli.live.board import Item
from telemetry.cli.live.lines import why
from telemetry.cli.live.overview import Overview, alert_ranks, quiet_for, worst_first
from telemetry.cli.live.text import Piece, one_line, pad
from telemetry.cli.screen import duration
from telemetry.cli.styles import SHAPES, STYLES

ORDERS = ("trouble", "name", "idle", "restarts", "cpu", "memory")
_NO_TIME, _GAP = "–", "  "

Key = str
"""`cluster/name` of an agent."""


class Column(NamedTuple):
    """A column: its key, its heading, its width (0: what is left), and whether it stands on the right."""

    key: str
    label: str
    columns: int
    right: bool = False


def columns(total: int, longest: int, *, several: bool) -> list[Column]:
    """The columns that a terminal of so many columns has room for; the agent's is as wide as its longest name."""
    name = max(8, min(longest, total // (3 if total >= _USUAL else 4)))
    made = [Column("agent", "AGENT", name)]
    if several:
        made.append(Column("cluster", "CLUSTER", 12))
    made += [
        Column("state", "STATE", 14),
        Column("for", "FOR", 6, right=True),
        Column("quiet", "QUIET", 6, right=True),
    ]
    if total >= _USUAL:
        made.append(Column("restarts", "RST", 4, right=True))
    if total >= _WIDE:
        made += [Column("cpu", "CPU%", 6, right=True), Column("memory", "MEMORY", 8, right=True)]
    spent = sum(one.columns + 2 for one in made)
    return [*made, Column("why", "TASK / WHY", max(4, total - spent - 1))]


_USUAL, _WIDE = 76, 100


class Rates:
    """Processor time as a share of one processor, between the last two checks that brought it."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float, float | None]] = {}

    def see(self, items: Mapping[str, Item]) -> None:
        """The board as it is now."""
        seen: dict[str, tuple[float, float, float | None]] = {}
        for key, one in items.items():
            if not key.startswith("agent/") or one.get("cpu_seconds") is None:
                continue
            at = float(items.get(f"cluster/{one['cluster']}", {}).get("taken_at") or 0.0)
            used = float(one["cpu_seconds"])
            before = self._last.get(key)
            if before is None or used < before[1]:
                seen[key] = (at, used, None)
            elif at > before[0]:
                seen[key] = (at, used, 100.0 * (used - before[1]) / (at - before[0]))
            else:
                seen[key] = before
        self._last = seen

    def of(self, agent: Item) -> float | None:
        """Percent of one processor; None where that isn't known."""
        found = self._last.get(f"agent/{agent['cluster']}/{agent['name']}")
        return None if found is None else found[2]


def ordered(found: Overview, order: str, rates: Rates, *, backwards: bool = False) -> list[Item]:
    """Every agent that is shown, of all clusters."""
    agents = [one for group in found.groups for one in group.agents]
    ranks = alert_ranks(found.alerts)
    keys: dict[str, Callable[[Item], object]] = {
        "trouble": lambda one: worst_first(one, ranks),
        "name": lambda one: (one["name"], one["cluster"]),
        "idle": lambda one: (-(quiet_for(one, found.now) or 0.0), one["name"]),
        "restarts": lambda one: (-one["restart_count"], one["name"]),
        "cpu": lambda one: (-(rates.of(one) or 0.0), -(one.get("cpu_seconds") or 0.0), one["name"]),
        "memory": lambda one: (-(one.get("memory_bytes") or 0), one["name"]),
    }
    return sorted(agents, key=keys[order], reverse=backwards)  # type: ignore[arg-type]


def key_of(agent: Item) -> Key:
    """What tells this agent from every other."""
    return f"{agent['cluster']}/{agent['name']}"


def header(made: Sequence[Column]) -> list[Piece]:
    """The line of headings."""
    return [(_GAP.join(["", *(pad(one.label, one.columns, right=one.right) for one in made)])[1:], "dim")]


def line(agent: Item, made: Sequence[Column], now: float, rates: Rates) -> list[Piece]:
    """One row. What an agent wrote is text: nothing in it is markup."""
    values, state = _values(agent, now, rates), str(agent["state"])
    pieces: list[Piece] = [(" ", "")]
    for column in made:
        style = STYLES.get(state, "") if column.key == "state" else ""
        pieces += [(pad(values[column.key], column.columns, right=column.right), style), (_GAP, "")]
    return pieces[:-1]


def _values(agent: Item, now: float, rates: Rates) -> dict[str, str]:
    state, quiet, share = str(agent["state"]), quiet_for(agent, now), rates.of(agent)
    return {
        "agent": one_line(agent["name"]),
        "cluster": one_line(agent["cluster"]),
        "state": f"{SHAPES.get(state, '?')} {state}",
        "for": duration(now - agent["since"]),
        "quiet": _NO_TIME if quiet is None else duration(quiet),
        "restarts": str(agent["restart_count"] or ""),
        "cpu": "" if share is None else f"{share:.1f}",
        "memory": _size(agent.get("memory_bytes")),
        "why": why(agent),
    }


def _size(found: int | None) -> str:
    if found is None:
        return ""
    size = found / 2**20
    return f"{size:.0f} MiB" if size < 10_000 else f"{size / 1024:.0f} GiB"  # noqa: PLR2004 - five digits
