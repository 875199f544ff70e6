"""The other material: plausible for the part, and unlike what it wears, by measured colours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh

from materials.catalogue import load_catalogue
from materials.color import to_lab
from pipeline.anomalies.config import SurfaceConfig
from pipeline.appearance.assignment import assign_materials, twins
from pipeline.appearance.library import Library
from pipeline.appearance.other import other_material
from pipeline.errors import PipelineError
from pipeline.shapes.shape import Hardness, Part, Shape
from tests.appearance.libraries import catalogue_library, library_of, swatch

SEAT, BACK = "chair/chair_seat/seat_surface/seat_single_surface", "chair/chair_back/back_surface/back_single_surface"
LEG, ARM = "chair/chair_base/regular_leg_base/leg", "chair/chair_arm/arm_horizontal_bar"
CHOICES = np.linspace(0, 0.9999, 200)


def shape(*parts: tuple[str, Hardness | None, float]) -> Shape:
    """Boxes of (label, hardness, edge)."""
    made = (Part(n + 1, x, 0, (0, n), trimesh.creation.box((e,) * 3), h) for n, (x, h, e) in enumerate(parts))
    return Shape("1", "", "Chair", tuple(made))


#: Lightness only, so that differences can be read off.
TOY = Library(
    (
        swatch("oak", "wood", (60, 0, 0)),
        swatch("elm", "wood", (40, 0, 0)),  # 20 from oak
        swatch("ebony", "wood", (20, 0, 0)),  # 40 from oak
        swatch("steel", "metal", (80, 0, 0)),  # 20 from oak
        swatch("brass", "metal", (70, 0, 0)),  # 10 from oak
        swatch("wool", "fabric", (10, 0, 0)),  # 50 from oak
    )
)
CONFIG = SurfaceConfig(min_colour_difference=15, min_colour_difference_in_class=30)


def chosen(chair: Shape, part_ids: tuple[int, ...], worn: dict[int, str], config: SurfaceConfig = CONFIG) -> set[str]:
    return {other_material(chair, part_ids, worn, TOY, float(c), config) for c in CHOICES}


def test_hard_leg_of_oak_becomes_another_class_or_a_wood_of_another_tone() -> None:
    chair = shape((LEG, None, 1), (LEG, None, 1))
    assert chosen(chair, (1,), {1: "oak", 2: "oak"}) == {"ebony", "steel"}
    everything = SurfaceConfig(min_colour_difference=5, min_colour_difference_in_class=15)
    assert chosen(chair, (1,), {1: "oak", 2: "oak"}, everything) == {"elm", "ebony", "steel", "brass"}


def test_soft_seat_stays_soft() -> None:
    chair = shape((SEAT, "soft", 1), (BACK, "hard", 1))
    assert chosen(chair, (1,), {1: "oak", 2: "oak"}) == {"wool"}


def test_target_of_several_parts_is_judged_by_what_most_of_it_wears_and_suits_them_all() -> None:
    chair = shape((LEG, None, 1), (SEAT, None, 2), (LEG, None, 1))
    assert chosen(chair, (1, 2), {1: "ebony", 2: "oak", 3: "brass"}) == {"steel"}  # ebony is worn; wool is no leg
    assert chosen(chair, (1, 2), {1: "oak", 2: "ebony", 3: "brass"}) == {"steel"}


def test_what_a_neighbour_wears_is_not_taken() -> None:
    chair = shape((LEG, None, 1), (SEAT, None, 1))
    assert chosen(chair, (1,), {1: "oak", 2: "steel"}) == {"ebony"}


def test_choice_follows_the_prior_table() -> None:
    chair = shape((LEG, None, 1), (LEG, None, 1))
    picks = [other_material(chair, (1,), {1: "oak", 2: "oak"}, TOY, float(c), CONFIG) for c in CHOICES]
    # Legs: wood 0.54, metal 0.38.
    assert np.mean([p == "ebony" for p in picks]) == pytest.approx(0.54 / 0.92, abs=0.01)
    assert picks == sorted(picks)  # in the catalogue's order, so a larger choice is never an earlier material


def test_choice_within_a_class_follows_the_weights() -> None:
    library = Library(
        (*TOY.swatches[:1], swatch("ash", "wood", (10, 0, 0), weight=3), swatch("fir", "wood", (90, 0, 0)))
    )
    picks = [other_material(shape((LEG, None, 1)), (1,), {1: "oak"}, library, float(c), CONFIG) for c in CHOICES]
    assert picks.count("ash") == 150 and picks.count("fir") == 50


def test_catalogue_with_nothing_else_is_refused() -> None:
    small = Library(TOY.swatches[:2])
    with pytest.raises(PipelineError, match=r"nothing unlike oak for part\(s\) \[1\] of shape 1"):
        other_material(shape((LEG, None, 1)), (1,), {1: "oak"}, small, 0.5, CONFIG)


def test_lab_of_known_colours() -> None:
    red, grey = np.array([1.0, 0.0, 0.0]), np.full(3, 0.214041)  # sRGB 255 0 0 and, 0.5 of 1, 127.5
    np.testing.assert_allclose(to_lab(np.ones(3)), [100, 0, 0], atol=0.02)
    np.testing.assert_allclose(to_lab(np.zeros(3)), [0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(to_lab(np.stack([red, grey])), [[53.24, 80.09, 67.20], [53.39, 0, 0]], atol=0.05)


def test_every_part_has_an_alternative_even_in_a_sixth_of_the_catalogue() -> None:
    few = library_of(load_catalogue()[::6])
    chair = shape((SEAT, "soft", 1), (LEG, None, 1), (LEG, None, 1), (ARM, "hard", 1), (BACK, None, 1))
    for texture_id in range(20):
        worn = assign_materials(chair, texture_id, few, 0).materials
        for part in chair.parts:
            name = other_material(chair, (part.part_id,), worn, few, texture_id / 20, SurfaceConfig())
            difference = math.dist(few[name].colour, few[worn[part.part_id]].colour)
            same_class = few[name].material_class == few[worn[part.part_id]].material_class
            assert difference >= (30 if same_class else 15)


def test_twins_are_the_parts_that_always_wear_the_same() -> None:
    chair = shape((SEAT, "soft", 1), (LEG, None, 1), (LEG, None, 1), (SEAT, "hard", 1), (LEG, None, 1))
    assert twins(chair, (2,)) == (3, 5)
    assert twins(chair, (2, 3, 5)) == ()
    assert twins(chair, (1,)) == ()
    library = catalogue_library()
    for texture_id in range(20):
        worn = assign_materials(chair, texture_id, library, 0).materials
        assert worn[2] == worn[3] == worn[5]
