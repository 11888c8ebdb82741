"""What the document of the API says: a model for each answer. For reading only: no answer is validated at run time.

A route writes `responses=documented(Model, 404)`, and answers with `telemetry.web.answers.answer` as before. What can
happen to every route (422 for a wrong parameter, 401, 403, 405, 413) is added by telemetry/web/openapi.py.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_MEANINGS = {
    400: "The request can't be read.",
    401: "No token, or one that isn't known.",
    403: "The token's role may not do this, or it comes from a foreign page, host or machine.",
    404: "Nothing has this name.",
    409: "It can't be done as things are.",
    413: "The body is too long.",
    422: "A parameter or the body is not as it must be.",
    429: "Too often.",
    503: "It can't be told now.",
}


ERROR = "#/components/schemas/Error"
"""Where the document holds the model of every error."""


class Described(BaseModel):
    """The base of every model of an answer: a field that it doesn't name is a fault, which a test finds."""

    model_config = ConfigDict(extra="forbid")


class Error(Described):
    """What is wrong."""

    detail: str = Field(description="What is wrong and what is allowed, in one line.")


def documented(model: Any, *errors: int, media_type: str = "application/json") -> dict[int | str, dict[str, Any]]:
    """What a route can answer: the value of its `responses=`.

    Args:
        model: The model of the answer (200), each field with a description and its unit; None: it has no body, or it
            is text, then `media_type` says of which kind.
        errors: The statuses of its own errors, whose body is an `Error`; those that every route has are added.
        media_type: The kind of the answer; anything but JSON is described as text.
    """
    known: dict[int | str, dict[str, Any]] = {status: described(status) for status in errors}
    if media_type != "application/json":
        schema = {"type": "string"}
        return {200: {"description": "OK", "content": {media_type: {"schema": schema}}}, **known}
    return {200: {"description": "OK", **({"model": model} if model is not None else {})}, **known}


def described(status: int) -> dict[str, Any]:
    """An error in the document. By its name alone: a model that FastAPI is given costs it time for each status."""
    return {"description": _MEANINGS[status], "content": {"application/json": {"schema": {"$ref": ERROR}}}}
