"""What must not stand in the list: values of settings and variables that are secret, however they got into a text.

Libraries quote what they are given, in errors of their own: `Illegal header value b'Bearer …'`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from telemetry.clean import is_secret_key
from telemetry.doctor.asking import headers_of
from telemetry.doctor.finding import Finding
from telemetry.notify.addresses import pieces

HIDDEN = "(hidden)"
_SHORTEST = 4
_OURS = ("OTEL_", "ORCHESTRATOR_", "DD_", "ELASTICSEARCH_", "LOKI_", "PROMETHEUS_", "OTLP_", "KAFKA_")
"""What doctor hands to anybody; that of the channels is in the settings."""
_SCHEMES = ("bearer ", "basic ", "apikey ")


def secrets_of(settings: BaseModel, environ: Mapping[str, str]) -> list[str]:
    """Every secret text, in the forms in which it may be quoted, the longest first."""
    found: set[str] = set()
    for secret in _of_settings(settings):
        found |= pieces(secret) | {secret} if "://" in secret else {secret}
    for name, value in environ.items():
        if not name.startswith(_OURS):  # PWD names no password
            continue
        if is_secret_key(name):
            found.add(value)
        elif name.endswith("_HEADERS"):
            found |= set(_of_headers(value))
        elif "://" in value and "@" in value:
            found |= set(_of_url(value))
    found |= {secret.strip() for secret in found}
    found |= {repr(secret)[1:-1] for secret in found}  # as Python quotes a line break in it
    return sorted((secret for secret in found if len(secret) >= _SHORTEST), key=len, reverse=True)


def hide(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """The same findings without them."""
    held = list(secrets)
    return [replace(one, said=_without(one.said, held), todo=_without(one.todo, held)) for one in findings]


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _of_settings(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _of_settings(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _of_settings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _of_settings(item)


def _of_headers(text: str) -> Iterator[str]:
    """As OTEL_EXPORTER_OTLP_HEADERS has them (`name=value,…`), and as the collector's variables do (YAML)."""
    values = [pair.partition("=")[2] for pair in text.split(",")]
    for value in (*values, *headers_of(text).values()):
        for form in (value, unquote(value)):
            yield form
            scheme = next((one for one in _SCHEMES if form.lower().startswith(one)), "")
            yield form[len(scheme) :]


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
