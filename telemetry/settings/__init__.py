"""What is set, and where it came from: flags over environment over file over profile. See `tree.py` for every name."""

from telemetry.settings.about import Kind, Origin
from telemetry.settings.files import SettingsError
from telemetry.settings.ladder import Ladder
from telemetry.settings.layers import Flags
from telemetry.settings.loading import Loaded, load
from telemetry.settings.tree import AUTO, Cluster, Dashboard, Settings

__all__ = [
    "AUTO",
    "Cluster",
    "Dashboard",
    "Flags",
    "Kind",
    "Ladder",
    "Loaded",
    "Origin",
    "Settings",
    "SettingsError",
    "load",
]
