"""Every kind of source. A new one is a file and its place here: settings, commands and documentation follow."""

from telemetry.sources.base import SourceKind
from telemetry.sources.claude import source as claude
from telemetry.sources.process import source as process
from telemetry.sources.push import source as push
from telemetry.sources.tmux import source as tmux

BUILTIN: tuple[SourceKind, ...] = (tmux.KIND, claude.KIND, process.KIND, push.KIND)
"""In the order in which `auto` takes them: the first one names the cluster."""

BY_NAME = {kind.name: kind for kind in BUILTIN}
