"""Closest views and matches on a plane whose projections are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.format.cameras import project, unproject
from pipeline.training.evaluation.correspondence import Truth, ViewMatches, closest_views, view_matches, view_scores
from pipeline.training.index import index_split
from pipeline.training.models.interface import Inputs, Views
from pipeline.training.truth import Cameras, depth_at, patch_centres, true_matches
from tests.training.synthetic import SIZE, VIEWS, rewrite, write_dataset

FOCAL, DISTANCE = 64.0, 2.0
K = np.array([[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1]], dtype=np.float32)
PATCHES = SIZE // 8
#: Similarity (t, n, h w) of descriptors that name the place in the image: patches match the same patch of any view.
EXACT = np.tile(np.eye(PATCHES**2, dtype=np.float32)[:, None], (1, VIEWS, 1))


def from_azimuth(degrees: float, right: float = 0.0) -> NDArray[np.float32]:
    """A level OpenCV camera at DISTANCE, looking at the origin from an azimuth, then moved to its right."""
    angle = math.radians(degrees)
    back = np.array([math.sin(angle), 0.0, math.cos(angle)])
    across = np.array([math.cos(angle), 0.0, -math.sin(angle)])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([across, [0.0, -1.0, 0.0], -back])
    pose[:3, 3] = -pose[:3, :3] @ (DISTANCE * back + right * across)
    return pose.astype(np.float32)


def plane(views: int) -> Cameras:
    """Views of the plane z = 0, each moved right by a patch (8 px) more than the last."""
    poses = np.stack([from_azimuth(0, right=number * 8 * DISTANCE / FOCAL) for number in range(views)])
    depth = np.full((views, SIZE, SIZE), DISTANCE, dtype=np.float32)
    return Cameras(depth, np.tile(K, (views, 1, 1)), poses)


def test_projecting_what_was_unprojected_gives_the_pixel_back() -> None:
    pose = from_azimuth(40)
    pixels, depth = np.array([[3.5, 60.5], [32.0, 32.0]]), np.array([1.5, 2.5])
    xyz = unproject(K, pose, pixels, depth)
    again, seen = project(K, pose, xyz)
    np.testing.assert_allclose(again, pixels, atol=1e-4)
    np.testing.assert_allclose(seen, depth, atol=1e-5)


def test_the_middle_pixel_unprojects_to_the_origin() -> None:
    xyz = unproject(K, from_azimuth(70), np.array([[32.0, 32.0]]), np.array([DISTANCE]))
    np.testing.assert_allclose(xyz, 0, atol=1e-6)


def test_depth_is_that_of_the_pixel_that_holds_the_point_and_zero_outside() -> None:
    depth = np.arange(6, dtype=np.float32).reshape(2, 3)
    pixels = np.array([[0.0, 0.0], [2.9, 1.2], [3.0, 0.5], [-0.1, 0.5]])
    assert depth_at(depth, pixels).tolist() == [0, 5, 0, 0]


def test_true_matches_on_a_plane_move_by_one_patch_a_view() -> None:
    views = plane(3)
    patches = np.array([9, 20, 16])  # rows 1, 2, 2; columns 1, 4, 0
    xyz = unproject(K, views.world_to_camera[0], patch_centres(patches, (SIZE, SIZE)), np.full(3, DISTANCE))
    matched, shown = true_matches(xyz, np.array([True, True, True]), views)
    assert matched[0].tolist() == patches.tolist() and shown[0].all()
    assert matched[1, :2].tolist() == [8, 19] and shown[1].tolist() == [True, True, False]  # column 0 leaves the frame
    assert matched[2, 1] == 18 and shown[2].tolist() == [False, True, False]


def test_a_point_behind_what_a_view_shows_is_not_matched() -> None:
    views = plane(1)
    behind = np.array([[0.0, 0.0, -0.1], [0.0, 0.0, 0.0]])
    assert true_matches(behind, np.ones(2, bool), views)[1].tolist() == [[False, True]]
    assert not true_matches(behind, np.zeros(2, bool), views)[1].any()


def test_the_closest_view_has_the_smallest_angle_and_ties_all_count() -> None:
    views = np.stack([from_azimuth(azimuth) for azimuth in (0, 18, 90, 350)])
    assert closest_views(from_azimuth(12), views).tolist() == [False, True, False, False]
    assert closest_views(from_azimuth(9), views).tolist() == [True, True, False, False]


def matched(similarity: NDArray[np.float32], valid: NDArray[np.bool_] | None = None) -> ViewMatches:
    """Of one sample: similarity (t, n, h w), and which patches of the views are no background, (n, h w)."""
    patches, views, keys = similarity.shape
    shown = np.ones((views, keys), bool) if valid is None else valid
    descriptors = torch.from_numpy(similarity).permute(1, 2, 0)  # their products with unit vectors are the similarity
    return view_matches(torch.eye(patches)[None], descriptors, of_views(torch.from_numpy(shown)[:, None]))[0]


def of_views(valid: torch.Tensor, chosen: torch.Tensor | None = None) -> Inputs:
    """Views (v, h, w) of which this is no background; ``chosen``: one query's, all of them, in their order."""
    one = torch.arange(len(valid))[None] if chosen is None else chosen
    blank, image = torch.zeros(0), torch.zeros(valid.shape, dtype=torch.uint8)
    return Inputs(blank, blank, Views.of(image, torch.zeros(*valid.shape, 3), valid), one)


