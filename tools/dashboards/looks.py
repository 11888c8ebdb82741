"""How things look wherever they are shown: a colour for each state and level, thresholds as lines."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common, dashboard

from telemetry.alerts.rule import Rule
from telemetry.model import AlertLevel, State

STATE_NUMBERS = {
    State.BUSY: 1,
    State.IDLE: 2,
    State.WAITING: 3,
    State.UNKNOWN: 4,
    State.UNRESPONSIVE: 5,
    State.STOPPED: 6,
}
"""A number for each state, ascending in how bad it is: of two words about one agent the worse is shown."""

STATE_COLOURS = {
    State.BUSY: "green",
    State.IDLE: "blue",
    State.WAITING: "yellow",
    State.UNKNOWN: "purple",
    State.UNRESPONSIVE: "orange",
    State.STOPPED: "red",
}
LEVEL_COLOURS = {
    AlertLevel.INFO: "blue",
    AlertLevel.WARNING: "yellow",
    AlertLevel.ERROR: "red",
    AlertLevel.CRITICAL: "dark-red",
}
UP_AND_DOWN = {"1": ("UP", "green"), "0": ("DOWN", "red")}


def shown_as(texts: Mapping[str, tuple[str, str]]) -> dashboard.ValueMap:
    """Values as text and colour."""
    results = {
        value: dashboard.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(texts.items())
    }
    return dashboard.ValueMap(options=results)


def states() -> dashboard.ValueMap:
    """The numbers of states as their names."""
    return shown_as({str(number): (state.value, STATE_COLOURS[state]) for state, number in STATE_NUMBERS.items()})


def steps(*above: tuple[float, str], below: str = "green") -> builders.ThresholdsConfig:
    """Colours by value: the first below every one, then each from its value on."""
    colours = [dashboard.Threshold(value=None, color=below)]
    colours += [dashboard.Threshold(value=value, color=colour) for value, colour in above]
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(colours)


def ladder(rule: Rule) -> builders.ThresholdsConfig:
    """The thresholds of a rule of the catalogue, in the colours of its levels."""
    return steps(*((value, LEVEL_COLOURS[level]) for level, value in rule.levels.items()), below="transparent")


def as_lines() -> common_builders.GraphThresholdsStyleConfig:
    """Thresholds as dashed lines across the plot."""
    return common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)


def coloured(names: Mapping[str, str]) -> list[tuple[str, list[dashboard.DynamicConfigValue]]]:
    """Overrides that give series a colour by their names."""
    return [
        (name, [dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
        for name, colour in names.items()
    ]
