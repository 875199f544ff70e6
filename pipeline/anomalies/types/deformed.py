"""Deformed: a part bent or dented. Vertices move, and triangles are halved where they are too coarse to follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from trimesh.sample import sample_surface

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.fracturing.clipping import refine
from pipeline.anomalies.fracturing.fitting import visible_centre
from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.measure import CONTACT, SAMPLES, Points
from pipeline.anomalies.proving.proof import Proof, require_near, require_visible
from pipeline.anomalies.task import Change, Task
from pipeline.errors import UnitRejected
from pipeline.shapes.shape import make_mesh

Vector = NDArray[np.float64]
#: Where points (n, 3) go, and which triangles (n, 3, 3) the deformation curves.
Field = tuple[Callable[[Points], Points], Callable[[Points], NDArray[np.bool_]]]

#: Edges are halved until this many make up a bend or a dent's radius.
STEPS = 10
#: A bend spreads over this share of the part's length, and starts within this share of it from the held end.
BEND_LENGTH, BEND_START = (0.25, 0.7), (0.0, 0.3)
#: A part is held at an end where it touches the rest of the object within this share of its length.
END = 0.25
#: Depth of a dent over its radius: a person takes a steeper one for a fold.
MAX_DEPTH = 0.8


def draw(task: Task, random: np.random.Generator) -> Change:
    """Bend or dent the target.

    Raises UnitRejected ``hidden`` where a dent would be seen from no camera, and ``shallow``.
    """
    kind = "bent" if random.random() < task.config.deformed.bent_share else "dented"
    (move, curved), size, parameters = (_bend if kind == "bent" else _dent)(task, random)
    farthest = float(np.linalg.norm(move(task.old_points) - task.old_points, axis=1).max())
    if farthest < task.config.deformed.min_distance:
        raise UnitRejected(
            "shallow",
            f"no point moves more than {farthest:.3f}; "
            f"anomalies.deformed.min_distance asks for {task.config.deformed.min_distance}",
        )
    replaced = {}
    for part_id in task.target.part_ids:
        mesh = task.shape.part(part_id).mesh
        vertices, faces = refine(np.asarray(mesh.vertices), np.asarray(mesh.faces), curved, size / STEPS)
        replaced[part_id] = make_mesh(move(vertices), faces)
    return Change(replaced, parameters, {"method": kind})


def accept(proof: Proof, config: AnomaliesConfig) -> None:
    """Deep enough to be seen, and in a plausible place.

    Raises UnitRejected ``shallow``, ``floating``, ``sunk`` or ``hidden``.
    """
    if proof.max_distance is None or proof.max_distance < config.deformed.min_distance:
        raise UnitRejected(
            "shallow",
            f"surface displaced by {proof.max_distance}, "
            f"anomalies.deformed.min_distance asks for {config.deformed.min_distance}",
        )
    require_near(proof, config)
    require_visible(proof, config)


def _bend(task: Task, random: np.random.Generator) -> tuple[Field, float, dict[str, Any]]:
    """A bend across the part's longest direction: the held end stays; held at both, its middle bows out."""
    points = task.old_points
    centre = points.mean(axis=0)
    _, extent, axes = np.linalg.svd(points - centre, full_matrices=False)
    along = axes[0]
    t = (points - centre) @ along
    touching = t[cKDTree(task.rest_points).query(points, distance_upper_bound=CONTACT)[0] < CONTACT]
    length = float(np.ptp(t))
    low = bool((touching < t.min() + END * length).any())
    high = bool((touching > t.max() - END * length).any())
    if random.random() < 0.5 if low == high else high:
        along = -along
    origin = centre + ((points - centre) @ along).min() * along
    # A plate gives way across its plane, a bar in any direction.
    across = random.normal(size=2) / np.maximum(extent[1:], 1e-9) @ axes[1:]
    across /= np.linalg.norm(across)
    angle = np.radians(random.uniform(*task.config.deformed.bend_degrees))
    parameters = {
        "origin": origin.tolist(),
        "along": along.tolist(),
        "towards": across.tolist(),
        "angle_degrees": float(np.degrees(angle)),
    }
    if low and high:
        field = bow(origin, along, across, length, angle)
        return field, length, {**parameters, "held": "both ends"}
    start = random.uniform(*BEND_START) * length
    # A wide part bends over a longer stretch: its inner side must not fold.
    width = float(np.abs((points - centre) @ across).max())
    zone = max(random.uniform(*BEND_LENGTH) * length, 1.5 * angle * width)
    field = bend(origin + start * along, along, across, zone, angle)
    return field, zone, {**parameters, "held": "one end", "start": start, "zone": zone}


