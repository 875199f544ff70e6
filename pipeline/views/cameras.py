"""The configured cameras around an object."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from pipeline.format.cameras import Camera, look_at, look_at_origin
from pipeline.views.config import ViewsConfig


def intrinsics(config: ViewsConfig) -> Float64[np.ndarray, "3 3"]:
    """K of a square image: f = focal / sensor * width, principal point at the image centre."""
    size = config.resolution
    f = config.focal_mm / config.sensor_mm * size
    return np.array([[f, 0.0, size / 2], [0.0, f, size / 2], [0.0, 0.0, 1.0]])


def orbit_camera(config: ViewsConfig, azimuth: float, elevation: float) -> Camera:
    """The configured camera at one place on the sphere of radius ``config.radius``; degrees."""
    return Camera(intrinsics(config), look_at_origin(azimuth, elevation, config.radius), config.resolution)


def query_camera(
    config: ViewsConfig, azimuth: float, elevation: float, generator: np.random.Generator
) -> tuple[Camera, float]:
    """A query's camera at one place around the object, and its radius: ``orbit_camera`` but for ``config.variety``.

    The radius is drawn in hundredths, so that the file name says it exactly. The aim is uniform in the ball of
    radius ``aim_offset`` around the origin; it turns the camera and leaves it where it is.
    """
    nearest, farthest = config.query_radius
    radius = float(np.clip(round(generator.uniform(nearest, farthest), 2), nearest, farthest))
    focal_mm = float(generator.uniform(*config.query_focal_mm))
    direction, share = generator.normal(size=3), generator.uniform()
    roll = float(generator.uniform(-1.0, 1.0)) * config.variety.roll_degrees
    target = config.variety.aim_offset * np.cbrt(share) * direction / np.linalg.norm(direction)
    camera = orbit_camera(config.model_copy(update={"radius": radius, "focal_mm": focal_mm}), azimuth, elevation)
    if target.any() or roll:
        camera = replace(camera, world_to_camera=look_at(camera.centre, target, roll))
    return camera, radius
