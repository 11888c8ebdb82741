"""Joins the layers – flags over environment over file over profile – and remembers where every value came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from telemetry.control import TOKEN_VARIABLE, URL_VARIABLE
from telemetry.notify import BUILTIN
from telemetry.secret_files import VARIABLES as SECRET_FILES
from telemetry.settings import layers as layer
from telemetry.settings.about import Kind, Known, Origin, value_of
from telemetry.settings.about import Path as Place
from telemetry.settings.explain import explain, explain_alone, named, suggestion
from telemetry.settings.files import SettingsError
from telemetry.settings.layers import KNOWN, VARIABLES, Flags, Layer, Source
from telemetry.settings.places import settings_files
from telemetry.settings.tree import Settings

CONFIG_VARIABLE = "ORCHESTRATOR_CONFIG"
CACHE_VARIABLE = "ORCHESTRATOR_CACHE_DIR"
PREFIX = "ORCHESTRATOR_"
COLLECTORS_PREFIX = "ORCHESTRATOR_COLLECTOR_"
"""The bundled collector's own variables, which its README lists."""

RECOMMENDED_INTERVALS: Mapping[str, tuple[float, float]] = {
    "development": (10.0, 30.0),
    "staging": (5.0, 10.0),
    "production": (5.0, 5.0),
}
"""Check intervals in seconds, from and to, that each profile recommends. Others are allowed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with their history.

    Attributes:
        settings: What is in force.
        origins: Where each value came from, by its place in the tree; every setting is there.
        file: The settings file that was read, or None.
        warnings: One line each: what was set and has no effect.
    """

    settings: Settings
    origins: Mapping[Place, Origin]
    file: Path | None
    warnings: tuple[str, ...]

    def all(self) -> Iterator[tuple[Known, Any, Origin]]:
        """Every setting: what is known of it, its value in force, and where that came from."""
        for place, known in KNOWN.items():
            yield known, value_of(self.settings, place), self.origins[place]

    def note_on_interval(self) -> str:
        """One line where the check interval is outside what the profile recommends, else ""."""
        low, high = RECOMMENDED_INTERVALS[self.settings.profile]
        if low <= self.settings.check_interval <= high:
            return ""
        interval, profile = self.settings.check_interval, self.settings.profile
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"checking every {interval:g} s; for {profile}, {span} s is recommended"


def load(
    flags: Flags | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    file: str | None = None,
) -> Loaded:
    """Reads every layer and joins them.

    Args:
        flags: What the command line gave.
        environ: The environment; the process's own by default.
        cwd: Where `./orchestrator-telemetry.yaml` is looked for; the current folder by default.
        file: The settings file from the command line; before ORCHESTRATOR_CONFIG.

    Raises:
        SettingsError: A value, a key or the file can't be used; one line.
    """
    environ = os.environ if environ is None else environ
    path = _settings_file(file, environ, cwd or Path.cwd())
    layers = [layer.from_flags(flags or {}), layer.from_environment(environ), layer.from_file(path)]
    _check_alone(layers)
    layers += [layer.from_profile(layers), layer.from_defaults(environ)]
    try:
        merged = _joined(layers)
    except ValidationError as error:
        raise SettingsError(explain(error, layers)) from None
    _check_names(merged, layers)
    settings = Settings.model_construct(**{name: getattr(merged, name) for name in Settings.model_fields})
    warnings = (*_unknown_variables(environ), *_without_effect(settings, layers))
    return Loaded(settings, {place: _origin(place, layers) for place in KNOWN}, path, warnings)


class _Layered(Settings):
    """Settings that come from the layers given at the making, and from nowhere else."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        layers: Sequence[Layer] = cast("InitSettingsSource", init_settings).init_kwargs["layers"]
        return tuple(Source(held) for held in layers)


def _joined(layers: Sequence[Layer]) -> Settings:
    """The settings by these layers. Raises ValidationError."""
    given: dict[str, Any] = {"layers": layers}
    return _Layered(**given)


def _check_alone(layers: Iterable[Layer]) -> None:
    """What a layer above hides must be right all the same: one day it is in force. Raises SettingsError."""
    for held in layers:
        try:
            _joined([held])
        except ValidationError as error:
            if wrong := explain_alone(error, held):
                raise SettingsError(wrong) from None


def _check_names(settings: Settings, layers: Sequence[Layer]) -> None:
    """What one setting says of another must be there. Raises SettingsError."""
    known = [kind.name for kind in BUILTIN]
    for number, further in enumerate(settings.channels.more):
        where = named(("channels", "more", number, "name"), layers)
        if further.name in known:
            raise SettingsError(f"{where} is {further.name!r}: it must be a name that no other channel has")
        known.append(further.name)
    for number, route in enumerate(settings.routes):
        if unknown := [name for name in route.channels if name not in known]:
            where = named(("routes", number, "channels"), layers)
            raise SettingsError(f"{where} is {unknown[0]!r}: it must be one of {', '.join(known)}")


def _settings_file(given: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    if named := given or environ.get(CONFIG_VARIABLE):
        return (cwd / Path(named).expanduser()).absolute()
    return next((path for path in settings_files(environ, cwd) if _exists(path)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that isn't ours to look into holds no settings of ours
        return False


def _origin(place: Place, layers: Sequence[Layer]) -> Origin:
    return next((held.origin(place) for held in layers if held.has(place)), Origin(Kind.DEFAULT))


def _unknown_variables(environ: Mapping[str, str]) -> Iterable[str]:
    known = {CONFIG_VARIABLE, CACHE_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE, *VARIABLES, *SECRET_FILES}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not name.startswith(COLLECTORS_PREFIX):
            yield f"{name} is not known and has no effect{suggestion(name, known)}"


_OF_THE_ONLY_CLUSTER = (
    ("cluster_name",), ("cluster_file",), ("sources",), ("tmux", "socket"), ("tmux", "session"), ("tmux", "events"),
    ("process", "agents"),
    ("claude", "team"),
)  # fmt: skip


def _without_effect(settings: Settings, layers: Sequence[Layer]) -> Iterable[str]:
    for kind in BUILTIN:
        if variable := getattr(settings.channels, kind.name).lacks():
            yield f"the channel {kind.name} is off: {variable} is not set"
    if not settings.clusters:
        return
    for place in _OF_THE_ONLY_CLUSTER:
        if any(held.has(place) for held in layers):
            yield f"{named(place, layers)} has no effect: the list `clusters` says what is watched"
