"""What the job file tells Blender, without Blender."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from materials.cache import MapFiles
from materials.material import Finish
from pipeline.anomalies.anomaly import Anomaly
from pipeline.config import RenderConfig, ViewsConfig
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.views.reference import make_reference_views
from pipeline.views.select import ViewSelector
from tests.scenes import knob_missing, knob_moved, knob_resurfaced, left_knob, three_cubes

VIEWS = ViewsConfig(resolution=32, reference_views=2, surface_points=5)
MATERIALS = {1: "oak", 2: "steel", 3: "steel"}
MAPS = MapFiles(Path("c.png"), Path("r.png"), Path("m.png"), Path("n.png"), Path("h.png"))
SURFACE = Surface(MAPS, 0.5)


def job(
    folder: Path,
    variants: Sequence[Sequence[Anomaly]],
    anomalies: Sequence[Anomaly],
    overrides: Mapping[str, Mapping[int, str]] | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The job file of one view of each variant, and its meshes."""
    shape = three_cubes()
    views = ViewSelector(shape, VIEWS, 0).select([(variant, 1) for variant in variants]).views
    assert len(views) == len(variants)
    textures = {view.texture: MATERIALS for view in views}
    by_texture = {(view.texture, name): parts for view in views for name, parts in (overrides or {}).items()}
    reference = make_reference_views(shape, VIEWS, 0)
    content = Job(shape, anomalies, views, reference, textures, {"oak": SURFACE, "steel": SURFACE}, by_texture)
    path = write_job(folder, content, VIEWS, RenderConfig(), threads=1)
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
    assert content["variants"]["normal"]["ground"] == -0.3
    assert content["variants"]["1_positional+2_swapped"]["ground"] == -0.35


def test_geometric_anomalies_have_no_effects_and_are_drawn_once(tmp_path: Path) -> None:
    content, _ = job(tmp_path, [(), (knob_moved(0.25),)], [knob_moved(0.25)])
    assert all(variant["effects"] == {} for variant in content["variants"].values())
    for query in content["queries"]:
        assert query["materials"] == {"1": "oak", "2": "steel", "3": "steel"}
        assert "plain" not in query and "plain_materials" not in query


def test_an_effect_names_its_parts_and_asks_for_a_plain_image(tmp_path: Path) -> None:
    stained, left = knob_resurfaced(), left_knob(-0.7)
    content, meshes = job(tmp_path, [(stained, left)], [stained, left])
    variant = content["variants"]["3_resurfaced+2_swapped"]
    assert variant["parts"] == [[1, "normal-001"], [2, "normal-002"], [3, "2_swapped-003"]]
    effect = {"effect": "stained", "strength": 0.8, "scale": 0.1, "colour": [0.2, 0.1, 0.0], "offset": [1.0, 2.0, 3.0]}
    assert variant["effects"] == {"2": effect}
    [query] = content["queries"]
    assert query["plain"] is True and "plain_materials" not in query
    assert query["materials"] == {"1": "oak", "2": "steel", "3": "steel"}
    assert "3_resurfaced-002/faces" not in meshes


def test_another_material_replaces_that_of_the_part_but_not_in_the_plain_image(tmp_path: Path) -> None:
    other = knob_resurfaced("other material")
    content, _ = job(tmp_path, [(other,), ()], [other], {"3_resurfaced": {2: "oak"}})
    changed, normal = content["queries"]
    assert changed["materials"] == {"1": "oak", "2": "oak", "3": "steel"}
    assert changed["plain"] is True and changed["plain_materials"] == {"1": "oak", "2": "steel", "3": "steel"}
    assert content["variants"]["3_resurfaced"]["effects"] == {}
    assert normal["materials"] == changed["plain_materials"] and "plain" not in normal


def test_a_swapped_part_may_bring_its_material_and_keeps_it_in_the_plain_image(tmp_path: Path) -> None:
    left, stained = left_knob(-0.7), knob_resurfaced("other material")
    overrides = {"2_swapped": {3: "oak"}, "3_resurfaced": {2: "oak"}}
    content, _ = job(tmp_path, [(left,), (stained, left)], [left, stained], overrides)
    alone, both = content["queries"]
    assert alone["materials"] == {"1": "oak", "2": "steel", "3": "oak"}
    assert "plain" not in alone and "plain_materials" not in alone
    assert both["materials"] == {"1": "oak", "2": "oak", "3": "oak"}
    assert both["plain_materials"] == {"1": "oak", "2": "steel", "3": "oak"}


def test_finish_and_core_of_a_material_are_told(tmp_path: Path) -> None:
    surfaces = {"oak": Surface(MAPS, 0.5, Finish(coat=0.4), core="raw"), "steel": SURFACE, "raw": SURFACE}
    view = ViewSelector(three_cubes(), VIEWS, 0).select([((), 1)]).views[0]
    reference = make_reference_views(three_cubes(), VIEWS, 0)
    content = Job(three_cubes(), [], [view], reference, {view.texture: MATERIALS}, surfaces)
    materials = json.loads(write_job(tmp_path, content, VIEWS, RenderConfig(), threads=1).read_text())["materials"]
    assert materials["oak"]["finish"]["coat"] == 0.4 and materials["oak"]["core"] == "raw"
    assert "core" not in materials["steel"]
