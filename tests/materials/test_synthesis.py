"""Every material of the library: ranges, seams, determinism, and that no two of a class look alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from materials.catalogue import load_catalogue
from materials.color import LUMINANCE, to_linear
from materials.features import MIN_DISTANCE, features
from materials.maps import Maps
from materials.material import MATERIAL_CLASSES, Material
from materials.synthesis import Synthesis
from pipeline.errors import PipelineError

CATALOGUE = {m.name: m for m in load_catalogue()}
MAPS = ("base_color", "roughness", "metallic", "normal", "height")
#: Recipes of class metal that show paint or rust, which are dielectrics, mostly or all over.
COVERED = ("powder_coated", "enamelled", "hammertone", "chipped", "rusted")


@dataclass(frozen=True)
class Measured:
    """What the tests ask of a material's maps, which are too large to keep.

    luminance: mean; roughness: smallest, 0 to 255; metallic: median and largest; seam: largest step across the
    tile's edge over the largest inside, of any map; look: ``features``.
    """

    luminance: float
    roughness: int
    metallic: tuple[float, float]
    normal_error: float
    steepest: float
    tilt: float
    seam: float
    look: NDArray[np.float64]


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    """Every material of the catalogue."""
    found = Parallel(n_jobs=-1, batch_size=16)(delayed(measure)(material) for material in CATALOGUE.values())
    return dict(zip(CATALOGUE, found, strict=True))


def measure(material: Material) -> Measured:
    maps = material.source.maps(256)
    assert maps.base_color.shape == maps.normal.shape == (256, 256, 3)
    assert maps.roughness.shape == maps.metallic.shape == maps.height.shape == (256, 256)
    vectors = maps.normal / 255 * 2 - 1
    return Measured(
        luminance=float((to_linear(maps.base_color) @ LUMINANCE).mean()),
        roughness=int(maps.roughness.min()),
        metallic=(float(np.median(maps.metallic / 255)), float((maps.metallic / 255).max())),
        normal_error=float(np.abs(np.linalg.norm(vectors, axis=-1) - 1).max()),
        steepest=float(vectors[..., 2].min()),
        tilt=float(np.abs(vectors[..., :2].mean(axis=(0, 1))).max()),
        seam=max(seam(image, axis) for image in (maps.base_color, maps.roughness, maps.normal) for axis in (0, 1)),
        look=features(maps, material.tile),
    )


def seam(image: NDArray[np.uint8], axis: int) -> float:
    """Mean step from the last row (or column) around to the first, over the largest mean step inside."""
    steps = np.abs(np.roll(image.astype(int), -1, axis) - image).reshape(256, 256, -1).mean(axis=(1 - axis, 2))
    return float((steps[-1] - 1.0) / max(steps[:-1].max(), 1e-9))


def test_maps_are_plausible_seamless_and_level(measured: dict[str, Measured]) -> None:
    limits = {
        "too dark or bright": lambda found: 0.02 < found.luminance < 0.85,
        "too smooth": lambda found: found.roughness >= 15,
        "a seam": lambda found: found.seam <= 1.3,
        "normals not of length one": lambda found: found.normal_error < 0.012,
        "too steep": lambda found: found.steepest > 0.1,
        "tilted": lambda found: found.tilt < 0.02,
    }
    assert [
        (name, what) for name, found in measured.items() for what, holds in limits.items() if not holds(found)
    ] == []


def test_metal_is_metallic_and_nothing_else_is(measured: dict[str, Measured]) -> None:
    wrong = []
    for name, found in measured.items():
        is_metal, (median, largest) = CATALOGUE[name].material_class == "metal", found.metallic
        if name.startswith("bare_") or (is_metal and CATALOGUE[name].source.style not in COVERED):
            wrong += [(name, median)] if median <= 0.75 else []
        elif not is_metal:
            wrong += [(name, largest)] if largest > 0 else []
    assert wrong == []


def test_no_two_of_a_class_look_alike(measured: dict[str, Measured]) -> None:
    for material_class in MATERIAL_CLASSES:
        names = [m.name for m in CATALOGUE.values() if m.material_class == material_class]
        distances = squareform(pdist(np.stack([measured[name].look for name in names])))
        distances[np.diag_indices(len(names))] = np.inf
        first, second = np.unravel_index(distances.argmin(), distances.shape)
        assert distances.min() >= MIN_DISTANCE, (names[first], names[second])


def synthesis(name: str) -> Synthesis:
    source = CATALOGUE[name].source
    assert isinstance(source, Synthesis)
    return source


def same(first: Maps, second: Maps) -> bool:
    return all(getattr(first, m).tobytes() == getattr(second, m).tobytes() for m in MAPS)


@pytest.mark.parametrize("name", ["walnut", "cane_natural", "knit_oatmeal", "copper_hammered", "recycled_flake"])
def test_same_material_gives_same_bytes_after_other_work(name: str) -> None:
    before = synthesis(name).maps(256)
    synthesis("chrome").maps(64)
    assert same(synthesis(name).maps(256), before)


def test_name_decides_the_pattern() -> None:
    walnut = synthesis("walnut")
    twin = replace(walnut, name="walnut_two")
    assert (twin.maps(256).base_color != walnut.maps(256).base_color).mean() > 0.5


@pytest.mark.parametrize("name", ["oak_natural", "teak_boards", "tartan_red", "leather_white", "zinc_galvanised"])
def test_size_does_not_change_the_pattern(name: str) -> None:
    large = synthesis(name).maps(512).base_color[::2, ::2]
    np.testing.assert_allclose(large, synthesis(name).maps(256).base_color, atol=1)


def test_small_maps_are_averages() -> None:
    small = to_linear(synthesis("tartan_red").maps(32).base_color)
    large = to_linear(synthesis("tartan_red").maps(256).base_color).reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, large, atol=0.01)


@pytest.mark.parametrize("size", [0, -4, 100, 384])
def test_size_that_is_no_power_of_two_is_refused(size: int) -> None:
    with pytest.raises(PipelineError, match=rf"size {size}: .*power of two"):
        synthesis("walnut").maps(size)
