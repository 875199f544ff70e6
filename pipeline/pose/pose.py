"""What is sought: where the camera is, and how it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from pipeline.format.cameras import Camera, look_at, on_sphere

#: What a search may change; the rest is known.
Parameter = Literal["azimuth", "elevation", "roll", "distance", "focal", "right", "down"]
ALL: tuple[Parameter, ...] = get_args(Parameter)


@dataclass(frozen=True)
class Pose:
    """A camera that looks at the origin, +Y up but for its roll.

    azimuth, elevation, roll: degrees, as of ``look_at_origin`` and ``look_at``; distance: of the camera from the
    origin; focal: focal length in shares of the image's edge; right, down: of the origin from the image's middle,
    likewise.

    >>> Pose(0.0, 0.0, distance=2.0, focal=1.5, right=0.25).camera(100).project(np.zeros((1, 3)))[0].tolist()
    [[75.0, 50.0]]
    """

    azimuth: float
    elevation: float
    roll: float = 0.0
    distance: float = 2.5
    focal: float = 1.0
    right: float = 0.0
    down: float = 0.0

    def camera(self, resolution: int) -> Camera:
        """Its camera of so many pixels."""
        position = on_sphere(self.azimuth, self.elevation, self.distance)
        middle_x, middle_y = ((0.5 + shift) * resolution for shift in (self.right, self.down))
        focal = self.focal * resolution
        K = np.array([[focal, 0, middle_x], [0, focal, middle_y], [0, 0, 1.0]])
        return Camera(K, look_at(position, np.zeros(3), self.roll), resolution)

    def values(self, names: Sequence[Parameter]) -> Float64[np.ndarray, " parameter"]:
        return np.array([getattr(self, name) for name in names])

    def moved(self, names: Sequence[Parameter], steps: Float64[np.ndarray, " parameter"]) -> Pose:
        """With ``steps`` added to parameters; the azimuth is in [0, 360) then, the elevation stays off the poles."""
        values = dict(zip(names, (self.values(names) + steps).tolist(), strict=True))
        if "elevation" in values:
            values["elevation"] = float(np.clip(values["elevation"], -89.0, 89.0))
        if "azimuth" in values:
            values["azimuth"] %= 360.0
        return replace(self, **values)


def angle_between(one: Pose, other: Pose) -> float:
    """Degrees between the directions from which two poses look at the origin.

    >>> angle_between(Pose(350.0, 0.0), Pose(20.0, 0.0))
    30.0
    """
    views = [pose.camera(1).world_to_camera[2, :3] for pose in (one, other)]
    return float(np.round(np.rad2deg(np.arccos(np.clip(views[0] @ views[1], -1.0, 1.0))), 9))
