"""The configured cameras around an object."""

from __future__ import annotations

import numpy as np

from pipeline.config import ViewsConfig
from pipeline.geometry.cameras import Array, Camera, look_at_origin


def intrinsics(config: ViewsConfig) -> Array:
    """K of a square image: f = focal / sensor * width, principal point at the image centre."""
    size = config.resolution
    f = config.focal_mm / config.sensor_mm * size
    return np.array([[f, 0.0, size / 2], [0.0, f, size / 2], [0.0, 0.0, 1.0]])


def orbit_camera(config: ViewsConfig, azimuth: float, elevation: float) -> Camera:
    """The configured camera at one place on the sphere of radius ``config.radius``; degrees."""
    return Camera(intrinsics(config), look_at_origin(azimuth, elevation, config.radius), config.resolution)
