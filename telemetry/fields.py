"""What settings are made of, wherever they stand: the kinds of values, and what is known of each beside its type.

A leaf: a channel's settings stand beside its code, and the tree of all settings takes them from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class About:
    """Stands in a field's annotation, for messages, `config` and the environment.

    Attributes:
        allowed: What a value may be, in words that end «… must be».
        variable: The environment variable that sets it, or "" where only a file does.
        secret: Its value is never printed.
    """

    allowed: str
    variable: str = ""
    secret: bool = False


class TogetherError(ValueError):
    """Settings of one section don't go together.

    Args:
        said: Why, with each setting in braces, as in `{tls_key} is missing`: whoever knows where they stand names them.
    """

    def __init__(self, said: str) -> None:
        super().__init__(said.replace("{", "").replace("}", ""))
        self.said = said


STRICT = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, hide_input_in_errors=True)
MAX_NAME = 100
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 512
A_TOKEN = f"a token of {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters without blanks"


def no_truth(value: Any) -> Any:
    """YAML's `yes` and `on` are truth values, and Python's truth values are numbers: not here."""
    if isinstance(value, bool):
        raise ValueError("a truth value is no number")  # noqa: TRY004 - pydantic turns only ValueError into its own
    return value


def lower(value: Any) -> Any:
    """Words in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def token_fault(token: str) -> str:
    """Why somebody's own token can't be used, in words that follow «it must be»; "" where it can."""
    if SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN and all("!" <= letter <= "~" for letter in token):
        return ""
    return A_TOKEN


def words(value: Any) -> Any:
    """`a,b` and `a b` as well as a list."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _printable(value: str) -> str:
    if not value.strip() or len(value) > MAX_NAME or not value.isprintable():
        raise ValueError("not a name")
    return value


def _home(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, (str, Path)) and str(value) else value


Number = Annotated[float, BeforeValidator(no_truth), Field(allow_inf_nan=False)]
Name = Annotated[str, AfterValidator(_printable)]
SomePath = Annotated[Path, BeforeValidator(_home)]
Whole = Annotated[int, BeforeValidator(no_truth)]
Days = Annotated[Whole, Field(ge=1, le=3650)]
Seconds = Annotated[Number, Field(ge=0.1, le=86_400)]
A_SECOND = "a number of seconds from 0.1 to 86400"
A_DAY = "a whole number of days from 1 to 3650"
A_NAME = f"a printable name of 1 to {MAX_NAME} characters"
A_FOLDER = "the path of a folder"
