"""What the job file tells Blender, without Blender."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from materials.cache import MapFiles
from materials.material import Finish
from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import RayScene
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.rendering.region import ground_under, object_region, shadow_region
from pipeline.shapes.shape import flatten
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector
from tests.scenes import knob_missing, knob_moved, knob_resurfaced, left_knob, three_cubes

VIEWS = ViewsConfig(resolution=64, reference_views=2, surface_points=5)
RENDER = RenderConfig()
MATERIALS = {1: "oak", 2: "steel", 3: "steel"}
MAPS = MapFiles(Path("c.png"), Path("r.png"), Path("m.png"), Path("n.png"), Path("h.png"))
SURFACE = Surface(MAPS, 0.5)


def job(
    folder: Path,
    variants: Sequence[Sequence[Anomaly]],
    anomalies: Sequence[Anomaly],
    overrides: Mapping[str, Mapping[int, str]] | None = None,
    compared: Collection[int] = (),
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The job file of one view of each variant, and its meshes; ``compared``: which views have counterfactuals."""
    shape = three_cubes()
    views = ViewSelector(shape, VIEWS, 0).select([(variant, 1) for variant in variants]).views
    assert len(views) == len(variants)
    textures = {view.texture: MATERIALS for view in views}
    by_texture = {(view.texture, name): parts for view in views for name, parts in (overrides or {}).items()}
    reference = make_reference_views(shape, VIEWS, 0)
    surfaces, names = {"oak": SURFACE, "steel": SURFACE}, {views[number].name for number in compared}
    content = Job(shape, anomalies, views, reference, textures, surfaces, by_texture, names)
    path = write_job(folder, content, VIEWS, RENDER, threads=1)
    with np.load(folder / "meshes.npz") as archive:
        return json.loads(path.read_text()), {name: archive[name] for name in archive.files}


def test_variants_are_those_that_are_shown_and_the_intact_shape(tmp_path: Path) -> None:
    missing, moved, left = knob_missing(), knob_moved(0.25), left_knob(-0.7)
    content, meshes = job(tmp_path, [(missing, left), (left,)], [missing, moved, left])
    assert [query["variant"] for query in content["queries"]] == ["0_missing+2_swapped", "2_swapped"]
    parts = {name: variant["parts"] for name, variant in content["variants"].items()}
    assert parts == {
        "normal": [[1, "normal-001"], [2, "normal-002"], [3, "normal-003"]],
        "2_swapped": [[1, "normal-001"], [2, "normal-002"], [3, "2_swapped-003"]],
        "0_missing+2_swapped": [[1, "normal-001"], [3, "2_swapped-003"]],
    }
    names = {"normal-001", "normal-002", "normal-003", "2_swapped-003"}
    arrays = {f"{name}/{array}" for name in names for array in ("vertices", "faces")}
    # The knob on the left is the right one moved: it keeps its texture.
    assert set(meshes) == arrays | {"2_swapped-003/origin", "2_swapped-003/corners"}
    assert content["origins"] == {"2_swapped-003": "normal-003"}
    replaced = left.replaced[3]
    assert replaced is not None
    np.testing.assert_array_equal(meshes["2_swapped-003/vertices"], replaced.vertices)


def test_the_ground_is_under_the_lowest_of_all_anomalies(tmp_path: Path) -> None:
    sunk = left_knob(-0.6, edge=0.7)
    content, _ = job(tmp_path, [(), (knob_moved(0.1), sunk)], [knob_moved(0.1), sunk])
    ground, sunken = (content["variants"][name]["ground"] for name in ("normal", "1_positional+2_swapped"))
    assert (ground["height"], sunken["height"]) == (-0.3, -0.35)
    # x from -0.7 to 0.7; then from -0.95 to 0.8, and z from -0.35 to 0.35.
    assert ground["centre"] == pytest.approx([0.0, 0.0])
    assert sunken["centre"] == pytest.approx([-0.075, 0.0])
    assert sunken["radius"] - ground["radius"] == pytest.approx((np.hypot(1.75, 0.7) - np.hypot(1.4, 0.6)) / 2)


def test_counterfactuals_are_asked_for_by_name_only(tmp_path: Path) -> None:
    anomalies = [knob_moved(0.25), knob_resurfaced()]
    content, _ = job(tmp_path, [(), *((anomaly,) for anomaly in anomalies)], anomalies, compared=[1])
    assert ["counterfactual" in query for query in content["queries"]] == [False, True, False]
    for query in content["queries"]:
        assert query["materials"] == {"1": "oak", "2": "steel", "3": "steel"}
    assert content["queries"][1]["counterfactual"]["materials"] == content["queries"][1]["materials"]
    assert content["variants"]["1_positional"]["effects"] == content["variants"]["normal"]["effects"] == {}


