"""White around the object in every light, its shadow under it, and nothing of the ground from below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from pipeline.anomalies.anomaly import part_meshes
from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import RayScene
from pipeline.quality.images import index_agreement
from pipeline.rendering.blender import Drawn, draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, write_job
from pipeline.rendering.region import EDGE_MARGIN, ground_under
from pipeline.shapes.shape import Part, Shape, flatten
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import View
from pipeline.views.visibility import object_mask, touches_frame
from tests.rendering.test_blender import surface
from tests.scenes import cube

CONFIG = ViewsConfig(resolution=96, reference_views=1, surface_points=1)
RENDER = RenderConfig(samples=8, reference_samples=1)
LIGHTS, TOP = range(6), 4
EDGE = 0.9
BOX = Shape("box", "", "", (Part(1, "box", 0, (0, 1), cube((0.0, 0.0, 0.0), EDGE)),))
GROUND = ground_under([BOX.part(1).mesh.vertices])

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def seen_from(azimuth: float, elevation: float, focal_mm: float, light: int) -> View:
    camera = orbit_camera(CONFIG.model_copy(update={"focal_mm": focal_mm}), azimuth, elevation)
    image = RayScene(flatten(part_meshes(BOX))).render(camera)
    mask = object_mask(image)
    return View("", (), azimuth, elevation, CONFIG.radius, light, 0, camera, image, mask, mask)


def draw_box(folder: Path, views: Sequence[View], colour: tuple[int, int, int]) -> Drawn:
    surfaces = {"paint": surface(folder, colour)}
    job = Job(BOX, [], views, make_reference_views(BOX, CONFIG, 0), {0: {1: "paint"}}, surfaces)
    return draw(write_job(folder, job, CONFIG, RENDER, threads=2), 300)


def ground_seen(camera: Camera) -> Mask:
    """(S, S) True where a pixel's ray meets the disc of the ground, behind the object or not."""
    rays = camera.rays
    with np.errstate(divide="ignore"):
        t = (GROUND.height - camera.centre[1]) / rays[..., 1]
    apart = (camera.centre + rays * t[..., None])[..., [0, 2]] - GROUND.centre
    return np.asarray((t > 0) & (np.linalg.norm(apart, axis=-1) < GROUND.radius))


def beside(view: View) -> Mask:
    """Pixels that the object's anti-aliased edge does not reach."""
    return np.asarray(maximum_filter(view.object_mask, 2 * EDGE_MARGIN + 1) == 0)


def ring(number: int) -> Mask:
    """The pixels along the border (0), those along these (1), and so on."""
    line = np.minimum(np.arange(CONFIG.resolution), np.arange(CONFIG.resolution)[::-1])
    return np.asarray(np.minimum(line[:, None], line) == number)


@pytest.fixture(scope="module")
def close(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[View], Drawn]:
    """A black box as close to the frame as is allowed, in all lights."""
    lenses = (
        focal for focal in np.arange(90.0, 40.0, -0.25) if not touches_frame(seen_from(20, 25, focal, 0).object_mask)
    )
    longest = next(lenses)
    views = [seen_from(20.0, 25.0, longest, light) for light in LIGHTS]
    return views, draw_box(tmp_path_factory.mktemp("close"), views, (4, 4, 4))


def test_every_border_pixel_is_white_in_every_light(close: tuple[Sequence[View], Drawn]) -> None:
    views, drawn = close
    near = ring(2) | ring(3) | ring(4)
    assert (views[0].object_mask[near] > 0).any(), "the box must be close to the frame"
    for image in drawn.query:
        assert np.median(image[views[0].object_mask > 0]) < 60, "the box must be dark"
        white = (image == 255).all(axis=2)
        assert white[ring(0)].all()
        # What is further in is not cut off, but faded.
        assert white[(ring(1) | ring(2)) & beside(views[0])].all()


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[View], Drawn]:
    """A saturated red box with room around it, in all lights."""
    views = [seen_from(20.0, 30.0, 36.0, light) for light in LIGHTS]
    return views, draw_box(tmp_path_factory.mktemp("red"), views, (215, 10, 10))


def test_background_off_the_ground_is_exactly_white(red: tuple[Sequence[View], Drawn]) -> None:
    for view, image in zip(red[0], red[1].query, strict=True):
        off = beside(view) & ~maximum_filter(ground_seen(view.camera), 3)
        assert off.mean() > 0.2
        assert (image[off] == 255).all()


def test_shadow_under_the_top_light_is_dark_and_neutral(red: tuple[Sequence[View], Drawn]) -> None:
    view, image = red[0][TOP], red[1].query[TOP].astype(int)
    around = image[beside(view)]
    assert around.min() < 235
    assert np.ptp(around, axis=1).max() <= 2, "the box's red must not be on the ground"
    inside = image[minimum_filter(view.object_mask, 5) > 0]
    assert np.median(inside[:, 0]) > 3 * np.median(inside[:, 1]), "the box must be red"


def test_shadow_lies_on_the_ground_only_and_fades_toward_its_rim(red: tuple[Sequence[View], Drawn]) -> None:
    view, image = red[0][TOP], red[1].query[TOP].min(axis=2)
    shadow = beside(view) & (image < 250)
    assert shadow.sum() > 50
    assert ground_seen(view.camera)[shadow].all()


def test_a_camera_below_the_ground_sees_the_object_not_the_ground(tmp_path: Path) -> None:
    views = [seen_from(20.0, elevation, 36.0, TOP) for elevation in (-35.0, 35.0)]
    below, above = draw_box(tmp_path, views, (215, 10, 10)).query
    drawn = minimum_filter(views[0].object_mask, 5) > 0
    assert ground_seen(views[0].camera)[drawn].mean() > 0.5, "the ground would hide the box"
    red, green, blue = below[drawn].astype(float).mean(axis=0)
    assert red > 3 * max(green, blue)
    assert (below[beside(views[0])] == 255).all()
    assert above[beside(views[1])].min() < 250, "from above there is a ground, with a shadow"


def test_the_index_image_has_no_ground(red: tuple[Sequence[View], Drawn]) -> None:
    for view, index in zip(red[0], red[1].index, strict=True):
        assert index_agreement(index, view.image.part_ids) == 1.0
