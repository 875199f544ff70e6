"""From a silhouette to the poses that may have made it: many are compared, some refined, the best kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from pipeline.geometry.raycast import RayScene
from pipeline.pose.bank import Bank
from pipeline.pose.pose import Parameter, Pose, angle_between
from pipeline.pose.refining import Fit, refine
from pipeline.pose.silhouette import shrunk

DIRECTION: tuple[Parameter, ...] = ("azimuth", "elevation")
#: How many poses of the bank are refined, on masks of how many pixels, and how many of these on the mask itself.
CANDIDATES, COARSE, KEPT = 10, 64, 3
#: Steps of refining, and how far off poses of the bank may be, in shares of the image's edge; likewise of the second.
STEPS, FIRST_SCALE = 7, 0.04
FINE_STEPS, FINE_SCALE = 5, 0.015
#: Degrees: candidates look from directions so far apart; fits that do not are the same.
APART, SAME = 9.0, 6.0
#: Fits whose agreement is less than so much below the best's are as good.
AS_GOOD = 0.02
#: Agreement with the right reference is above it whatever the anomaly, nearly always, and with another mostly below.
FITS = 0.5


def find_poses(
    mask: Bool[np.ndarray, "size size"], scene: RayScene, bank: Bank, like: Pose, free: Sequence[Parameter]
) -> list[Fit]:
    """The poses from which the scene's silhouette fits a mask, best first; no two from about the same direction.

    like: what is known of the camera, and where the search begins in what is not; free: what is not known, azimuth and
    elevation among it, which are looked for everywhere. Empty where the mask is, or fills the image.
    """
    if not mask.any() or mask.all():
        return []
    starts = [replace(like, azimuth=pose.azimuth, elevation=pose.elevation) for pose in _candidates(mask, bank)]
    small = shrunk(mask, COARSE) >= 0.5
    coarse = distinct([refine(start, small, scene, free, STEPS, FIRST_SCALE) for start in starts])
    return distinct([refine(fit.pose, mask, scene, free, FINE_STEPS, FINE_SCALE) for fit in coarse[:KEPT]])


def as_good_as_the_best(fits: Sequence[Fit]) -> list[Fit]:
    """The best of ``find_poses``, and those that nothing tells from it: more than one where an object is symmetric.

    None of none.
    """
    return [fit for fit in fits if fit.agreement > fits[0].agreement - AS_GOOD]


def distinct(fits: Sequence[Fit]) -> list[Fit]:
    """By agreement, the best first; of those from about the same direction the best alone."""
    kept: list[Fit] = []
    for fit in sorted(fits, key=lambda fit: -fit.agreement):
        if all(angle_between(fit.pose, other.pose) > SAME for other in kept):
            kept.append(fit)
    return kept


def _candidates(mask: Bool[np.ndarray, "size size"], bank: Bank) -> list[Pose]:
    """Poses of the bank whose silhouettes overlap the mask most, by either way to lay one on the other, in turns."""
    orders = [np.argsort(-overlaps, kind="stable") for overlaps in bank.overlaps(mask)]
    chosen: list[Pose] = []
    for index in np.stack(orders, axis=1).ravel().tolist():
        pose = bank.poses[index]
        if all(angle_between(pose, other) > APART for other in chosen):
            chosen.append(pose)
        if len(chosen) == CANDIDATES:
            break
    return chosen