def test_a_counterfactual_has_the_region_of_the_intact_shape(tmp_path: Path) -> None:
    """The left knob exchanged for one taller than the body."""
    left = left_knob(-0.4, edge=0.8)
    content, _ = job(tmp_path, [(left,)], [left], compared=[0])
    [query] = content["queries"]
    camera = Camera(np.array(query["K"]), np.array(query["world_to_camera"]), VIEWS.resolution)
    shape, anomalies = three_cubes(), {"region": [left], "counterfactual": []}
    expected = {}
    for name, shown in anomalies.items():
        meshes = part_meshes(shape, shown)
        ground = ground_under(mesh.vertices for _, mesh in meshes)
        mask = RayScene(flatten(meshes)).render(camera).part_ids
        expected[name] = list(shadow_region(camera, ground, mask))
    assert query["region"] == expected["region"]
    assert query["counterfactual"]["region"] == expected["counterfactual"] != expected["region"]


def test_references_are_traced_near_the_object_only(tmp_path: Path) -> None:
    content, _ = job(tmp_path, [()], [])
    part_ids = make_reference_views(three_cubes(), VIEWS, 0).part_ids
    regions = [list(object_region(ids)) for ids in part_ids]
    assert [camera["region"] for camera in content["references"]] == regions
    assert regions[0] != [0, 0, 64, 64]


@pytest.mark.parametrize(("asked", "given"), [(None, 7), (3, 3)])
def test_counterfactuals_have_the_querys_samples_unless_told(tmp_path: Path, asked: int | None, given: int) -> None:
    reference = make_reference_views(three_cubes(), VIEWS, 0)
    config = RenderConfig(samples=7, counterfactual_samples=asked)
    path = write_job(tmp_path, Job(three_cubes(), [], [], reference, {}, {}), VIEWS, config, threads=1)
    settings = json.loads(path.read_text())["settings"]
    assert (settings["samples"], settings["counterfactual_samples"]) == (7, given)


def test_an_effect_names_its_parts_and_leaves_geometry_and_materials_alone(tmp_path: Path) -> None:
    stained, left = knob_resurfaced(), left_knob(-0.7)
    content, meshes = job(tmp_path, [(stained, left)], [stained, left])
    variant = content["variants"]["3_resurfaced+2_swapped"]
    assert variant["parts"] == [[1, "normal-001"], [2, "normal-002"], [3, "2_swapped-003"]]
    effect = {"effect": "stained", "strength": 0.8, "scale": 0.1, "colour": [0.2, 0.1, 0.0], "offset": [1.0, 2.0, 3.0]}
    assert variant["effects"] == {"2": effect}
    assert content["variants"]["normal"]["effects"] == {}
    [query] = content["queries"]
    assert query["materials"] == {"1": "oak", "2": "steel", "3": "steel"}
    assert "3_resurfaced-002/faces" not in meshes


def test_other_materials_are_worn_but_not_in_the_counterfactual(tmp_path: Path) -> None:
    """Neither the one that is the anomaly, nor the one that a swapped part brings: the intact part is there."""
    left, other = left_knob(-0.7), knob_resurfaced("other material")
    overrides = {"2_swapped": {3: "oak"}, "3_resurfaced": {2: "oak"}}
    variants = [(left,), (other,), (other, left), ()]
    content, _ = job(tmp_path, variants, [left, other], overrides, compared=[0, 1, 2])
    alone, changed, both, normal = content["queries"]
    assert alone["materials"] == {"1": "oak", "2": "steel", "3": "oak"}
    assert changed["materials"] == {"1": "oak", "2": "oak", "3": "steel"}
    assert both["materials"] == {"1": "oak", "2": "oak", "3": "oak"}
    assert normal["materials"] == {"1": "oak", "2": "steel", "3": "steel"}
    for query in (alone, changed, both):
        assert query["counterfactual"]["materials"] == normal["materials"]
    assert content["variants"]["3_resurfaced"]["effects"] == {}


def test_finish_and_core_of_a_material_are_told(tmp_path: Path) -> None:
    surfaces = {"oak": Surface(MAPS, 0.5, Finish(coat=0.4), core="raw"), "steel": SURFACE, "raw": SURFACE}
    view = ViewSelector(three_cubes(), VIEWS, 0).select([((), 1)]).views[0]
    reference = make_reference_views(three_cubes(), VIEWS, 0)
    content = Job(three_cubes(), [], [view], reference, {view.texture: MATERIALS}, surfaces)
    materials = json.loads(write_job(tmp_path, content, VIEWS, RenderConfig(), threads=1).read_text())["materials"]
    assert materials["oak"]["finish"]["coat"] == 0.4 and materials["oak"]["core"] == "raw"
    assert "core" not in materials["steel"]
