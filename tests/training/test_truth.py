"""True correspondences on a ball whose every ray is known, and through the crops and flips of training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.format.cameras import project, unproject
from pipeline.format.reader import Shard
from pipeline.training.data import ShardDataset
from pipeline.training.index import index_split
from pipeline.training.truth import Cameras, patch_centres, shown_in, true_matches, unmoved_points
from tests.training.synthetic import SIZE, TINY, VIEWS, rewrite, write_dataset

RADIUS, DISTANCE = 0.7, 2.5
K = np.array([[70, 0, 31], [0, 75, 33], [0, 0, 1]], dtype=np.float32)
FINE = 4  # times as many pixels: 256, for which the tolerance of depth is meant
K_FINE = K * np.array([[FINE], [FINE], [1]], dtype=np.float32)


class Hits(NamedTuple):
    """Where rays (p,) meet the ball: world positions (p, 3), nan where they do not, and cosines of incidence (p,)."""

    xyz: NDArray[np.float64]
    cosine: NDArray[np.float64]


def camera(azimuth: float, elevation: float) -> NDArray[np.float32]:
    """world_to_camera at DISTANCE from the origin, looking at it."""
    a, e = np.radians([azimuth, elevation])
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    right = np.array([np.cos(a), 0.0, -np.sin(a)])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, -np.cross(back, right), -back])
    pose[:3, 3] = -pose[:3, :3] @ (DISTANCE * back)
    return pose.astype(np.float32)


def all_pixels(size: int) -> NDArray[np.float64]:
    """(size size, 2) centres, row by row."""
    return np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2) + 0.5


def cast(pose: NDArray[np.float32], pixels: NDArray[np.float64], K: NDArray[np.float32] = K) -> Hits:
    """The nearer root of |o + t d| = RADIUS for the ray of each pixel."""
    eye = -pose[:3, :3].T.astype(np.float64) @ pose[:3, 3]
    direction = np.column_stack([(pixels - K[:2, 2]) / K[[0, 1], [0, 1]], np.ones(len(pixels))]) @ pose[:3, :3]
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    along = direction @ eye
    with np.errstate(invalid="ignore"):
        t = -along - np.sqrt(along**2 - eye @ eye + RADIUS**2)
    xyz = eye + t[:, None] * direction
    return Hits(xyz, -(xyz * direction).sum(-1) / RADIUS)


def ball(*azimuths: float, size: int = SIZE, K: NDArray[np.float32] = K) -> Cameras:
    poses = np.stack([camera(azimuth, 25) for azimuth in azimuths])
    depth = [cast(pose, all_pixels(size), K).xyz @ pose[2, :3] + pose[2, 3] for pose in poses]
    maps = np.nan_to_num(np.stack(depth)).reshape(-1, size, size).astype(np.float32)
    return Cameras(maps, np.tile(K, (len(poses), 1, 1)), poses)


def test_matches_on_a_ball_are_those_of_rays() -> None:
    size = FINE * SIZE
    views = ball(0, 30, 75, 180, size=size, K=K_FINE)
    hits = cast(camera(10, 40), patch_centres(np.arange((size // 8) ** 2), (size, size)), K_FINE)
    known = np.isfinite(hits.xyz).all(-1)
    matched, shown = true_matches(np.nan_to_num(hits.xyz), known, views)
    assert not shown[:, ~known].any()
    judged = 0
    for view, pose in enumerate(views.world_to_camera):
        eye = -pose[:3, :3].T @ pose[:3, 3]
        for point in np.flatnonzero(known):
            xyz = hits.xyz[point]
            facing = float(xyz @ (eye - xyz)) / RADIUS / np.linalg.norm(eye - xyz)
            if abs(facing) < 0.35:
                continue  # near the rim, a pixel's depth is not that of all its points
            judged += 1
            assert shown[view, point] == (facing > 0)
            if facing > 0:
                x, y, z = K_FINE @ (pose[:3, :3] @ xyz + pose[:3, 3])
                assert matched[view, point] == int(y / z / 8) * (size // 8) + int(x / z / 8)
    assert judged > 500
    assert shown[:3].any(axis=1).all() and not shown[3].all()


@settings(deadline=None)
@given(st.floats(0, 360), st.floats(-80, 80), st.lists(st.floats(0, SIZE), min_size=2, max_size=2), st.floats(0.5, 5.0))
def test_projection_undoes_unprojection(azimuth: float, elevation: float, pixel: list[float], depth: float) -> None:
    pose = camera(azimuth, elevation)
    xyz = unproject(K, pose, np.array([pixel]), np.array([depth]))
    again, z = project(K, pose, xyz)
    assert again[0] == pytest.approx(pixel, abs=1e-3) and z[0] == pytest.approx(depth, abs=1e-4)


def test_a_point_behind_the_camera_is_shown_by_no_view() -> None:
    pose = camera(0, 0)
    behind = unproject(K, pose, np.array([[32.0, 32.0]]), np.array([-1.0]))
    in_eye = unproject(K, pose, np.array([[32.0, 32.0]]), np.array([0.0]))
    everywhere = Cameras(np.full((1, SIZE, SIZE), 1.0, np.float32), K[None], pose[None])
    assert not shown_in(np.concatenate([behind, in_eye]), everywhere)[1].any()


def test_patch_centres_are_in_the_middle_of_8_pixels_row_by_row() -> None:
    assert patch_centres(np.array([0, 3, 5]), (16, 32)).tolist() == [[4, 4], [28, 4], [12, 12]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every query and every view shows the ball from one place."""
    write_dataset(tmp_path)
    for group in ("queries", "shapes"):
        for name, values in zip(Cameras._fields, ball(20), strict=True):
            rewrite(tmp_path, "train", f"{group}/{name}", values[:1])
    rewrite(tmp_path, "train", "queries/mask_new", np.zeros((1, SIZE, SIZE), np.uint8))
    return tmp_path


