"""What an equirectangular image is as a light (no Blender in here, so that tests may import it).

Images are (H, W, 3) linear, row 0 at the zenith, the last at the nadir; a turn about the vertical changes nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mean_radiance(image: NDArray[np.floating]) -> float:
    """Mean over the sphere and the channels."""
    sine = _edge_sines(len(image))
    weight = sine[:-1] - sine[1:]  # of the solid angle
    return float(_rows(image).mean(axis=1) @ weight / 2)


def level_radiance(image: NDArray[np.floating]) -> Array:
    """(3,) radiance of a white, level surface in its light: the mean over the upper hemisphere, weighted by the
    cosine to the vertical, that is irradiance over pi."""
    sine = np.maximum(_edge_sines(len(image)), 0.0)
    return np.asarray((sine[:-1] ** 2 - sine[1:] ** 2) @ _rows(image))


def _edge_sines(rows: int) -> Array:
    """(rows + 1,) sine of the elevation at the upper edges of the rows, and at the nadir."""
    return np.asarray(np.cos(np.linspace(0, np.pi, rows + 1)))


def _rows(image: NDArray[np.floating]) -> Array:
    """(H, 3) mean of every row."""
    return np.asarray(image.mean(axis=1, dtype=np.float64))
