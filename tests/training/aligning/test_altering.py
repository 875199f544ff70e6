"""References changed on purpose, and what a photograph of the intact object lacks and shows beside them."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.format.boxes import bounding_box
from pipeline.format.labels import LABELS, PAPER_TYPES
from pipeline.geometry.raycast import RayScene
from pipeline.geometry.soup import Soup, soup_of
from pipeline.pose.pose import Pose
from pipeline.training.aligning.altering import LEAST, Altered, alter
from tests.pose.scenes import CHAIR, mesh_of, scene_of

SIZE = 64
CAMERA = Pose(40.0, 25.0, 0.0, 2.5, 1.1).camera(SIZE)
SOUP = soup_of(mesh_of(CHAIR))
SEEN = scene_of(CHAIR).render(CAMERA).part_ids


def altered(seed: int) -> Altered:
    found = alter(SOUP, CAMERA, SEEN, np.random.default_rng(seed))
    assert found is not None
    return found


def kind_of(one: Altered) -> str:
    return LABELS[one.anomaly.anomaly_type]


ALL = [altered(seed) for seed in range(40)]


def test_every_type_comes_up_and_changes_what_can_be_seen() -> None:
    assert {kind_of(one) for one in ALL} == set(PAPER_TYPES)
    for one in ALL:
        old, new = one.anomaly.mask_old > 0, one.anomaly.mask_new > 0
        assert (old != new).mean() >= LEAST
        assert new.any() != (kind_of(one) == "missing")
        np.testing.assert_array_equal(one.anomaly.bbox, bounding_box(new if new.any() else old))


def test_only_one_part_differs_and_only_where_the_masks_say() -> None:
    for one in ALL:
        old, new = one.anomaly.mask_old > 0, one.anomaly.mask_new > 0
        other = one.scene.render(CAMERA).part_ids
        differs = other != SEEN
        assert not (differs & ~old & ~new).any()
        name = np.unique(other[old])
        assert len(name) <= 1
        if kind_of(one) == "missing":
            np.testing.assert_array_equal(old, other == SEEN.max() + 1)
        else:
            assert np.unique(SEEN[new]).tolist() == name.tolist() or not old.any()


def test_it_depends_on_the_generator_alone_and_leaves_the_reference_as_it_was() -> None:
    before = SOUP.vertices.copy()
    for one, again in ((altered(7), altered(7)), (altered(8), altered(8))):
        np.testing.assert_array_equal(one.scene.soup.vertices, again.scene.soup.vertices)
        np.testing.assert_array_equal(one.anomaly.mask_old, again.anomaly.mask_old)
    np.testing.assert_array_equal(SOUP.vertices, before)


@pytest.mark.parametrize("soup", [SOUP, Soup(np.zeros((0, 3)), np.zeros((0, 3), np.int64), np.zeros(0, np.uint16))])
def test_where_nothing_shows_nothing_is_altered(soup: Soup) -> None:
    away = Pose(40.0, 25.0, 0.0, 2.5, 1.1, right=5.0).camera(SIZE)
    seen = RayScene(soup).render(away).part_ids
    assert not seen.any()
    assert alter(soup, away, seen, np.random.default_rng(0)) is None
