"""The body that a fracture is made with: a roughened sphere or cube (after DeepJoin)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.shapes.shape import make_mesh

Kind = Literal["sphere", "cube"]

#: Plane waves whose sum roughens the surface; their wave numbers, in radians over the unit sphere.
WAVES = 6
WAVE_NUMBERS = (4.0, 14.0)
#: Random stretch of each axis, so that no two fractures have the same curvature.
STRETCH = (0.8, 1.25)


@dataclass(frozen=True)
class Cutter:
    """A star-shaped body: in its own frame its surface lies at ``(1 + noise(d)) / |d|_p`` in direction d.

    p is 2 for a sphere and infinite for a cube. centre: (3,); axes: (3, 3), columns are the body's
    half axes in the shape's frame; waves: (k, 3) and phases: (k,) of the noise, whose amplitude
    is ``roughness``.
    """

    kind: Kind
    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    waves: NDArray[np.float64]
    phases: NDArray[np.float64]
    roughness: float

    def scaled(self, factor: float) -> Cutter:
        """The same body about the same centre, ``factor`` times as large."""
        return replace(self, axes=self.axes * factor)

    def gauge(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) below 1 inside, 1 on the surface, above 1 outside, for points (n, 3).

        The body scaled by g about its centre has its surface where the gauge is g.
        """
        local = np.linalg.solve(self.axes, (points - self.centre).T).T
        directions = local / np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1e-12)
        return self._norm(local) / (1 + self._noise(directions))

    def mesh(self) -> trimesh.Trimesh:
        """The closed surface, outward, with some thousand faces."""
        directions, faces = _template(self.kind)
        radii = (1 + self._noise(directions)) / self._norm(directions)
        return make_mesh((directions * radii[:, None]) @ self.axes.T + self.centre, faces)

    def parameters(self) -> dict[str, Any]:
        """Everything that defines the body, JSON-serialisable."""
        return {
            "cutter": self.kind,
            "centre": self.centre.tolist(),
            "axes": self.axes.tolist(),
            "waves": self.waves.tolist(),
            "phases": self.phases.tolist(),
            "roughness": self.roughness,
        }

    def _norm(self, local: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(local, ord=2 if self.kind == "sphere" else np.inf, axis=1))

    def _noise(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        # At most twice the roughness, which the config keeps below a third: the body stays star-shaped.
        return 2 * self.roughness * np.cos(directions @ self.waves.T + self.phases).mean(axis=1)


@cache
def _template(kind: Kind) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit directions (n, 3) of the vertices of a sphere or cube about the origin, and faces (m, 3)."""
    if kind == "sphere":
        mesh = trimesh.creation.icosphere(subdivisions=4)
    else:
        mesh = trimesh.creation.box(extents=(2, 2, 2))
        for _ in range(4):
            mesh = mesh.subdivide()
    directions = np.asarray(mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True))
    faces = np.array(mesh.faces, dtype=np.int64)
    directions.flags.writeable = faces.flags.writeable = False
    return directions, faces


def random_cutter(
    centre: NDArray[np.float64],
    points: NDArray[np.float64],
    share: tuple[float, float],
    min_depth: float,
    roughness: float,
    random: np.random.Generator,
) -> Cutter:
    """A cutter about ``centre`` (3,), as large as holds a random share of the surface points (n, 3).

    The share is drawn from the range ``share``; a cutter smaller than ``min_depth`` grows as far as the
    range allows.
    """
    directions = random.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    stretch = random.uniform(*STRETCH, size=3)
    unit = Cutter(
        kind="sphere" if random.random() < 0.5 else "cube",
        centre=centre,
        axes=Rotation.random(random_state=random).as_matrix() * stretch,
        waves=directions * random.uniform(*WAVE_NUMBERS, size=(WAVES, 1)),
        phases=random.uniform(0, 2 * np.pi, size=WAVES),
        roughness=roughness,
    )
    gauge = unit.gauge(points)
    size, largest = np.quantile(gauge, [random.uniform(*share), share[1]])
    # Noise and stretch make the fracture less deep than the body is large.
    deep = min_depth / float(stretch.min() * (1 - roughness))
    return unit.scaled(float(np.clip(deep, size, largest)))
