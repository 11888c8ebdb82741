"""Every kind of source. A new one is a file and its place here: settings, commands and documentation follow."""

from telemetry.sources import claude, process, push, tmux
from telemetry.sources.base import SourceKind

BUILTIN: tuple[SourceKind, ...] = (tmux.KIND, claude.KIND, process.KIND, push.KIND)
"""In the order in which `auto` takes them: the first one names the cluster."""

BY_NAME = {kind.name: kind for kind in BUILTIN}
