"""The texts that the collector's own tests go by, too: no secret is left of them, and what has none stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telemetry.clean import clean_line, clean_text, clean_value
from tests.planting import Hidden, Planter

TEXTS = json.loads(
    (Path(__file__).parents[1] / "otel-collector/redactionprocessor/testdata/texts.json").read_text("utf-8"),
)
_PIECE = 8


def planted(planter: Planter, text: str) -> tuple[Hidden, list[Hidden]]:
    """The text with 20 letters and digits for each `§`, and these."""
    first, *rest = text.split("§")
    secrets = [planter.some(20) for _ in rest]
    return Hidden(first + "".join(map(str.__add__, secrets, rest))), [Hidden(secret) for secret in secrets]


@pytest.mark.parametrize("number", range(len(TEXTS["gone"])), ids=lambda number: TEXTS["gone"][number]["kind"])
def test_a_secret_is_gone(number: int) -> None:
    text, secrets = planted(Planter(number), TEXTS["gone"][number]["text"])
    for around in ("§", "before\n§\nafter", "before. §"):
        whole = around.replace("§", text)
        shown = f"{clean_text(whole)} {clean_line(whole)} {clean_value([{'a': whole}])}"
        left = sum(secret[at : at + _PIECE] in shown for secret in secrets for at in range(len(secret) - _PIECE + 1))
        assert not left, f"text {number}"


@pytest.mark.parametrize("text", TEXTS["stays"])
def test_what_is_none_stays(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize("number", range(len(TEXTS["beside"])))
def test_what_stands_beside_one_stays(number: int) -> None:
    beside = TEXTS["beside"][number]
    text, secrets = planted(Planter(number), beside["text"])
    shown = clean_text(text)
    assert beside["keeps"] in shown
    left = sum(secret in shown for secret in secrets)
    assert not left
