"""Materials of parts: rules that hold for any tree of labels, and frequencies that the table promises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.appearance.assignment import assign_materials
from pipeline.appearance.harmony import goes_with
from pipeline.appearance.library import Library
from pipeline.appearance.priors import load_priors
from pipeline.errors import PipelineError
from pipeline.seeding import rng
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import list_partnet, read_partnet
from pipeline.shapes.shape import Hardness, Part, Shape
from tests.appearance.libraries import catalogue_library, swatch

LIBRARY = catalogue_library()
BOX = trimesh.creation.box()
SEAT, BACK = "chair/chair_seat/seat_surface/seat_single_surface", "chair/chair_back/back_surface/back_single_surface"
LEG, RAIL = "chair/chair_base/regular_leg_base/leg", "chair/chair_seat/seat_frame/seat_frame_bar"
LABELS = [
    SEAT,
    BACK,
    LEG,
    RAIL,
    "chair",
    "chair/chair_head/headrest",
    "chair/chair_back/back_surface/back_surface_vertical_bar",
    "chair/chair_arm/arm_sofa_style",
    "chair/chair_arm/arm_horizontal_bar",
    "chair/chair_arm/arm_writing_table",
    "chair/chair_base/star_leg_base/star_leg_set/leg",
    "chair/chair_base/star_leg_base/star_leg_set/caster/wheel",
    "chair/chair_base/star_leg_base/mechanical_control/lever",
    "chair/footrest/chair_seat/seat_surface",
    "spaceship/hull/rivet",
    "spaceship/engine/nozzle",
]


def _shape(*parts: tuple[str, Hardness | None], name: str = "1") -> Shape:
    made = (Part(n + 1, label, 0, (0, n), BOX, hint) for n, (label, hint) in enumerate(parts))
    return Shape(name, "", "Chair", tuple(made))


def _share(shape: Shape, condition: Callable[[list[str], Mapping[int, str]], bool | None]) -> float:
    """Share of texture ids for which ``condition(classes, materials)`` is true, those where it is None left out."""
    chosen = [assign_materials(shape, t, LIBRARY, 0).materials for t in range(400)]
    results = [condition([LIBRARY[worn[p.part_id]].material_class for p in shape.parts], worn) for worn in chosen]
    kept = [r for r in results if r is not None]
    return sum(kept) / len(kept)


any_parts = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([None, "soft", "hard"])), min_size=1)


@settings(max_examples=150, deadline=None)
@given(any_parts, st.integers(0, 10_000), st.integers(0, 5))
def test_rules_hold_for_any_tree(parts: list[tuple[str, Hardness | None]], texture_id: int, seed: int) -> None:
    shape = _shape(*parts)
    worn = assign_materials(shape, texture_id, LIBRARY, seed).materials
    assert list(worn) == [p.part_id for p in shape.parts]
    assert len(set(worn.values())) <= 4
    by_group = defaultdict(set)
    for part in shape.parts:
        material_class = LIBRARY[worn[part.part_id]].material_class
        by_group[load_priors().zone_of(part.label), part.hardness].add(worn[part.part_id])
        if part.hardness == "soft":
            assert material_class not in ("wood", "metal")
        if part.hardness == "hard":
            assert material_class not in ("fabric", "leather")
    assert all(len(names) == 1 for names in by_group.values())


def test_choice_depends_on_nothing_but_seed_shape_and_texture() -> None:
    shape = _shape((SEAT, "soft"), (LEG, None))
    first = assign_materials(shape, 7, LIBRARY, 0)
    assign_materials(_shape((BACK, None), name="2"), 8, LIBRARY, 0)
    assert assign_materials(shape, 7, LIBRARY, 0) == first
    looks = {tuple(assign_materials(shape, t, LIBRARY, 0).materials.values()) for t in range(30)}
    assert len(looks) > 20
    seeds = {tuple(assign_materials(shape, 7, LIBRARY, s).materials.values()) for s in range(30)}
    assert len(seeds) > 20
    shapes = [_shape((SEAT, "soft"), (LEG, None), name=str(n)) for n in range(30)]
    assert len({tuple(assign_materials(s, 7, LIBRARY, 0).materials.values()) for s in shapes}) > 20


def test_order_of_parts_does_not_matter() -> None:
    parts: list[tuple[str, Hardness | None]] = [(SEAT, "soft"), (LEG, None), (BACK, "soft"), (RAIL, None)]
    for texture_id in range(20):
        forward = assign_materials(_shape(*parts), texture_id, LIBRARY, 0).materials
        backward = assign_materials(_shape(*parts[::-1]), texture_id, LIBRARY, 0).materials
        assert [forward[n] for n in (1, 2, 3, 4)] == [backward[n] for n in (4, 3, 2, 1)]


def test_seat_and_back_usually_but_not_always_agree() -> None:
    share = _share(_shape((SEAT, "soft"), (BACK, "soft")), lambda _, worn: worn[1] == worn[2])
    assert 0.8 < share < 0.95


def test_wooden_seat_often_has_legs_of_the_same_wood() -> None:
    def same(classes: list[str], worn: Mapping[int, str]) -> bool | None:
        return worn[1] == worn[2] if classes[0] == "wood" else None

    assert 0.55 < _share(_shape((SEAT, "hard"), (LEG, None)), same) < 0.9


def test_surface_without_a_hint_is_sometimes_upholstered_and_sometimes_not() -> None:
    share = _share(_shape((SEAT, None)), lambda classes, _: classes[0] in ("fabric", "leather"))
    assert 0.4 < share < 0.65


def test_cushion_without_a_hint_takes_after_the_soft_part_of_its_seat() -> None:
    assert _share(_shape((SEAT, "soft"), (SEAT, None)), lambda _, worn: worn[1] == worn[2]) == 1.0


def test_star_base_is_of_metal_or_plastic_even_under_a_wooden_seat() -> None:
    star = "chair/chair_base/star_leg_base/star_leg_set/leg"
    share = _share(_shape((SEAT, "hard"), (RAIL, None), (star, None)), lambda classes, _: classes[2] == "wood")
    assert share < 0.06


def test_unknown_category_is_grouped_by_its_second_level() -> None:
    shape = _shape(("ship/hull/plate", None), ("ship/hull/rib/web", None), ("ship/sail", None))
    worn = [assign_materials(shape, t, LIBRARY, 0).materials for t in range(40)]
    assert all(w[1] == w[2] for w in worn)
    assert sum(w[1] != w[3] for w in worn) > 20


def test_catalogue_without_a_fitting_class_is_refused() -> None:
    only_wood = Library(LIBRARY.of_class("wood"))
    with pytest.raises(PipelineError, match="no material for seat; it needs one of: fabric, leather, plastic"):
        assign_materials(_shape((SEAT, "soft")), 0, only_wood, 0)


def test_what_a_zone_avoids_it_never_wears() -> None:
    avoided = {name for name, zone in load_priors().zones.items() if zone.avoid}
    assert "legs" in avoided
    zone = load_priors().zone("legs")
    shape = _shape((SEAT, None), (LEG, None))
    for texture_id in range(300):
        leg = LIBRARY[assign_materials(shape, texture_id, LIBRARY, 0).materials[2]]
        assert zone.suits(leg.name, leg.style), leg


def test_libraries_are_mixed_by_weight() -> None:
    names = {"oak": 3.0, "elm": 1.0}
    library = Library(tuple(swatch(n, "wood", (50 + w * 20, 0, 0), weight=w) for n, w in names.items()))
    worn = [assign_materials(_shape((LEG, None)), t, library, 0).materials[1] for t in range(400)]
    assert 0.68 < worn.count("oak") / 400 < 0.82


def test_colours_of_an_object_go_together() -> None:
    harmony = load_priors().harmony
    shape = _shape((SEAT, "soft"), (LEG, None), ("chair/chair_arm/arm_horizontal_bar", None))
    clashes = 0
    for texture_id in range(200):
        worn = [LIBRARY[name] for name in assign_materials(shape, texture_id, LIBRARY, 0).materials.values()]
        clashes += not all(goes_with(a, b, harmony) for a in worn for b in worn)
    assert clashes <= 2


def test_every_part_of_real_chairs_falls_under_a_rule_of_the_table(shared_data: Path) -> None:
    priors, root = load_priors(), shared_data / "partnet"
    for shape_id in list_partnet(root, "Chair")[:4]:
        shape = read_partnet(root / shape_id, ShapesConfig())
        assert all(priors.zone_of(part.label) in priors.zones for part in shape.parts)
        texture_id = int(rng(0, shape_id).integers(10_000))
        assert len(assign_materials(shape, texture_id, LIBRARY, 0).materials) == len(shape.parts)
