"""A threshold for each alert level, as people write it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from telemetry.fields import STRICT, About, Number, words


class Ladder(BaseModel):
    """A threshold for each level, ascending: `300,600,900` or `{warning: 300, error: 600, critical: 900}`."""

    model_config = STRICT
    warning: Annotated[Number, Field(gt=0), About("a number above 0")]
    error: Annotated[Number, Field(gt=0), About("a number above 0")]
    critical: Annotated[Number, Field(gt=0), About("a number above 0")]

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        value = words(value)
        if isinstance(value, (list, tuple)):
            return dict(zip(("warning", "error", "critical"), value, strict=True))
        return value

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.warning <= self.error <= self.critical:
            raise ValueError("a ladder ascends")
        return self

    @property
    def steps(self) -> tuple[float, float, float]:
        """The thresholds of WARNING, ERROR and CRITICAL."""
        return self.warning, self.error, self.critical

    def __str__(self) -> str:
        return f"{self.warning:g}/{self.error:g}/{self.critical:g}"


A_LADDER = "three ascending numbers above 0 for WARNING, ERROR and CRITICAL, such as 300,600,900"
