"""A colour for each state, where a terminal has colours."""

STYLES = {
    "busy": "green",
    "idle": "blue",
    "waiting": "bold yellow",
    "unresponsive": "bold yellow",
    "stopped": "bold red",
    "unknown": "magenta",
}