def bend(origin: Vector, along: Vector, across: Vector, zone: float, angle: float) -> Field:
    """A bend by ``angle`` (radians) from ``along`` towards ``across`` (orthonormal, (3,)).

    Nothing moves before ``origin`` (3,); from there the middle line follows an arc of length ``zone``,
    and beyond it everything turns as one.
    """
    radius = zone / angle

    def move(points: Points) -> Points:
        s, y = (points - origin) @ along, (points - origin) @ across
        turned = np.clip(s / zone, 0, 1) * angle
        beyond = np.maximum(s - zone, 0) + np.minimum(s, 0)
        new_s = (radius - y) * np.sin(turned) + beyond * np.cos(turned)
        new_y = radius - (radius - y) * np.cos(turned) + beyond * np.sin(turned)
        return points + np.outer(new_s - s, along) + np.outer(new_y - y, across)

    def curved(triangles: Points) -> NDArray[np.bool_]:
        s = (triangles - origin) @ along
        return np.asarray((s.max(axis=1) > 0) & (s.min(axis=1) < zone))

    return move, curved


def bow(origin: Vector, along: Vector, across: Vector, length: float, angle: float) -> Field:
    """The middle of a part that lies from ``origin`` over ``length`` moves towards ``across``; its ends stay.

    The profile is a squared sine whose steepest slopes differ by ``angle`` (radians).
    """
    height = length * np.tan(angle / 2) / np.pi

    def move(points: Points) -> Points:
        s = np.clip((points - origin) @ along / length, 0, 1)
        return points + np.outer(height * np.sin(np.pi * s) ** 2, across)

    def curved(triangles: Points) -> NDArray[np.bool_]:
        return np.ones(len(triangles), dtype=bool)

    return move, curved


def _dent(task: Task, random: np.random.Generator) -> tuple[Field, float, dict[str, Any]]:
    """A dent about a point that a camera can see, along the mean normal of the surface around it."""
    config = task.config.deformed
    centre = visible_centre(task, random)
    size = float(np.linalg.norm(np.ptp(task.old_points, axis=0))) / 2
    # A small part is squashed as a whole: a dent of its size would not be seen.
    radius = max(float(random.uniform(*config.dent_radius)) * size, 1.3 * config.min_distance / MAX_DEPTH)
    depth = min(float(random.uniform(*config.dent_depth)), MAX_DEPTH * radius)
    inward = -_normal(task.old, centre, radius, random)
    parameters = {"centre": centre.tolist(), "inward": inward.tolist(), "radius": radius, "depth": depth}
    return dent(centre, inward, radius, depth), radius, parameters


def _normal(mesh: trimesh.Trimesh, centre: Vector, radius: float, random: np.random.Generator) -> Vector:
    """(3,) unit mean normal of the surface around ``centre`` that faces as it does there."""
    points, faces = sample_surface(mesh, SAMPLES, seed=random)
    normals = np.asarray(mesh.face_normals)[faces]
    distance = np.linalg.norm(points - centre, axis=1)
    alike = normals @ normals[np.argmin(distance)] > 0
    mean = normals[alike & (distance <= max(radius, distance.min()))].sum(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def dent(centre: Vector, inward: Vector, radius: float, depth: float) -> Field:
    """A push by ``depth`` along the unit vector ``inward`` (3,), fading to nothing at ``radius`` around ``centre``.

    It also fades along ``inward``, over twice the depth or more: what lies close behind moves along,
    what lies far behind stays, and nothing folds.
    """
    reach = max(radius, 2 * depth)

    def move(points: Points) -> Points:
        height = (points - centre) @ inward
        sideways = np.linalg.norm(points - centre - np.outer(height, inward), axis=1)
        strength = _falloff(sideways / radius) * _falloff(np.abs(height) / reach)
        return points + depth * np.outer(strength, inward)

    def curved(triangles: Points) -> NDArray[np.bool_]:
        far = np.hypot(radius, reach)
        low, high = triangles.min(axis=1), triangles.max(axis=1)
        return np.asarray(((low < centre + far) & (high > centre - far)).all(axis=1))

    return move, curved


def _falloff(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 at 0, 0 from 1 on, smooth at both."""
    x = np.clip(x, 0, 1)
    return np.asarray(1 - x * x * (3 - 2 * x))


KIND = Kind(draw, accept)