def test_view_scores_average_the_best_match_of_each_object_patch() -> None:
    similarity = np.array(
        [[[0.1, 0.9], [0.5, 0.4]], [[0.2, 0.3], [0.6, 0.8]], [[1.0, 1.0], [0.0, 0.0]]], dtype=np.float32
    )
    matches = matched(similarity, np.array([[True, True], [True, False]]))
    assert view_scores(matches, np.array([0, 1])) == pytest.approx([0.6, 0.55])
    assert view_scores(matches, np.array([], dtype=np.int64)).tolist() == [0, 0]
    nothing = matched(similarity, np.zeros((2, 2), bool))
    assert view_scores(nothing, np.array([0])).tolist() == [-np.inf, -np.inf]


def test_the_best_match_in_each_view_is_the_one_found_by_looking_at_all() -> None:
    """Of two queries that share views."""
    generator = torch.Generator().manual_seed(0)
    query, views = torch.randn(2, 5, 4, generator=generator), torch.randn(4, 6, 4, generator=generator)
    valid = torch.rand(4, 2, 3, generator=generator) < 0.6
    valid[2] = False  # a view that shows nothing
    chosen = torch.tensor([[3, 0, 1], [1, 2, 3]])
    for sample, matches in enumerate(view_matches(query, views, of_views(valid, chosen))):
        for patch, place in np.ndindex(5, 3):
            view = int(chosen[sample, place])
            open_to = np.flatnonzero(valid[view].flatten())
            own = (views[view] @ query[sample, patch]).numpy()[open_to]
            expected = own.max() if len(open_to) else -np.inf
            assert matches.similarity[patch, place] == pytest.approx(expected, rel=1e-5)
            assert len(open_to) == 0 or matches.patch[patch, place] == open_to[own.argmax()]


@pytest.fixture
def known(tmp_path: Path) -> Truth:
    """A test split of which every query shows the plane as the second view does."""
    write_dataset(tmp_path)
    views = plane(VIEWS)
    for name, values in zip(Cameras._fields, views, strict=True):
        rewrite(tmp_path, "test", f"shapes/{name}", values[None])
        rewrite(tmp_path, "test", f"queries/{name}", values[1][None])
    rewrite(tmp_path, "test", "queries/mask_new", np.zeros((1, SIZE, SIZE), np.uint8))
    return Truth(index_split(tmp_path, "test"))


def test_descriptors_that_name_the_place_have_a_pck_of_one_and_others_as_far_as_they_err(known: Truth) -> None:
    patches = np.arange(PATCHES**2)
    assert known.closest_views(0).tolist() == [False, True, False, False]
    assert known.pck(0, matched(EXACT), patches).tolist() == [1, 1, 1]
    # One patch off is 8 px of 64: 12.5 % of the image.
    inner = patches.reshape(PATCHES, PATCHES)[:, :-1].ravel()
    off = matched(np.roll(EXACT, 1, axis=-1))
    assert known.pck(0, off, inner).tolist() == [0, 0, 1]


def test_errors_in_another_view_are_measured_where_it_shows_the_patch(known: Truth) -> None:
    patches = np.array([9, 20, 16])  # columns 1, 4, 0
    # Descriptors name the query's place; the third view, a patch to the right, shows it a patch further left.
    errors = known.errors(0, 2, matched(EXACT), patches)
    assert errors[:2] == pytest.approx([1 / 8, 1 / 8]) and np.isnan(errors[2])  # column 0 leaves the frame


def test_patches_of_a_moved_part_or_of_background_are_not_judged(known: Truth, tmp_path: Path) -> None:
    everything = np.full((1, SIZE, SIZE), 255, np.uint8)
    rewrite(tmp_path, "test", "queries/mask_new", everything)
    assert np.isnan(known.pck(0, matched(EXACT), np.arange(PATCHES**2))).all()


def test_a_view_that_shows_nothing_has_no_matches_to_judge(known: Truth) -> None:
    nothing = np.zeros((VIEWS, PATCHES**2), bool)
    assert np.isnan(known.pck(0, matched(EXACT, nothing), np.arange(PATCHES**2))).all()
