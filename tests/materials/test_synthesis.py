"""Every material of the library: ranges, seams, determinism, and that no two of a class look alike."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest

from materials.catalogue import Material, load_catalogue
from materials.color import LUMINANCE, to_linear
from materials.maps import Maps
from materials.recipes import MATERIAL_CLASSES, MaterialClass
from materials.synthesis import synthesise
from pipeline.errors import PipelineError

CATALOGUE = load_catalogue()
EVERY = pytest.mark.parametrize("name", [m.name for m in CATALOGUE.materials])
MAPS = ("base_color", "roughness", "metallic", "normal")


@cache
def _maps(name: str) -> Maps:
    return synthesise(CATALOGUE[name], 256)


@EVERY
def test_maps_have_their_types_and_plausible_values(name: str) -> None:
    maps = _maps(name)
    assert maps.base_color.shape == maps.normal.shape == (256, 256, 3)
    assert maps.roughness.shape == maps.metallic.shape == (256, 256)
    assert all(getattr(maps, m).dtype == np.uint8 for m in MAPS)
    assert 0.025 < (to_linear(maps.base_color) @ LUMINANCE).mean() < 0.85
    assert maps.roughness.min() >= 15


@EVERY
def test_normals_are_unit_vectors_out_of_the_surface_and_level_on_average(name: str) -> None:
    vectors = _maps(name).normal / 255 * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1.0, atol=0.012)
    assert (vectors[..., 2] > 0.1).all()
    assert np.abs(vectors[..., :2].mean(axis=(0, 1))).max() < 0.02


@EVERY
def test_edges_meet_without_a_seam(name: str) -> None:
    maps = _maps(name)
    for image in (maps.base_color, maps.roughness, maps.normal):
        for axis in (0, 1):
            steps = np.abs(np.roll(image.astype(int), -1, axis) - image).reshape(256, 256, -1).mean(axis=(1 - axis, 2))
            # steps[-1] leads from the last row or column around to the first.
            assert steps[-1] <= 1.3 * steps[:-1].max() + 1.0


@EVERY
def test_metal_is_metallic_and_nothing_else_is(name: str) -> None:
    material, metallic = CATALOGUE[name], _maps(name).metallic
    if material.material_class != "metal" or material.recipe == "powder_coated":  # paint is a dielectric
        assert (metallic == 0).all()
    else:
        assert np.median(metallic) > 200


@pytest.mark.parametrize("name", ["walnut", "cane_natural", "knit_oatmeal", "copper_hammered", "recycled_flake"])
def test_same_material_gives_same_bytes_after_other_work(name: str) -> None:
    before = _maps(name)
    synthesise(CATALOGUE["chrome"], 64)
    again = synthesise(CATALOGUE[name], 256)
    assert all(getattr(before, m).tobytes() == getattr(again, m).tobytes() for m in MAPS)


def test_name_decides_the_pattern() -> None:
    walnut = CATALOGUE["walnut"]
    twin = Material("walnut_two", walnut.material_class, walnut.recipe, walnut.parameters, walnut.tile_size)
    assert (synthesise(twin, 256).base_color != _maps("walnut").base_color).mean() > 0.5


@pytest.mark.parametrize("name", ["oak_natural", "teak_boards", "tartan_red", "leather_white", "zinc_galvanised"])
def test_size_does_not_change_the_pattern(name: str) -> None:
    large = synthesise(CATALOGUE[name], 512).base_color[::2, ::2]
    np.testing.assert_allclose(large, _maps(name).base_color, atol=1)


def test_small_maps_are_averages() -> None:
    small = to_linear(synthesise(CATALOGUE["tartan_red"], 32).base_color)
    large = to_linear(_maps("tartan_red").base_color).reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, large, atol=0.01)


@pytest.mark.parametrize("size", [0, -4, 100, 384])
def test_size_that_is_no_power_of_two_is_refused(size: int) -> None:
    with pytest.raises(PipelineError, match=rf"size {size}: .*power of two"):
        synthesise(CATALOGUE["walnut"], size)


@pytest.mark.parametrize("material_class", MATERIAL_CLASSES)
def test_no_two_of_a_class_look_alike(material_class: MaterialClass) -> None:
    def look(name: str) -> np.ndarray:
        """Mean and spread of colour, roughness and tilt: what tells materials apart at a distance."""
        maps = _maps(name)
        channels = np.concatenate([maps.base_color, maps.roughness[..., None], maps.normal], axis=-1).astype(float)
        return np.concatenate([channels.mean(axis=(0, 1)), channels.std(axis=(0, 1))])

    looks = {m.name: look(m.name) for m in CATALOGUE.of_class(material_class)}
    nearest = min(combinations(looks, 2), key=lambda pair: float(np.linalg.norm(looks[pair[0]] - looks[pair[1]])))
    assert np.linalg.norm(looks[nearest[0]] - looks[nearest[1]]) > 20, nearest