def test_points_of_a_query_are_on_the_ball_and_unknown_on_background_and_moved_parts(folder: Path) -> None:
    moved = np.zeros((1, SIZE, SIZE), np.uint8)
    moved[:, 40:] = 255
    rewrite(folder, "train", "queries/mask_new", moved)
    pixels = all_pixels(SIZE)
    xyz, known = unmoved_points(Shard(folder / "shards" / "train-00000.h5"), 1, pixels)
    hits = cast(camera(20, 25), pixels)
    on_ball = np.isfinite(hits.xyz).all(-1)
    assert known.tolist() == (on_ball & (pixels[:, 1] < 40)).tolist()
    np.testing.assert_allclose(xyz[known], hits.xyz[known], atol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
def test_true_patches_follow_the_crop_and_the_flip_of_the_query(folder: Path, flip: bool) -> None:
    """The query's colours say where its pixels were; all views show what it showed there."""
    x, y = (4 * all_pixels(SIZE).T - 2).reshape(2, SIZE, SIZE)
    rewrite(folder, "train", "queries/image", np.stack([x, y, x], axis=-1)[None].astype(np.uint8))
    config = TINY.model_copy(update={"query_labels": "exact", "crop_share": 0.875, "flip": flip})
    samples = ShardDataset(index_split(folder, "train"), config, augmented=True)
    judged, mirrored = 0, 0
    for epoch in range(6):
        sample = samples.sample((epoch, 0, 0))
        image = sample.inputs.image.numpy().astype(np.float64)
        mirrored += bool(image[0, 32, 10] > image[0, 32, 50])
        for point, patch in enumerate(sample.object_patches.tolist()):
            row, column = divmod(patch, SIZE // 8)
            middle = image[:2, 8 * row + 3 : 8 * row + 5, 8 * column + 3 : 8 * column + 5].mean(axis=(1, 2))
            source = middle / 4 + 0.5
            on_edge = np.abs((source + 4) % 8 - 4).min() < 0.5
            (hit,) = cast(camera(20, 25), source[None]).cosine
            if on_edge or 0 <= hit < 0.35 or not sample.object_patch_valid[point]:
                continue
            judged += 1
            expected = int(source[1] // 8) * (SIZE // 8) + int(source[0] // 8)
            assert sample.true_patch_valid[:, point].tolist() == [bool(hit > 0)] * TINY.reference_views
            if hit > 0:
                assert sample.true_patches[:, point].tolist() == [expected] * TINY.reference_views
    assert judged > 10 and (mirrored > 0) == flip


def test_true_patches_are_not_looked_for_where_nothing_asks_for_them(folder: Path) -> None:
    samples = ShardDataset(index_split(folder, "train"), TINY, augmented=False)
    assert samples.sample((0, 0, 0)).true_patch_valid.shape == (VIEWS, TINY.point_pairs)
    assert not samples.sample((0, 0, 0)).true_patch_valid.any()
