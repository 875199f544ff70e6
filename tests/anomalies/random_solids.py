"""Closed meshes of all kinds, for property tests."""

from __future__ import annotations

import numpy as np
import trimesh
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.anomalies.proving.measure import join
from pipeline.anomalies.task import Change
from pipeline.seeding import rng
from pipeline.shapes.shape import Shape, make_mesh
from pipeline.shapes.storage import as_stored
from tests.anomalies.toy_chairs import LEG, SEAT, assemble, box

PRIMITIVES = {
    "box": trimesh.creation.box(extents=(0.5, 0.1, 0.4)),
    "bar": trimesh.creation.box(extents=(0.06, 0.8, 0.08)),
    "plate": trimesh.creation.box(extents=(0.6, 0.02, 0.6)),
    "cylinder": trimesh.creation.cylinder(radius=0.1, height=0.7, sections=12),
    "torus": trimesh.creation.torus(0.25, 0.06, major_sections=14, minor_sections=7),
    "sphere": trimesh.creation.icosphere(subdivisions=2, radius=0.25),
}


@st.composite
def solids(draw: st.DrawFn) -> trimesh.Trimesh:
    """Primitives and hulls, stretched, turned and sheared; one component, two apart, or a union of two."""
    random = rng(draw(st.integers(0, 2**31)), "solid")
    made = [_solid(draw(st.sampled_from([*sorted(PRIMITIVES), "hull"])), random)]
    arrangement = draw(st.sampled_from(["one", "two", "union"]))
    if arrangement != "one":
        second = _solid(draw(st.sampled_from([*sorted(PRIMITIVES), "hull"])), random)
        if arrangement == "two":
            second.apply_translation([made[0].bounds[1, 0] - second.bounds[0, 0] + 0.01, 0, 0])
            return join([made[0], second])
        return trimesh.boolean.union([made[0], second], engine="manifold")
    return made[0]


def on_a_plate(mesh: trimesh.Trimesh) -> Shape:
    """A shape of two parts: a plate, and the mesh lying on it as part 2."""
    plate = box((2, 0.1, 2), (0, float(mesh.bounds[0, 1]) - 0.05, 0))
    return assemble("one", [(SEAT, (0, 1), plate), (LEG, (0, 2), make_mesh(mesh.vertices, mesh.faces))])


def _solid(name: str, random: np.random.Generator) -> trimesh.Trimesh:
    hull = trimesh.convex.convex_hull(random.normal(size=(20, 3)) * 0.15)
    mesh = PRIMITIVES.get(name, hull)
    linear = Rotation.random(random_state=random).as_matrix() @ (np.eye(3) + random.uniform(-0.3, 0.3, size=(3, 3)))
    return make_mesh(np.asarray(mesh.vertices) @ linear.T, np.asarray(mesh.faces))


def closed_solid(change: Change) -> trimesh.Trimesh:
    """What became of the solid, as it will be stored: asserts that nothing else changed, and that it is still closed
    and wound one way."""
    assert set(change.replaced) == {2}
    left = change.replaced[2]
    assert left is not None
    left = as_stored(left)
    assert left.is_watertight
    assert left.is_winding_consistent
    return left
