"""Effects as Blender draws them: on their part only, on any material, and reproducibly."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from blender_scripts.pigments import CONTRAST, mean_colour, pigment
from materials.color import to_lab, to_linear
from materials.material import Finish
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.job import VERSION
from pipeline.rendering.region import ground_under, shadow_region
from pipeline.rendering.storage import load_drawn, save_drawn
from pipeline.shapes.shape import flatten
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig
from tests.scenes import two_cubes

SIZE, BODY, KNOB = 64, 1, 2
CAMERA = orbit_camera(ViewsConfig(resolution=SIZE, focal_mm=70), 30.0, 30.0)
PART_IDS = RayScene(flatten((p.part_id, p.mesh) for p in two_cubes().parts)).render(CAMERA).part_ids
GROUND = ground_under(part.mesh.vertices for part in two_cubes().parts)
COLOURS = {"blue": (40, 60, 140), "grey": (120, 120, 120), "white": (230, 230, 225)}
CPU = {"kind": "CPU", "id": "", "name": ""}
COFFEE = (0.09, 0.04, 0.016)
EFFECTS = {
    effect: {"effect": effect, "strength": 0.7, "scale": 0.2, "colour": colour, "offset": [3.0, 1.0, 4.0]}
    for effect, colour in {"faded": (0.62, 0.58, 0.52), "stained": COFFEE, "scratched": (0.0, 0.0, 0.0)}.items()
}


def query(variant: str, body: str = "blue", usual: str | None = None) -> dict[str, Any]:
    """``body``: material of the cube; ``usual``: that of the intact cube in the counterfactual, None without one."""
    region = shadow_region(CAMERA, GROUND, PART_IDS)
    intact = {"counterfactual": {"materials": {"1": usual, "2": "grey"}, "region": region}} if usual else {}
    return {
        "variant": variant,
        "light": 0,
        "materials": {"1": body, "2": "grey"},
        "K": CAMERA.K.tolist(),
        "world_to_camera": CAMERA.world_to_camera.tolist(),
        "region": region,
        **intact,
    }


def write_job(folder: Path, queries: list[dict[str, Any]], effects: dict[str, Any]) -> Path:
    """The two cubes; ``effects``: variant -> effect on the body, beside a variant ``normal`` without."""
    arrays, materials = {}, {}
    for part in two_cubes().parts:
        arrays[f"{part.name}/vertices"], arrays[f"{part.name}/faces"] = part.mesh.vertices, part.mesh.faces
    np.savez(folder / "meshes.npz", **arrays)
    for name, colour in COLOURS.items():
        values = {"base_color": colour, "roughness": (150,) * 3, "metallic": (0,) * 3, "normal": (128, 128, 255)}
        for kind, value in values.items():
            Image.new("RGB", (4, 4), value).save(folder / f"{name}-{kind}.png")
        materials[name] = {**{kind: str(folder / f"{name}-{kind}.png") for kind in values}, "tile_size": 0.5}
        materials[name]["finish"] = Finish().model_dump()
    parts = [[part.part_id, part.name] for part in two_cubes().parts]
    shown = {"parts": parts, "ground": asdict(GROUND), "effects": {}}
    with_effects = {name: {**shown, "effects": {str(BODY): effect}} for name, effect in effects.items()}
    settings = {"resolution": SIZE, "samples": 4, "counterfactual_samples": 4, "reference_samples": 1}
    job = {
        "version": VERSION,
        "meshes": str(folder / "meshes.npz"),
        "origins": {},
        "variants": {"normal": shown, **with_effects},
        "materials": materials,
        "queries": queries,
        "references": [],
        "settings": {**settings, "denoise": "none", "device": CPU, "threads": 1},
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder / "job.json"


NAMES = ["normal", "faded", "stained", "scratched", "other", "white"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    folder = tmp_path_factory.mktemp("effects")
    changed = [query(name, usual="blue") for name in EFFECTS]
    other, white = query("normal", "white", usual="blue"), query("stained", "white", usual="white")
    return draw(write_job(folder, [query("normal"), *changed, other, white], EFFECTS), 300)


def pair(drawn: Drawn, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """An image (S, S, 3) and its counterfactual, both 0 to 255."""
    number = NAMES.index(name)
    [row] = np.flatnonzero(drawn.counterfactual_of == number)
    return drawn.query[number].astype(float), drawn.counterfactual[row].astype(float)


def difference(drawn: Drawn, name: str) -> NDArray[np.float64]:
    """(S, S) mean absolute difference to the counterfactual over the channels, of 255."""
    image, intact = pair(drawn, name)
    return np.asarray(np.abs(image - intact).mean(axis=2))


def inside(part_id: int) -> NDArray[np.bool_]:
    """Pixels that show this part and whose neighbours do: anti-aliased edges belong to two parts."""
    return np.asarray(minimum_filter(part_id == PART_IDS, 3))


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("faded", 0.99, 1), ("stained", 0.1, 0.8), ("scratched", 0.08, 0.6)],
)
def test_effect_shows_on_its_part_and_hardly_elsewhere(drawn: Drawn, name: str, least: float, most: float) -> None:
    seen = difference(drawn, name)
    assert least <= (seen[inside(BODY)] > 10).mean() <= most
    assert inside(KNOB).sum() > 20
    # Only light that the body throws on its surroundings.
    assert seen[inside(KNOB)].mean() < 0.05 * seen[inside(BODY)].mean()
    away = ~maximum_filter(PART_IDS == BODY, 5)
    assert seen[away].mean() < 0.05 * seen[inside(BODY)].mean()


def test_faded_part_loses_its_colour_toward_a_light_grey(drawn: Drawn) -> None:
    after, before = (image[inside(BODY)] for image in pair(drawn, "faded"))
    assert np.ptp(after.mean(axis=0)) < 0.5 * np.ptp(before.mean(axis=0))
    assert after.mean() > before.mean() + 20


def test_stain_darkens_a_white_part_and_only_where_it_is(drawn: Drawn) -> None:
    body = inside(BODY)
    after, before = (image.mean(axis=2)[body] for image in pair(drawn, "white"))
    change = before - after
    assert (change > 30).mean() > 0.1
    assert (np.abs(change) < 5).mean() > 0.2
    # The same pattern, whatever is below it.
    on_blue = difference(drawn, "stained")[body] > 10
    assert (on_blue == (change > 10)).mean() > 0.8


def test_counterfactual_is_the_intact_shape_in_its_own_materials(drawn: Drawn) -> None:
    for name in (*EFFECTS, "other"):
        np.testing.assert_array_equal(pair(drawn, name)[1], drawn.query[0])
    seen = difference(drawn, "other")
    assert seen[inside(BODY)].min() > 30
    assert seen[inside(KNOB)].mean() < 4


def test_counterfactuals_are_of_those_queries_that_asked(drawn: Drawn) -> None:
    assert drawn.counterfactual_of.tolist() == [1, 2, 3, 4, 5]
    assert len(drawn.query) == 6 and len(drawn.counterfactual) == 5


def test_effects_leave_the_index_pass_alone(drawn: Drawn) -> None:
    assert {BODY, KNOB} <= set(np.unique(drawn.index[0]))
    for index in drawn.index[1:]:
        np.testing.assert_array_equal(index, drawn.index[0])


def test_same_job_gives_the_same_bytes_and_another_offset_another_pattern(drawn: Drawn, tmp_path: Path) -> None:
    moved = {**EFFECTS["stained"], "offset": [8.5, 2.0, 7.0]}
    job = write_job(tmp_path, [query("stained"), query("moved")], {**EFFECTS, "moved": moved})
    again = draw(job, 300)
    np.testing.assert_array_equal(again.query[0], drawn.query[NAMES.index("stained")])
    assert (again.query[1] != again.query[0]).any(axis=2)[inside(BODY)].mean() > 0.2


def test_unknown_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="'melted'"):
        pigment("melted", np.array(COFFEE), np.array(COFFEE))


@pytest.mark.parametrize("rows", [[], [0, 2]])
def test_stored_images_come_back_with_as_many_counterfactuals_as_there_are(tmp_path: Path, rows: list[int]) -> None:
    query_images, intact = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    index, reference = np.ones((3, 8, 8), np.uint16), np.zeros((1, 8, 8), np.uint8)
    save_drawn(tmp_path / "a.h5", Drawn(query_images, index, reference, intact[rows], np.array(rows, np.int64)))
    loaded = load_drawn(tmp_path / "a.h5")
    np.testing.assert_array_equal(loaded.query, query_images)
    np.testing.assert_array_equal(loaded.counterfactual, intact[rows])
    assert loaded.counterfactual.shape == (len(rows), 8, 8, 3)
    assert loaded.counterfactual_of.tolist() == rows


@pytest.mark.parametrize("effect", EFFECTS)
def test_pigment_shows_on_every_grey(effect: str) -> None:
    for value in np.linspace(0, 1, 201):
        surface = np.full(3, value)
        mixed_in = pigment(effect, np.array(EFFECTS[effect]["colour"]), surface)
        assert np.linalg.norm(to_lab(mixed_in) - to_lab(surface)) > 0.85 * CONTRAST


def test_pigment_is_the_wish_where_that_shows() -> None:
    wish = np.array(COFFEE)
    np.testing.assert_array_equal(pigment("stained", wish, np.full(3, 0.7)), wish)
    assert to_lab(pigment("stained", wish, wish))[0] > to_lab(wish)[0] + 0.9 * CONTRAST
    bleached = np.array([0.62, 0.58, 0.52])
    np.testing.assert_array_equal(pigment("faded", bleached, np.full(3, 0.05)), bleached)
    aged = to_lab(pigment("faded", bleached, bleached))
    assert aged[0] < to_lab(bleached)[0] - 20, "what is light already turns darker"
    assert aged[2] > 20, "and yellow"


def test_mean_colour_of_an_image_is_the_mean_of_its_light(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = (255, 188, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    half = float(to_linear(np.array(188, dtype=np.uint8))) / 2
    np.testing.assert_allclose(mean_colour(tmp_path / "a.png"), [0.5, half, 0])
