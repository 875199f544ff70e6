"""Points in space from their pixels in several views."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def triangulate(
    K: NDArray[Any], world_to_camera: NDArray[Any], pixels: NDArray[Any], visible: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """World positions (P, 3) of points by their ``pixels`` (V, P, 2), (x, y), in several views.

    K: (V, 3, 3) in pixels; world_to_camera: (V, 4, 4).
    Linear least squares over the views in which a point is ``visible`` (V, P), or over all of them where fewer than two
    are. In the camera's plane at depth 1 the pixel is (x, y), and x r3 - r1 and y r3 - r2 (rows of the rotation) are
    normal to the ray.
    """
    pose = world_to_camera.astype(np.float64)
    rotation, translation = pose[:, None, :3, :3], pose[:, None, :3, 3]
    ones = np.ones((*pixels.shape[:2], 1))
    plane = np.concatenate([pixels, ones], axis=2) @ np.linalg.inv(K.astype(np.float64)).swapaxes(1, 2)
    used = visible | (visible.sum(axis=0) < 2)
    normals = (plane[..., :2, None] * rotation[..., 2:, :] - rotation[..., :2, :]) * used[..., None, None]
    offsets = (translation[..., :2] - plane[..., :2] * translation[..., 2:]) * used[..., None]
    matrix = np.einsum("vpij,vpik->pjk", normals, normals)
    right = np.einsum("vpij,vpi->pj", normals, offsets)
    return np.asarray((np.linalg.pinv(matrix, hermitian=True) @ right[..., None])[..., 0])
