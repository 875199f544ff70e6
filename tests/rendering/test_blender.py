"""The round trip through Blender agrees with the ray cast, on the two cubes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from materials.cache import MapFiles
from pipeline.anomalies.anomaly import part_meshes
from pipeline.errors import PipelineError
from pipeline.geometry.raycast import RayScene
from pipeline.quality.images import index_agreement
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, Surface, write_job
from pipeline.rendering.storage import load_drawn, save_drawn
from pipeline.shapes.shape import flatten
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View, ViewSelector
from tests.scenes import body_halved, knob_missing, knob_moved, knob_resurfaced, two_cubes

VIEWS = ViewsConfig(resolution=128, reference_views=3, surface_points=10)
RENDER = RenderConfig(samples=4, reference_samples=4)


def surface(folder: Path, colour: tuple[int, int, int]) -> Surface:
    name = "-".join(map(str, colour))
    values = {"roughness": (180,) * 3, "metallic": (0,) * 3, "normal": (128, 128, 255), "height": (0,) * 3}
    values["base_color"] = colour
    paths = {kind: folder / f"{name}-{kind}.png" for kind in values}
    for kind, path in paths.items():
        Image.new("RGB", (8, 8), values[kind]).save(path)
    return Surface(MapFiles(**paths), 0.5)


def make_job(folder: Path) -> Job:
    anomalies = [knob_missing(), knob_moved(0.25)]
    wanted = [((), 2), *((((anomaly,), 1)) for anomaly in anomalies)]
    views = ViewSelector(two_cubes(), VIEWS, 0).select(wanted).views
    textures = {view.texture: {1: "red", 2: "green"} for view in views}
    surfaces = {"red": surface(folder, (200, 30, 30)), "green": surface(folder, (30, 160, 30))}
    return Job(two_cubes(), anomalies, views, make_reference_views(two_cubes(), VIEWS, 0), textures, surfaces)


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[View, ...], Drawn]:
    folder = tmp_path_factory.mktemp("job")
    job = make_job(folder)
    return tuple(job.views), draw(write_job(folder, job, VIEWS, RENDER, threads=1), 300)


def test_blender_sees_the_same_parts_at_the_same_pixels(drawing: tuple[tuple[View, ...], Drawn]) -> None:
    views, drawn = drawing
    assert len(views) == 4
    for view, index in zip(views, drawn.index, strict=True):
        assert set(np.unique(view.image.part_ids)) >= {0, 1}
        assert index_agreement(index, view.image.part_ids) == 1.0
        # Edges too: no part begins more than one pixel away from where the rays see it.
        for part in (1, 2):
            drawn_mask, cast = index == part, view.image.part_ids == part
            rows, columns = np.nonzero(drawn_mask)
            padded = np.pad(cast, 1)
            near = [padded[rows + 1 + i, columns + 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
            assert np.any(near, axis=0).all() if len(rows) else True


def test_missing_part_is_gone_from_the_image_too(drawing: tuple[tuple[View, ...], Drawn]) -> None:
    views, drawn = drawing
    [number] = [i for i, view in enumerate(views) if view.variant == "0_missing"]
    assert not (drawn.index[number] == 2).any()


def test_parts_wear_their_materials_before_a_white_background(drawing: tuple[tuple[View, ...], Drawn]) -> None:
    views, drawn = drawing
    for view, image in zip(views, drawn.query, strict=True):
        red, green, blue = image[view.image.part_ids == 1].mean(axis=0)
        assert red > 2 * max(green, blue)
        if (view.image.part_ids == 2).sum() > 20:
            red, green, blue = image[view.image.part_ids == 2].mean(axis=0)
            assert green > 1.5 * max(red, blue)
        assert image[0].min() == 255, "the upper border must be white"


def test_reference_views_are_noise_free_grey_on_white(drawing: tuple[tuple[View, ...], Drawn]) -> None:
    reference = make_reference_views(two_cubes(), VIEWS, 0)
    images = drawing[1].reference
    for image, ids in zip(images, reference.part_ids, strict=True):
        outside = np.ones_like(ids, dtype=bool)
        rows, columns = np.nonzero(ids)
        outside[max(rows.min() - 2, 0) : rows.max() + 3, max(columns.min() - 2, 0) : columns.max() + 3] = False
        assert (image[outside] == 255).all()
        assert 20 < image[ids > 0].mean() < 235
    # Seen from the front at 30 degrees a cube shows two flat faces: one grey for each, without noise.
    body = images[0][reference.part_ids[0] == 1]
    values, counts = np.unique(body, return_counts=True)
    assert np.sort(counts)[-2:].sum() > 0.85 * len(body)
    assert values[np.argsort(counts)[-1]] != values[np.argsort(counts)[-2]]


def test_two_renders_are_the_same_bytes(drawing: tuple[tuple[View, ...], Drawn], tmp_path: Path) -> None:
    drawn = drawing[1]
    job = make_job(tmp_path)
    again = draw(write_job(tmp_path, replace(job, views=job.views[:1]), VIEWS, RENDER, threads=2), 300)
    np.testing.assert_array_equal(again.query[0], drawn.query[0])
    save_drawn(tmp_path / "a.h5", drawn)
    save_drawn(tmp_path / "b.h5", load_drawn(tmp_path / "a.h5"))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("core", [None, "blue"])
def test_cut_face_shows_the_core_of_its_material(tmp_path: Path, core: str | None) -> None:
    views = ViewSelector(two_cubes(), VIEWS, 0).select([((body_halved(),), 1)]).views
    textures = {view.texture: {1: "red", 2: "red"} for view in views}
    surfaces = {"red": replace(surface(tmp_path, (200, 30, 30)), core=core), "blue": surface(tmp_path, (30, 30, 200))}
    job = Job(two_cubes(), [body_halved()], views, make_reference_views(two_cubes(), VIEWS, 0), textures, surfaces)
    drawn = draw(write_job(tmp_path, job, VIEWS, RENDER, threads=1), 300)
    body = drawn.query[0][drawn.index[0] == 1].astype(int)
    blue, red = (body[:, 2] > body[:, 0] + 30).mean(), (body[:, 0] > body[:, 2] + 30).mean()
    if core is None:
        assert blue == 0 and red > 0.95
    else:
        assert blue > 0.2 and red > 0.2


def test_counterfactual_is_the_image_that_the_intact_shape_gives(tmp_path: Path) -> None:
    """To the bit: the same camera, light, materials and noise, so that all that differs is the anomaly's doing."""
    moved, stained, other = knob_moved(0.25), knob_resurfaced(), replace(knob_resurfaced("other material"), index=5)
    wanted = [((), 1), *(((anomaly,), 1) for anomaly in (moved, stained, other))]
    normal, *changed = ViewSelector(two_cubes(), VIEWS, 0).select(wanted).views
    intact = []
    for view in changed:
        image = RayScene(flatten(part_meshes(two_cubes()))).render(view.camera)
        mask = view.object_mask_normal
        intact.append(replace(view, name=f"{view.name}_intact", marks=(), image=image, object_mask=mask))
    views = [normal, *(view for pair in zip(changed, intact, strict=True) for view in pair)]
    job = replace(
        make_job(tmp_path),
        anomalies=[moved, stained, other],
        views=views,
        textures={view.texture: {1: "red", 2: "green"} for view in views},
        overrides={(changed[2].texture, other.name): {2: "red"}},
        counterfactuals={view.name for view in changed},
    )
    drawn = draw(write_job(tmp_path, job, VIEWS, RENDER, threads=1), 300)
    assert drawn.counterfactual_of.tolist() == [1, 3, 5]
    np.testing.assert_array_equal(drawn.counterfactual, drawn.query[[2, 4, 6]])
    for view, row in zip(changed, (1, 3, 5), strict=True):
        knob = (view.marks[0].new | view.marks[0].old) > 0
        assert (drawn.query[row][knob] != drawn.query[row + 1][knob]).any(axis=1).mean() > 0.5


def edit(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_missing_map_is_an_error_that_names_it_not_magenta(tmp_path: Path) -> None:
    path = write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, threads=1)
    (tmp_path / "200-30-30-normal.png").unlink()
    with pytest.raises(PipelineError, match=r"red: its normal map .*200-30-30-normal\.png is missing"):
        draw(path, 300)


def test_job_of_another_version_is_refused(tmp_path: Path) -> None:
    path = write_job(tmp_path, make_job(tmp_path), VIEWS, RENDER, threads=1)
    edit(path, lambda content: content.update(version=99))
    with pytest.raises(PipelineError, match="version 99"):
        draw(path, 300)


def test_unreadable_renders_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"broken")
    with pytest.raises(PipelineError, match=r"x\.h5"):
        load_drawn(tmp_path / "x.h5")
