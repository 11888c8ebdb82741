"""Secrets from files: `NAME_FILE` names a file that holds what `NAME` would say: no secret stands in an environment."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path

SECRETS = (
    "SLACK_WEBHOOK_URL",
    "SMTP_PASSWORD",
    "ORCHESTRATOR_WEBHOOK_URL",
    "ORCHESTRATOR_WEBHOOK_SECRET",
    "ALERTMANAGER_URL",
    "APPRISE_URLS",
    "ORCHESTRATOR_DEADMAN_URL",
    "OTEL_EXPORTER_OTLP_HEADERS",
)
"""What may come from a file. Tokens of the dashboard aren't here: their files are read again when they change."""
IN_FILE = "_FILE"
VARIABLES = tuple(name + IN_FILE for name in SECRETS)
LONGEST = 64 * 1024
"""Bytes; anything longer is the wrong file."""


class SecretFileError(ValueError):
    """A file that can't be used: one line naming the variable and the file, never what is in it."""


def read_into(environ: MutableMapping[str, str]) -> None:
    """Sets each variable whose file is named, without the white space around it. An empty file leaves it unset. Blocks.

    Raises:
        SecretFileError: The file can't be read, or the variable says something else already.
    """
    environ.update(_read(environ))


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program that is started from here gets to see of an environment: nothing that `read_into` read."""
    read = {name for name in SECRETS if environ.get(name + IN_FILE)}
    return {name: value for name, value in environ.items() if name not in read}


def _read(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in SECRETS:
        if not (file := environ.get(name + IN_FILE, "")):
            continue
        if (value := _text(name + IN_FILE, file)) and environ.get(name, value) != value:
            raise SecretFileError(f"{name} and {name}{IN_FILE} are both set: only one of them may be")
        if value:
            found[name] = value
    return found


def _text(variable: str, file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(LONGEST + 1)
    except OSError as error:
        raise SecretFileError(f"{variable}: {file}: {error.strerror}") from error
    if len(content) > LONGEST:
        raise SecretFileError(f"{variable}: {file} is longer than {LONGEST // 1024} KiB")
    try:
        return content.decode().strip()
    except UnicodeDecodeError as error:
        raise SecretFileError(f"{variable}: {file} is not text in UTF-8") from error
