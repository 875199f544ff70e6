import numpy as np
import pytest

from pipeline.anomalies.anomaly import Anomaly, part_meshes
from pipeline.format.boxes import bounding_box, mask_iou
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.shapes.shape import flatten
from pipeline.views.config import ViewsConfig
from pipeline.views.visibility import changed, object_mask, part_mask, touches_frame, visible_share
from tests.scenes import front_camera, knob_missing, knob_moved, two_cubes

CONFIG = ViewsConfig()
CAMERA = front_camera(CONFIG)


def render(*anomalies: Anomaly) -> RayImage:
    return RayScene(flatten(part_meshes(two_cubes(), anomalies))).render(CAMERA)


def test_missing_knob_leaves_no_pixels_of_it() -> None:
    intact, anomalous = render(), render(knob_missing())
    assert not part_mask(anomalous, (2,)).any()
    old = part_mask(intact, (2,)) > 0
    assert (old == (intact.part_ids == 2)).all()
    assert ((object_mask(intact) > object_mask(anomalous)) == old).all()
    assert (changed(intact, anomalous) == old).all()


def test_moved_knob_has_both_masks_and_the_box_is_where_it_is_now() -> None:
    intact, anomalous = render(), render(knob_moved(0.2))
    new, old = part_mask(anomalous, (2,)), part_mask(intact, (2,))
    f = CAMERA.K[0, 0]
    x, y, width, height = bounding_box(new)
    # Front face of the moved knob: x in 0.7..0.9 at depth 2.4; its near side face reaches further in.
    assert x + width == pytest.approx(128 + f * 0.9 / 2.4, abs=1)
    assert height == pytest.approx(f * 0.2 / 2.4, abs=1)
    assert y == pytest.approx(128 - f * 0.1 / 2.4, abs=1)
    # It touches its old place (0.5..0.7 became 0.7..0.9), so every pixel of either mask has changed.
    either = (new > 0) | (old > 0)
    assert changed(intact, anomalous).sum() >= 0.9 * either.sum()


def test_unchanged_shape_has_no_changed_pixels() -> None:
    assert not changed(render(), render(knob_moved(0.0))).any()


def test_knob_behind_the_body_is_hidden() -> None:
    behind = Anomaly(0, "positional", (2,), "", {2: knob_moved(0).replaced[2]}, {}, {})
    mesh = behind.replaced[2]
    assert mesh is not None
    mesh.apply_translation([-0.6, 0.0, -0.8])
    alone = RayScene(flatten([(2, mesh)])).render(CAMERA)
    assert visible_share(part_mask(render(behind), (2,)), alone) == 0.0
    beside = RayScene(flatten([(2, two_cubes().part(2).mesh)])).render(CAMERA)
    assert visible_share(part_mask(render(), (2,)), beside) == 1.0


def test_box_is_tight_and_half_open() -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[2:5, 3:4] = 255
    assert bounding_box(mask) == (3, 2, 1, 3)
    assert bounding_box(np.zeros_like(mask)) == (0, 0, 0, 0)


def test_iou_of_masks() -> None:
    none, two, three = np.zeros((3, 4, 4), dtype=np.uint8)
    two[0, :2] = three[0, 1:] = 255
    assert mask_iou(two, three) == 1 / 4
    assert mask_iou(two, two) == 1.0
    assert mask_iou(two, none) == mask_iou(none, none) == 0.0


@pytest.mark.parametrize("pixel", [(0, 3), (7, 3), (3, 0), (3, 7), (1, 3), (6, 3), (3, 1), (3, 6)])
def test_pixels_of_the_two_outer_rings_touch_the_frame(pixel: tuple[int, int]) -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    mask[2:6, 2:6] = 255
    assert not touches_frame(mask)
    mask[pixel] = 255
    assert touches_frame(mask)
