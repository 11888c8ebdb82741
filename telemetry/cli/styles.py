"""A colour and a shape for each state, a colour for each level."""

STYLES = {
    "busy": "green",
    "idle": "blue",
    "waiting": "bold yellow",
    "unresponsive": "bold yellow",
    "stopped": "bold red",
    "unknown": "magenta",
}

SHAPES = {"busy": "●", "idle": "○", "waiting": "◆", "unresponsive": "▲", "stopped": "■", "unknown": "?"}
"""A shape for each state: it is told without colours, too."""

LEVEL_STYLES = {"warning": "yellow", "error": "bold red", "critical": "bold white on red", "info": "green"}
"""A colour for each level of an alert."""
