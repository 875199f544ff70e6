"""Part groups of the paper's statistics: what a person would call the part, whatever its exact label."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from pipeline.format.labels import PAPER_TYPES

#: Longest matching label prefix decides. Covers every label of PartNet's merged chair hierarchy.
CHAIR_GROUPS = {
    "chair": "Others",
    "chair/chair_head": "Others",
    "chair/chair_back": "BackSurface",
    "chair/chair_back/back_surface": "BackSurface",
    "chair/chair_back/back_connector": "BackSupport",
    "chair/chair_back/back_support": "BackSupport",
    "chair/chair_back/back_frame": "BackFrame",
    "chair/chair_arm": "Arm",
    "chair/chair_base": "SurfaceBase",
    "chair/chair_base/regular_leg_base": "Leg",
    "chair/chair_base/foot_base": "Leg",
    "chair/chair_base/star_leg_base": "SurfaceBase",
    "chair/chair_base/star_leg_base/star_leg_set": "Leg",
    "chair/chair_base/star_leg_base/star_leg_set/caster": "Others",
    "chair/chair_base/star_leg_base/mechanical_control": "Others",
    "chair/chair_base/pedestal_base": "SurfaceBase",
    "chair/chair_seat": "SeatSurface",
    "chair/chair_seat/seat_surface": "SeatSurface",
    "chair/chair_seat/seat_support": "SeatSupport",
    "chair/chair_seat/seat_frame": "SeatFrame",
    "chair/footrest": "Footrest",
}

#: Images per group in BrokenChairs-180K, all five types together (authors' part statistics).
PAPER_IMAGES: Mapping[str, int] = MappingProxyType(
    {
        "Leg": 31_727,
        "BackSurface": 15_360,
        "Arm": 13_731,
        "SeatSurface": 9_649,
        "BackFrame": 6_271,
        "SeatFrame": 3_958,
        "SeatSupport": 2_716,
        "SurfaceBase": 2_329,
        "BackSupport": 2_143,
        "Footrest": 1_670,
        "Others": 2_278,
    }
)

#: How a group's images divide among ``PAPER_TYPES``, in thousands, where the authors' chart can be read; else evenly.
BY_TYPE: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "Leg": (6.1, 6.1, 7.9, 5.6, 6.0),
        "BackSurface": (2.8, 3.0, 2.6, 3.5, 3.6),
        "Arm": (2.9, 2.6, 2.5, 3.1, 2.7),
        "SeatSurface": (2.1, 2.4, 0.5, 3.0, 1.8),
        "BackFrame": (1.2, 1.2, 1.6, 1.1, 1.2),
        "SeatFrame": (0.85, 0.85, 0.85, 0.85, 0.65),
    }
)

#: Inner nodes that are one part to a person although the tree splits them further.
WHOLE_NODES = frozenset(
    {
        "chair_head",
        "chair_arm",
        "chair_base",
        "back_surface",
        "back_frame",
        "back_support",
        "seat_surface",
        "seat_frame",
        "seat_support",
        "star_leg_base",
        "pedestal_base",
        "mechanical_control",
        "caster",
        "footrest",
    }
)


@cache
def part_group(label: str) -> str:
    """Group of a label path.

    Labels of other categories, for which the paper has no table, are grouped by the second level of their tree.

    >>> part_group("chair/chair_arm/arm_connector"), part_group("bed/bed_unit/headboard")
    ('Arm', 'BedUnit')
    """
    names = label.split("/")
    for length in range(len(names), 0, -1):
        group = CHAIR_GROUPS.get("/".join(names[:length]))
        if group is not None:
            return group
    return "".join(word.capitalize() for word in names[min(1, len(names) - 1)].split("_"))


def paper_share(group: str, anomaly_type: str) -> float | None:
    """Share of the paper's images of a type that show a group; of all types for a type that it lacks.

    None for a group of another category.

    >>> round(paper_share("Arm", "faded"), 3), paper_share("BedUnit", "faded")  # 13,731 of 91,832
    (0.15, None)
    """
    if group not in PAPER_IMAGES:
        return None
    return _images(group, anomaly_type) / sum(_images(g, anomaly_type) for g in PAPER_IMAGES)


def _images(group: str, anomaly_type: str) -> float:
    if anomaly_type not in PAPER_TYPES:
        return PAPER_IMAGES[group]
    by_type = BY_TYPE.get(group, (1.0,) * len(PAPER_TYPES))
    return PAPER_IMAGES[group] * by_type[PAPER_TYPES.index(anomaly_type)] / sum(by_type)
