"""`orchestrator-telemetry completion`: what makes the shell complete commands, flags, names and ids."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from telemetry.cli import options as opt
from telemetry.cli import suggest

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_BASH = """\
_orchestrator_telemetry() {
    local IFS=$'\\n' line
    COMPREPLY=()
    while read -r line; do
        COMPREPLY+=("${line%%$'\\t'*}")
    done < <(_ORCHESTRATOR_TELEMETRY_COMPLETE="${COMP_WORDS[*]:0:COMP_CWORD+1}" "$1" 2>/dev/null)
}
complete -o default -F _orchestrator_telemetry orchestrator-telemetry
"""

_ZSH = """\
#compdef orchestrator-telemetry
_orchestrator_telemetry() {
    local line word
    local -a found
    while IFS= read -r line; do
        word=${line%%$'\\t'*}
        if [[ $line == *$'\\t'* ]]; then
            found+=("${word//:/\\\\:}:${line#*$'\\t'}")
        else
            found+=("${word//:/\\\\:}")
        fi
    done < <(_ORCHESTRATOR_TELEMETRY_COMPLETE="${(F)words[1,CURRENT]}" ${words[1]} 2>/dev/null)
    if (( $#found )); then
        _describe -V orchestrator-telemetry found
    else
        _files
    fi
}
if [[ $funcstack[1] == _orchestrator-telemetry ]]; then
    _orchestrator_telemetry "$@"
else
    compdef _orchestrator_telemetry orchestrator-telemetry
fi
"""

_FISH = """\
function __orchestrator_telemetry
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l typed (commandline --current-token --cut-at-cursor)
    set -lx _ORCHESTRATOR_TELEMETRY_COMPLETE (begin
        printf '%s\\n' $words
        printf '%s' "$typed"
    end | string collect --no-trim-newlines)
    $words[1] 2>/dev/null
end
complete --command orchestrator-telemetry --arguments '(__orchestrator_telemetry)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@app.command()
def completion(
    shell: Annotated[
        str | None,
        typer.Argument(
            metavar="[bash|zsh|fish]", help="Yours, by $SHELL, where left out.", autocompletion=suggest.words(*SCRIPTS)
        ),
    ] = None,
) -> None:
    """Print a script by which your shell completes commands, flags, names of agents and clusters, and ids of alerts.
    Names and ids come from the running monitor; without one there are none, and nothing is slower for it.

    \b
    Examples:
      source <(orchestrator-telemetry completion bash)             # this shell
      orchestrator-telemetry completion bash > ~/.local/share/bash-completion/completions/orchestrator-telemetry
      orchestrator-telemetry completion zsh > "${fpath[1]}/_orchestrator-telemetry"
      orchestrator-telemetry completion fish > ~/.config/fish/completions/orchestrator-telemetry.fish

    Of names, those are offered that the shell needs no quotes for.

    Exit codes: 0 printed, 2 the shell is none of these.
    """
    named = shell or Path(os.environ.get("SHELL", "")).name
    if named not in SCRIPTS:
        opt.fail(f"the shell is {named!r}: it must be one of {', '.join(SCRIPTS)}", opt.BAD_SETTINGS)
    print(SCRIPTS[named], end="")
