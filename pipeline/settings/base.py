"""What settings are made of: the strict model, and the types of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt

Number = TypeVar("Number", int, float)


def ordered(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] > pair[1]:
        raise ValueError(f"a range is [low, high], got {list(pair)}")
    return pair


def power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError("must be a power of two")
    return value


Range = Annotated[tuple[float, float], AfterValidator(ordered)]
Count = Annotated[int, Field(ge=0)]
CountRange = Annotated[tuple[Count, Count], AfterValidator(ordered)]
AtLeastTwo = Annotated[int, Field(ge=2)]
PositiveCountRange = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(ordered)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
FractionRange = Annotated[tuple[Fraction, Fraction], AfterValidator(ordered)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(ordered)]


class StrictModel(BaseModel):
    """Base of all settings: immutable, unknown keys are errors, no NaN.

    RENAMED: keys of earlier releases, and what they are called now.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
