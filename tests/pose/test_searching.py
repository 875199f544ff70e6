"""Poses from silhouettes, of cameras off every grid, against the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.geometry.raycast import RayScene
from pipeline.pose.bank import build_bank
from pipeline.pose.pose import ALL, Parameter, Pose, angle_between
from pipeline.pose.refining import Fit, refine
from pipeline.pose.searching import DIRECTION, as_good_as_the_best, find_poses
from tests.pose.scenes import CHAIR, STOOL, round_table, scene_of, silhouette

LIKE = Pose(0.0, 0.0, distance=2.5, focal=1.1)
SIZE = 128
DIRECTIONS = [(3.7, 24.1), (68.3, 38.2), (131.9, 20.6), (201.4, 33.3), (260.2, 29.7), (318.8, 12.4)]


def search(scene: RayScene, mask: np.ndarray, free: Sequence[Parameter] = DIRECTION) -> list[Fit]:
    return find_poses(mask, scene, build_bank(scene, LIKE), LIKE, free)


@pytest.mark.parametrize(("azimuth", "elevation"), DIRECTIONS)
def test_the_direction_is_found_where_the_rest_is_known(azimuth: float, elevation: float) -> None:
    scene, true = scene_of(CHAIR), Pose(azimuth, elevation, distance=2.5, focal=1.1)
    best = search(scene, silhouette(scene, true, SIZE))[0]
    assert angle_between(best.pose, true) < 0.5
    assert best.agreement > 0.95 and best.overlap > 0.97
    assert (best.pose.roll, best.pose.distance, best.pose.focal) == (0.0, 2.5, 1.1)


@pytest.mark.parametrize(("azimuth", "elevation"), DIRECTIONS)
def test_all_of_a_camera_is_found(azimuth: float, elevation: float) -> None:
    scene = scene_of(CHAIR)
    true = Pose(azimuth, elevation, roll=6.0, distance=2.7, focal=1.2, right=0.03, down=-0.02)
    best = search(scene, silhouette(scene, true, SIZE), ALL)[0]
    assert angle_between(best.pose, true) < 1.5
    assert abs(best.pose.roll - 6.0) < 1.0
    assert best.overlap > 0.96


@pytest.mark.parametrize("gone", ["front left", "back", "seat"])
def test_a_part_that_is_missing_does_not_pull_the_pose(gone: str) -> None:
    whole, true = scene_of(CHAIR), Pose(41.3, 27.6, distance=2.5, focal=1.1)
    mask = silhouette(scene_of({name: box for name, box in CHAIR.items() if name != gone}), true, SIZE)
    best = search(whole, mask)[0]
    assert angle_between(best.pose, true) < 0.5
    assert best.overlap < 0.98  # the part is missed


def test_of_an_object_alike_from_four_sides_four_directions_are_as_good() -> None:
    scene, true = scene_of(STOOL), Pose(23.0, 27.0, distance=2.5, focal=1.1)
    good = as_good_as_the_best(search(scene, silhouette(scene, true, SIZE)))
    assert len(good) == 3  # as many as are kept
    for fit in good:
        assert min(angle_between(fit.pose, Pose(23.0 + turn, 27.0)) for turn in (0, 90, 180, 270)) < 0.5


def test_of_a_round_object_any_azimuth_is_as_good() -> None:
    scene, true = round_table(), Pose(100.0, 27.0, distance=2.5, focal=1.1)
    good = as_good_as_the_best(search(scene, silhouette(scene, true, SIZE)))
    assert len(good) == 3
    assert all(abs(fit.pose.elevation - 27.0) < 0.5 for fit in good)


def test_the_error_is_about_as_large_as_it_is_said_to_be() -> None:
    scene, generator, scaled = scene_of(CHAIR), np.random.default_rng(0), []
    for _ in range(12):
        true = Pose(float(generator.uniform(0, 360)), float(generator.uniform(20, 40)), distance=2.5, focal=1.1)
        start = true.moved(DIRECTION, generator.normal(0.0, 2.0, 2))
        fit = refine(start, silhouette(scene, true, SIZE), scene, DIRECTION, 6, 0.02)
        off = fit.pose.values(DIRECTION) - true.values(DIRECTION)
        scaled.append(off / [fit.deviation[name] for name in DIRECTION])
    assert 0.5 < np.sqrt(np.mean(np.square(scaled))) < 2.0


def test_another_object_fits_worse_than_any_anomaly_does() -> None:
    mask = silhouette(scene_of(STOOL), Pose(23.0, 27.0, distance=2.5, focal=1.1), SIZE)
    assert search(scene_of(CHAIR), mask)[0].agreement < 0.6


@pytest.mark.parametrize("value", [True, False])
def test_a_mask_without_an_outline_has_no_pose(value: bool) -> None:
    assert search(scene_of(CHAIR), np.full((SIZE, SIZE), value)) == []


def test_a_pose_that_sees_nothing_stays_where_it_is() -> None:
    scene = scene_of(CHAIR)
    mask = silhouette(scene, Pose(0.0, 30.0, distance=2.5, focal=1.1), SIZE)
    lost = Pose(0.0, 30.0, distance=2.5, focal=1.1, right=3.0)
    fit = refine(lost, mask, scene, ALL, 4, 0.04)
    assert fit.pose == lost and fit.agreement == 0.0 and fit.deviation == dict.fromkeys(ALL, np.inf)


def test_a_pose_that_sees_nothing_else_stays_where_it_is() -> None:
    scene = scene_of({"wall": ((-9.0, -9.0, -0.1), (9.0, 9.0, 0.1))})
    mask = silhouette(scene_of(CHAIR), Pose(0.0, 30.0, distance=2.5, focal=1.1), SIZE)
    assert refine(LIKE, mask, scene, DIRECTION, 4, 0.04).pose == LIKE
