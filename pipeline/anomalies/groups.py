"""Part groups of the paper's statistics: what a person would call the part, whatever its exact label."""

from __future__ import annotations

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
CHAIR_WEIGHTS = {
    "Leg": 31_727.0,
    "BackSurface": 15_360.0,
    "Arm": 13_731.0,
    "SeatSurface": 9_649.0,
    "BackFrame": 6_271.0,
    "SeatFrame": 3_958.0,
    "SeatSupport": 2_716.0,
    "SurfaceBase": 2_329.0,
    "BackSupport": 2_143.0,
    "Footrest": 1_670.0,
    "Others": 2_278.0,
}

#: Inner nodes that are one part to a person although the tree splits them further.
WHOLE_NODES = frozenset(
    {
        "chair_head",
        "chair_arm",
        "back_surface",
        "back_frame",
        "seat_surface",
        "seat_frame",
        "pedestal_base",
        "mechanical_control",
        "caster",
        "footrest",
    }
)


def part_group(label: str) -> str:
    """Group of a label path, e.g. ``chair/chair_arm/arm_connector`` -> ``Arm``.

    Labels of other categories, for which the paper has no table, are grouped by their last
    component: ``table/regular_table/tabletop`` -> ``Tabletop``.
    """
    names = label.split("/")
    for length in range(len(names), 0, -1):
        group = CHAIR_GROUPS.get("/".join(names[:length]))
        if group is not None:
            return group
    return "".join(word.capitalize() for word in names[-1].split("_"))


def group_weight(group: str) -> float:
    """Relative frequency with which a group is acted on; equal for groups without a count in the paper."""
    return CHAIR_WEIGHTS.get(group, 1.0)
