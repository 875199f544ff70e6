"""Settings of the plan: how many of what, and which split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.format.labels import PAPER_TYPES
from pipeline.settings.base import AtLeastTwo, Count, Fraction, PositiveCountRange, StrictModel, ordered


class SplitConfig(StrictModel):
    """Shares of shapes per split; the paper's are 138K/13K/26K images."""

    train: Fraction = Field(0.78, description="share of models in the training split")
    val: Fraction = Field(0.075, description="share in the validation split")
    test: Fraction = Field(0.145, description="share in the test split")

    @model_validator(mode="after")
    def _sums_to_one(self) -> SplitConfig:
        if abs(self.train + self.val + self.test - 1.0) > 1e-6:
            raise ValueError(f"shares must sum to 1, got {self.train} + {self.val} + {self.test}")
        return self


class ImageCounts(StrictModel):
    """How many images of one kind, and how they spread over shapes (paper, Table 1)."""

    RENAMED: ClassVar[Mapping[str, str]] = {"views": "images_per_shape"}

    images: float = Field(3.0, ge=0, description="images, for plan.of_shapes shapes")
    images_per_shape: PositiveCountRange = Field((1, 7), description="fewest and most images of one shape that has any")
    median: Count | None = Field(None, description="median number of images of a shape that has any; null to leave it")


class TypeCounts(ImageCounts):
    """The same of one anomaly type; it is left out where ``shapes`` or ``images`` is 0."""

    shapes: float = Field(1.0, ge=0, description="shapes that get an anomaly of the type, for plan.of_shapes shapes")
    per_shape: int = Field(1, ge=1, description="anomalies of the type in such a shape, each with images_per_shape")

    @model_validator(mode="after")
    def _can_be_had(self) -> TypeCounts:
        low, high = (self.shapes * self.per_shape * end for end in self.images_per_shape)
        if self.images and self.shapes and not low <= self.images <= high:
            raise ValueError(
                f"{self.images:g} images cannot be had from {self.shapes:g} shapes with {self.per_shape} anomalies and "
                f"{self.images_per_shape[0]} to {self.images_per_shape[1]} images each: {low:g} to {high:g} can"
            )
        return self


def usual_counts(of_shapes: float) -> TypeCounts:
    """A type in every shape, three images of each, for a plan of so many shapes."""
    return TypeCounts(shapes=of_shapes, images=3 * of_shapes)


class SeveralCounts(ImageCounts):
    """Images with more than one of a shape's anomalies, on different parts."""

    images: float = Field(0.0, ge=0, description="images, for plan.of_shapes shapes")
    shapes: float = Field(0.0, ge=0, description="shapes that get such images, for plan.of_shapes shapes")
    together: Annotated[tuple[AtLeastTwo, AtLeastTwo], AfterValidator(ordered)] = Field(
        (2, 3), description="anomalies in one image"
    )

    @model_validator(mode="after")
    def _can_be_had(self) -> SeveralCounts:
        low, high = (self.shapes * end for end in self.images_per_shape)
        if not low <= self.images <= high:
            raise ValueError(
                f"{self.images:g} images cannot be had from {self.shapes:g} shapes with {self.images_per_shape[0]} to "
                f"{self.images_per_shape[1]} images each: {low:g} to {high:g} can"
            )
        return self


class PlanConfig(StrictModel):
    """How many shapes and images of what (paper, Table 1), scaled to the number of shapes at hand."""

    of_shapes: float = Field(1.0, gt=0, description="the counts below are for this many shapes")
    types: dict[str, TypeCounts] = Field({}, description="by anomaly type; the paper's five are there unless set")
    normal: ImageCounts = Field(
        ImageCounts(images=8.0, images_per_shape=(1, 12)), description="images of the intact shapes"
    )
    several: SeveralCounts = Field(SeveralCounts(), description="beyond the paper: more than one anomaly in an image")
    part_groups: Literal["paper", "salience"] = Field(
        "paper", description="which parts: as often as in the paper where it says, or by what is seen of them alone"
    )
    top_up: bool = Field(True, description="let other shapes stand in where an anomaly is impossible or never seen")

    @model_validator(mode="before")
    @classmethod
    def _with_paper_types(cls, settings: Any) -> Any:
        if not isinstance(settings, dict) or not isinstance(settings.get("types", {}), dict):
            return settings  # which is refused
        try:
            usual = usual_counts(float(settings.get("of_shapes", 1.0)))
        except (TypeError, ValueError, OverflowError):
            return settings  # likewise
        return {**settings, "types": {**dict.fromkeys(PAPER_TYPES, usual), **settings.get("types", {})}}
