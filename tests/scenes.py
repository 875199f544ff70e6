"""Analytic scenes with known answers: two cubes and one camera."""

from __future__ import annotations

import numpy as np
import trimesh

from pipeline.anomalies.anomaly import Anomaly, Effect, SurfaceChange
from pipeline.format.cameras import Camera
from pipeline.shapes.shape import Part, Shape, make_mesh
from pipeline.views.cameras import intrinsics
from pipeline.views.config import ViewsConfig


def cube(centre: tuple[float, float, float], edge: float) -> trimesh.Trimesh:
    box = trimesh.creation.box(extents=(edge,) * 3)
    return make_mesh(np.asarray(box.vertices) + centre, np.asarray(box.faces))


def two_cubes() -> Shape:
    """Part 1: edge 0.6 at the origin; part 2: edge 0.2, at x = 0.6, standing free beside it."""
    meshes = [cube((0.0, 0.0, 0.0), 0.6), cube((0.6, 0.0, 0.0), 0.2)]
    labels = ["thing/body", "thing/knob"]
    parts = tuple(Part(i + 1, labels[i], 0, (0, i + 1), meshes[i]) for i in range(2))
    return Shape("cubes", "two-cubes", "Thing", parts)


def three_cubes() -> Shape:
    """The two cubes and part 3, a second knob at x = -0.6."""
    knob = Part(3, "thing/knob", 1, (0, 3), cube((-0.6, 0.0, 0.0), 0.2))
    return Shape("cubes", "three-cubes", "Thing", (*two_cubes().parts, knob))


def front_camera(config: ViewsConfig, distance: float = 2.5) -> Camera:
    """On +Z at ``distance``, level, looking at the origin: x right is +X, y down is -Y."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = distance
    return Camera(intrinsics(config), pose, config.resolution)


def knob_missing() -> Anomaly:
    return Anomaly(0, "missing", (2,), "thing/knob", {2: None}, {}, {})


def knob_moved(x: float) -> Anomaly:
    """The knob translated by ``x`` along +X."""
    return Anomaly(1, "positional", (2,), "thing/knob", {2: cube((0.6 + x, 0.0, 0.0), 0.2)}, {}, {})


def left_knob(x: float, edge: float = 0.2) -> Anomaly:
    """Part 3 of the three cubes at ``x`` with another edge."""
    return Anomaly(2, "swapped", (3,), "thing/knob", {3: cube((x, 0.0, 0.0), edge)}, {}, {})


def knob_resurfaced(effect: Effect = "stained") -> Anomaly:
    surface = SurfaceChange(effect, 0.8, 0.1, (0.2, 0.1, 0.0), (1.0, 2.0, 3.0), 0.5)
    return Anomaly(3, "resurfaced", (2,), "thing/knob", {}, {}, {}, surface)


def body_halved() -> Anomaly:
    """The body cut level at y = 0, its upper half gone: the cut face looks up."""
    slab = trimesh.creation.box(bounds=[[-1, -1, -1], [1, 0, 1]])
    half = trimesh.boolean.intersection([cube((0.0, 0.0, 0.0), 0.6), slab], engine="manifold")
    return Anomaly(4, "broken", (1,), "thing/body", {1: make_mesh(half.vertices, half.faces)}, {}, {})
