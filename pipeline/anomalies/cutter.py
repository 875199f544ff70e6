"""The body that a fracture is made with: a roughened sphere or cube (after DeepJoin)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pipeline.config import BrokenConfig
from pipeline.shapes.shape import make_mesh

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

    kind: Literal["sphere", "cube"]
    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    waves: NDArray[np.float64]
    phases: NDArray[np.float64]
    roughness: float

    def gauge(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) below 1 inside, 1 on the surface, above 1 outside, for points (n, 3).

        The body scaled by g about its centre has its surface where the gauge is g.
        """
        local = np.linalg.solve(self.axes, (points - self.centre).T).T
        directions = local / np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1e-12)
        return self._norm(local) / (1 + self._noise(directions))

    def mesh(self) -> trimesh.Trimesh:
        """The closed surface, outward, with some thousand faces."""
        if self.kind == "sphere":
            template = trimesh.creation.icosphere(subdivisions=4)
        else:
            template = trimesh.creation.box(extents=(2, 2, 2))
            for _ in range(4):
                template = template.subdivide()
        directions = template.vertices / np.linalg.norm(template.vertices, axis=1, keepdims=True)
        radii = (1 + self._noise(directions)) / self._norm(directions)
        return make_mesh((directions * radii[:, None]) @ self.axes.T + self.centre, template.faces)

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


def random_cutter(points: NDArray[np.float64], config: BrokenConfig, random: np.random.Generator) -> Cutter:
    """A cutter centred on one of the surface points (n, 3), as large as holds a random share of them.

    The share is drawn from ``config.removed_share``: what is removed in the end differs from it, as
    volume does from area and as fragments that nothing holds go too.
    """
    directions = random.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    unit = Cutter(
        kind="sphere" if random.random() < 0.5 else "cube",
        centre=points[random.integers(len(points))],
        axes=Rotation.random(random_state=random).as_matrix() * random.uniform(*STRETCH, size=3),
        waves=directions * random.uniform(*WAVE_NUMBERS, size=(WAVES, 1)),
        phases=random.uniform(0, 2 * np.pi, size=WAVES),
        roughness=config.roughness,
    )
    size = float(np.quantile(unit.gauge(points), random.uniform(*config.removed_share)))
    return replace(unit, axes=unit.axes * size)
