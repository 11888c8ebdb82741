"""Under which licences what is inside may be passed on: by the modules' own files and the packages' own words."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from telemetry.collector import find_go, sources_dir

_FILE = re.compile(r"^(licen[cs]e|copying|unlicense|notice)", re.IGNORECASE)
# The first whose words all stand in the text.
_FORMS = (
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("AGPL-3.0", ("gnu affero general public license",)),
    ("LGPL-3.0", ("gnu lesser general public license",)),
    ("GPL-3.0", ("gnu general public license",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "may not be used to endorse")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("MIT", ("permission is hereby granted, free of charge",)),
    ("ISC", ("permission to use, copy, modify, and",)),
    ("Unlicense", ("this is free and unencumbered software",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is inside: a Go module or a Python package. `licence` is "" where none is known."""

    name: str
    version: str
    licence: str
    text: str = ""


def kind_of(text: str) -> str:
    """The SPDX name of a licence's text, or ""."""
    words = " ".join(text.lower().split())
    return next((name for name, needed in _FORMS if all(word in words for word in needed)), "")


def go_modules() -> list[Part]:
    """Every module that is compiled into the collector, sorted. Needs Go and the module cache, which it fills."""
    done = subprocess.run(
        [
            str(find_go()),
            "list",
            "-deps",
            "-f",
            "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}",
            ".",
        ],
        cwd=sources_dir(),
        capture_output=True,
        text=True,
        check=True,
    )
    rows = sorted({tuple(line.split("\t")) for line in done.stdout.splitlines() if line})
    return [_go_part(name, version, Path(folder)) for name, version, folder in rows]


def _go_part(name: str, version: str, folder: Path) -> Part:
    files = sorted(path for path in folder.iterdir() if path.is_file() and _FILE.match(path.name))
    text = "\n\n".join(path.read_text(encoding="utf-8", errors="replace").strip() for path in files)
    return Part(name, version, kind_of(text), text)


def python_packages(lock: Path) -> list[Part]:
    """What requirements.lock names and is installed here, by its own metadata."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)
    found = []
    for name in names:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        found.append(Part(name, distribution.version, _stated(distribution.metadata)))
    return found


def _stated(metadata: importlib.metadata.PackageMetadata) -> str:
    for key in ("License-Expression", "License"):
        stated = (metadata.get_all(key) or [""])[0]
        if stated and len(stated) < 60:  # noqa: PLR2004 - longer is the whole text
            return str(stated)
    classifiers = metadata.get_all("Classifier") or []
    names = [text.rsplit(" :: ", 1)[-1] for text in classifiers if text.startswith("License :: ")]
    return ", ".join(names) or kind_of((metadata.get_all("License") or [""])[0])


def listed(parts: list[Part]) -> str:
    """One line a part, then each text once, under the names of those that it is of."""
    lines = [f"{part.name} {part.version}: {part.licence or 'unknown'}" for part in parts]
    owners: dict[str, list[str]] = {}
    for part in parts:
        if part.text:
            owners.setdefault(part.text, []).append(part.name)
    for text, names in owners.items():
        lines += ["", "=" * 80, ", ".join(names), "", text]
    return "\n".join(lines) + "\n"
