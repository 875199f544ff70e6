"""Which colours go together, by hue and chroma that can be read off."""

from __future__ import annotations

import math

import pytest

from materials.material import MaterialClass
from pipeline.appearance.harmony import goes_with
from pipeline.appearance.library import Swatch
from pipeline.appearance.priors import load_priors
from tests.appearance.libraries import swatch

HARMONY = load_priors().harmony


def of(hue: float, chroma: float, lightness: float = 50, material_class: MaterialClass = "fabric") -> Swatch:
    angle = math.radians(hue)
    colour = (lightness, chroma * math.cos(angle), chroma * math.sin(angle))
    return swatch(f"{hue}-{chroma}-{lightness}-{material_class}", material_class, colour)


GREEN, RED, BLUE = (of(hue, 50, material_class=c) for hue, c in ((140, "fabric"), (30, "plastic"), (280, "leather")))  # type: ignore[arg-type]


def test_green_and_red_clash_but_not_with_grey_or_brown_wood() -> None:
    assert not goes_with(GREEN, RED, HARMONY) and not goes_with(RED, GREEN, HARMONY)
    for quiet in (of(200, 5, material_class="metal"), of(65, 35, material_class="wood")):
        assert all(goes_with(quiet, loud, HARMONY) for loud in (GREEN, RED, BLUE))


@pytest.mark.parametrize(("hue", "together"), [(10, True), (350, True), (320, False), (90, False), (200, True)])
def test_similar_and_opposite_hues_go_together(hue: float, together: bool) -> None:
    # 15 degrees, against a similar_hue of 35 and an opposite_hue of 150; hues are a circle.
    assert goes_with(of(15, 50), of(hue, 50, material_class="plastic"), HARMONY) is together


def test_two_woods_are_the_same_or_clearly_unlike() -> None:
    oak = of(65, 30, 60, "wood")
    assert goes_with(oak, oak, HARMONY)
    assert not goes_with(oak, of(65, 30, 52, "wood"), HARMONY)
    assert goes_with(oak, of(65, 30, 35, "wood"), HARMONY)
    assert goes_with(oak, of(65, 30, 52, "leather"), HARMONY)
