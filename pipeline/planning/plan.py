"""What a plan says of every shape: its anomalies, their parts, and numbers of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.format.labels import variant_name


@dataclass(frozen=True)
class PlannedAnomaly:
    """An anomaly to be made. index: unique in its shape; target: part ids tried first; images: how many of it.

    donors: of a type that needs one, and before it is made: the shapes whose parts may be used.
    """

    index: int
    type: str
    target: tuple[int, ...]
    label: str
    images: int
    donors: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.index}_{self.type}"


@dataclass(frozen=True)
class Combination:
    """Images with several of a shape's anomalies, by name."""

    names: tuple[str, ...]
    images: int

    @property
    def variant(self) -> str:
        return variant_name(self.names)


@dataclass(frozen=True)
class ShapePlan:
    """A shape's anomalies, the number of images of it intact, and images with several anomalies."""

    anomalies: tuple[PlannedAnomaly, ...]
    normal_images: int
    several: tuple[Combination, ...] = ()


Plan = Mapping[str, ShapePlan]


def donor_shapes(plan: ShapePlan) -> tuple[str, ...]:
    """The other shapes that may be read where this plan is carried out, in order."""
    return tuple(sorted({shape_id for anomaly in plan.anomalies for shape_id in anomaly.donors}))
