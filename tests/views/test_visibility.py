import numpy as np
import pytest

from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.config import ViewsConfig
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.shapes.shape import flatten
from pipeline.views.visibility import bounding_box, changed_pixels, make_masks, touches_frame, visible_share
from tests.scenes import front_camera, knob_missing, knob_moved, two_cubes

CONFIG = ViewsConfig()
CAMERA = front_camera(CONFIG)


def render(anomaly: Anomaly | None) -> RayImage:
    return RayScene(flatten(part_meshes(two_cubes(), anomaly))).render(CAMERA)


def test_missing_knob_leaves_no_pixels_of_it() -> None:
    intact, anomalous = render(None), render(knob_missing())
    masks = make_masks(intact, anomalous, (2,))
    assert not masks.new.any()
    assert ((masks.old > 0) == (intact.part_ids == 2)).all()
    assert (masks.object_normal > 0).sum() - (masks.object > 0).sum() == (masks.old > 0).sum()
    assert changed_pixels(intact, anomalous) == (masks.old > 0).sum()


def test_moved_knob_has_both_masks_and_the_box_is_where_it_is_now() -> None:
    intact, anomalous = render(None), render(knob_moved(0.2))
    masks = make_masks(intact, anomalous, (2,))
    f = CAMERA.K[0, 0]
    x, y, width, height = bounding_box(masks.new)
    # Front face of the moved knob: x in 0.7..0.9 at depth 2.4; its near side face reaches further in.
    assert x + width == pytest.approx(128 + f * 0.9 / 2.4, abs=1)
    assert height == pytest.approx(f * 0.2 / 2.4, abs=1)
    assert y == pytest.approx(128 - f * 0.1 / 2.4, abs=1)
    # It touches its old place (0.5..0.7 became 0.7..0.9), so every pixel of either mask has changed.
    either = (masks.new > 0) | (masks.old > 0)
    assert changed_pixels(intact, anomalous) >= 0.9 * either.sum()


def test_unchanged_shape_has_no_changed_pixels() -> None:
    assert changed_pixels(render(None), render(knob_moved(0.0))) == 0


def test_knob_behind_the_body_is_hidden() -> None:
    behind = Anomaly(0, "positional", (2,), "", {2: knob_moved(0).replaced[2]}, {}, {})
    mesh = behind.replaced[2]
    assert mesh is not None
    mesh.apply_translation([-0.6, 0.0, -0.8])
    alone = RayScene(flatten([(2, mesh)])).render(CAMERA)
    assert visible_share(render(behind), alone, (2,)) == 0.0
    beside = RayScene(flatten([(2, two_cubes().part(2).mesh)])).render(CAMERA)
    assert visible_share(render(None), beside, (2,)) == 1.0


def test_box_is_tight_and_half_open() -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[2:5, 3:4] = 255
    assert bounding_box(mask) == (3, 2, 1, 3)
    assert bounding_box(np.zeros_like(mask)) == (0, 0, 0, 0)


@pytest.mark.parametrize("pixel", [(0, 3), (7, 3), (3, 0), (3, 7)])
def test_border_pixels_touch_the_frame(pixel: tuple[int, int]) -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[3, 3] = 255
    assert not touches_frame(mask)
    mask[pixel] = 255
    assert touches_frame(mask)
