"""What the program says of agents, alerts, sources, channels and backends, in other languages: the English is the key.

Everything is said, sent and kept in English; whoever shows it to people looks it up here, old records too. `ja.json`
holds pairs of templates, of which the dashboard uses the same file (static/phrases.js). In a template stand

    {name}          any text, which stays as it is: what an agent or a person wrote is never translated
    {!name}         the same without a blank: a number, a pane
    {+name}         a sentence, translated where it is known
    {=name}         a sentence that must be known, or the template doesn't fit
    {#name@class}   a word of that class, which must be known

Of the templates that fit, one that begins with text of its own, or a known word, holds before one that begins with any
text, and one with more text before one with less. A sentence that isn't known stays English.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

LONGEST = 2_000
"""Characters of a sentence that is looked up."""
_MOST_TRIED = 100
"""Sentences within one that are looked up: what agents write may be made of any number."""
_MOST_KEPT = 500
_HOLE = re.compile(r"\{([!+=#]?)(\w+)(?:@(\w+))?\}")


class _Hole(NamedTuple):
    kind: str
    name: str
    words: str


class _Template(NamedTuple):
    texts: Sequence[str]
    """Around the holes: one more than there are."""
    holes: Sequence[_Hole]
    translation: str


class Phrasebook:
    """Translations into one language.

    Args:
        held: `words` by class and `sentences` by subject, each as pairs of English and the translation.
    """

    def __init__(self, held: Mapping[str, Mapping[str, Sequence[tuple[str, str]]]]) -> None:
        pairs = [(english, other) for subject in held["sentences"].values() for english, other in subject]
        self._words = {name: dict(of) for name, of in held["words"].items()}
        self._whole = {english: other for english, other in pairs if not _HOLE.search(english)}
        self._templates = sorted(
            (_template(english, other) for english, other in pairs if _HOLE.search(english)),
            key=_first_tried,
        )
        self._kept: OrderedDict[str, str | None] = OrderedDict()

    def find(self, text: str) -> str | None:
        """The translation, or None: it isn't known."""
        if text in self._kept:
            return self._kept[text]
        found = self._kept[text] = self._find(text, iter(range(_MOST_TRIED))) if len(text) <= LONGEST else None
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _find(self, text: str, tries: Iterator[int]) -> str | None:
        if text in self._whole or next(tries, None) is None:
            return self._whole.get(text)
        for template in self._templates:
            if (values := _fitting(template.texts, text)) is not None and (
                filled := self._filled(template, values, tries)
            ) is not None:
                return filled
        return None

    def _filled(self, template: _Template, values: Sequence[str], tries: Iterator[int]) -> str | None:
        shown: dict[str, str] = {}
        for hole, value in zip(template.holes, values, strict=True):
            said: str | None = value
            if hole.kind == "!":
                said = None if " " in value else value
            elif hole.kind == "#":
                said = self._words[hole.words].get(value)
            elif hole.kind:
                said = self._find(value, tries) or (value if hole.kind == "+" else None)
            if said is None:
                return None
            shown[hole.name] = said
        return _HOLE.sub(lambda hole: shown[hole[2]], template.translation)


def _template(english: str, translation: str) -> _Template:
    found = list(_HOLE.finditer(english))
    begins, ends = [0, *(hole.end() for hole in found)], [*(hole.start() for hole in found), len(english)]
    texts = [english[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return _Template(texts, [_Hole(hole[1], hole[2], hole[3] or "") for hole in found], translation)


def _first_tried(template: _Template) -> tuple[bool, int]:
    begins = bool(template.texts[0]) or template.holes[0].kind == "#"
    return not begins, -sum(map(len, template.texts))


def _fitting(texts: Sequence[str], text: str) -> list[str] | None:
    """What fills the holes, each as short as can be and none empty; None where it doesn't fit. Linear in the text."""
    first, *between, last = texts
    if not text.startswith(first) or not text.endswith(last):
        return None
    at, end = len(first), len(text) - len(last)
    values = []
    for part in between:
        found = text.find(part, at + 1, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(part)
    if at >= end:
        return None
    return [*values, text[at:end]]


def raw(language: str) -> bytes:
    """The file of one language, as the dashboard gets it."""
    return files(__name__).joinpath(f"{language}.json").read_bytes()


@cache
def phrasebook(language: str) -> Phrasebook:
    """The phrasebook of a language other than English."""
    import json

    held: Any = json.loads(raw(language))
    return Phrasebook(held)


def said(text: str, language: str) -> str:
    """A sentence in a language; as it is where that is English, or the sentence isn't known."""
    return text if language == "en" else phrasebook(language).find(text) or text
