"""Fitting a camera to a silhouette: outlines are drawn together, step by step (iterated closest points).

Each step draws the reference from the pose at hand, and pairs the pixels along its outline with the silhouette's and
the other way round. How the pose must move for the pairs to meet is a problem of least squares (Gauss and Newton).
Pairs far apart count for little (weights of Geman and McClure), and for less the further the fit is: what an anomaly
took away, or put there, has no counterpart and must not pull.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial import cKDTree

from pipeline.format.cameras import unproject
from pipeline.geometry.raycast import RayImage, RayScene
from pipeline.pose.pose import Parameter, Pose
from pipeline.pose.silhouette import Outline, outline, rim

#: How far each parameter is moved to see where that takes pixels.
PROBES: Mapping[Parameter, float] = {
    "azimuth": 0.05,
    "elevation": 0.05,
    "roll": 0.05,
    "distance": 1e-3,
    "focal": 1e-3,
    "right": 1e-4,
    "down": 1e-4,
}
#: Standard deviations of a parameter about where it starts, where nobody knows it and yet not anything will do. They
#: hold what a silhouette hardly tells, such as distance and focal length apart.
PRIORS: Mapping[Parameter, float] = {
    "azimuth": 1e3,
    "elevation": 1e3,
    "roll": 10.0,
    "distance": 0.5,
    "focal": 0.2,
    "right": 0.1,
    "down": 0.1,
}
#: At which distance, in shares of the image's edge, a pair counts a quarter: in the last step, and to be said to agree.
LAST_SCALE, AGREEMENT_SCALE = 0.006, 0.012
#: Pixels: outlines of masks are not known better.
LEAST_SPREAD = 0.1
#: Pairs beside each other err alike, so that of so many one tells something (measured: fits to silhouettes that are
#: exact but for pixels are off 2.7 times as much as if each did).
ALIKE = 8.0
#: Degrees. Beyond such a step the pairs are others.
LONGEST_STEP = 8.0
ANGLES = ("azimuth", "elevation", "roll")


@dataclass(frozen=True, eq=False)
class Fit:
    """A pose, and how well the reference fits the silhouette from there.

    overlap: intersection over union; agreement: share of both outlines that lies along the other, in [0, 1]; deviation:
    the standard error of each parameter that was free, in the pose's units, as far as noise makes it, infinite where
    nothing was fitted. That an object looks alike from elsewhere, it does not tell: other fits do.
    """

    pose: Pose
    overlap: float
    agreement: float
    deviation: Mapping[Parameter, float]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pixels of one outline and the nearest of the other.

    residual: how far apart across the outline, in pixels; jacobian: how that changes with each parameter.
    """

    residual: Float64[np.ndarray, " pair"]
    jacobian: Float64[np.ndarray, "pair parameter"]

    def weights(self, scale: float) -> Float64[np.ndarray, " pair"]:
        """1 for pairs that meet, a quarter for pairs ``scale`` pixels apart, 0 for those far apart."""
        return np.asarray(1.0 / (1.0 + (self.residual / scale) ** 2) ** 2)


def refine(
    start: Pose,
    mask: Bool[np.ndarray, "size size"],
    scene: RayScene,
    free: Sequence[Parameter],
    steps: int,
    first_scale: float,
) -> Fit:
    """The best pose on a way of so many steps from ``start``, on which only ``free`` parameters move.

    first_scale: as ``LAST_SCALE``, in the first step: how far off the start may be.
    """
    size, target = len(mask), outline(mask)
    best = Fit(start, 0.0, 0.0, dict.fromkeys(free, np.inf))
    pose = start
    for scale in np.geomspace(first_scale, LAST_SCALE, steps + 1) * size:
        drawn = scene.render(pose.camera(size))
        silhouette = drawn.part_ids > 0
        if len(rim(silhouette)) == 0:  # nothing is seen, or nothing else
            break
        pairs = _pair(pose, drawn, target, free)
        step, covariance = _solve(pairs, scale, pose.values(free) - start.values(free), free)
        agreement = float(pairs.weights(AGREEMENT_SCALE * size).mean())
        if agreement > best.agreement:
            overlap = float((silhouette & mask).sum() / (silhouette | mask).sum())
            deviation = np.sqrt(ALIKE * np.diag(covariance)).tolist()
            best = Fit(pose, overlap, agreement, dict(zip(free, deviation, strict=True)))
        pose = pose.moved(free, step)
    return best


def _solve(
    pairs: Pairs, scale: float, gone: Float64[np.ndarray, " parameter"], free: Sequence[Parameter]
) -> tuple[Float64[np.ndarray, " parameter"], Float64[np.ndarray, "parameter parameter"]]:
    """A step of the parameters, which are as far as ``gone`` from where they started, and their covariance."""
    weight = pairs.weights(scale)
    variance = max(float((weight * pairs.residual**2).sum() / max(weight.sum(), 1e-9)), LEAST_SPREAD**2)
    prior = np.array([PRIORS[name] for name in free]) ** -2.0
    weighted = pairs.jacobian.T * (weight / variance)
    covariance = np.linalg.inv(weighted @ pairs.jacobian + np.diag(prior))
    step = -covariance @ (weighted @ pairs.residual + prior * gone)
    turn = max((abs(change) for name, change in zip(free, step, strict=True) if name in ANGLES), default=0.0)
    return step * min(1.0, LONGEST_STEP / max(turn, LONGEST_STEP)), covariance


def _pair(pose: Pose, drawn: RayImage, target: Outline, free: Sequence[Parameter]) -> Pairs:
    """Pairs of the outline that ``pose`` draws with the target's, and back."""
    size = len(drawn.depth)
    camera = pose.camera(size)
    rows, columns = rim(drawn.part_ids > 0).T
    pixels = np.column_stack([columns, rows]) + 0.5
    points = unproject(camera.K, camera.world_to_camera, pixels, drawn.depth[rows, columns])
    shifts = [_shifted(pose, name, points, size) - pixels for name in free]
    moves = np.stack([shift / PROBES[name] for shift, name in zip(shifts, free, strict=True)], axis=-1)
    distance, gradient = target.at(pixels)
    forth = Pairs(distance + 0.5, np.einsum("pd,pdk->pk", gradient, moves))  # a rim's pixels lie half a one inside
    _, nearest = cKDTree(pixels).query(target.pixels)
    _, normal = target.at(target.pixels)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    apart = ((pixels[nearest] - target.pixels) * normal).sum(-1)
    back = Pairs(apart, np.einsum("pd,pdk->pk", normal, moves[nearest]))
    return Pairs(np.concatenate([forth.residual, back.residual]), np.concatenate([forth.jacobian, back.jacobian]))


def _shifted(
    pose: Pose, name: Parameter, points: Float64[np.ndarray, "point 3"], size: int
) -> Float64[np.ndarray, "point 2"]:
    """Where points are seen when one parameter is moved a little."""
    return pose.moved([name], np.array([PROBES[name]])).camera(size).project(points)[0]
