"""UVs in real units: texel density, grain along parts, and surface that keeps its texture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blender_scripts.unwrapping import inherit, islands, lay_out, long_axis
from pipeline.processes import ROOT
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import list_partnet, read_partnet
from pipeline.shapes.shape import Shape
from pipeline.shapes.sources import parse_source

LEG = trimesh.creation.box((0.1, 1.0, 0.06))
#: Unwraps the meshes of an .npz and writes an .npz of UVs, in Blender.
UNWRAP = """
import sys, bpy, numpy as np
from blender_scripts.meshes import Unwrapped
bpy.ops.wm.read_factory_settings(use_empty=True)
with np.load(sys.argv[1]) as archive:
    unwrapped = Unwrapped(dict(archive), {})
np.savez(sys.argv[2], **{name: unwrapped.uv(name) for name in unwrapped.meshes})
"""


def project_sides(mesh: trimesh.Trimesh, turn: float, scale: float) -> NDArray[np.float64]:
    """(m, 3, 2) each side of a box flat on its own, apart, turned and scaled: as Smart UV leaves it."""
    normals, corners = mesh.face_normals, mesh.triangles
    axis = np.abs(normals).argmax(axis=1)
    plane = np.array([[1, 2], [2, 0], [0, 1]])[axis]
    uv = np.take_along_axis(corners, plane[:, None, :].repeat(3, axis=1), axis=2)
    c, s = np.cos(turn), np.sin(turn)
    side = axis * 2 + (normals.sum(axis=1) > 0)
    return uv * scale @ np.array([[c, s], [-s, c]]) + 10.0 * side[:, None, None]


def density(vertices: NDArray[np.float64], faces: NDArray[np.int64], uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) UV units per object unit of every face; NaN for faces without area."""
    edges, flat = (np.diff(x, axis=1) for x in (vertices[faces], uv))
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    uv_area = np.abs(flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 0, 1] * flat[:, 1, 0])
    return np.sqrt(np.divide(uv_area, area, out=np.full(len(area), np.nan), where=area > 1e-12))


@settings(deadline=None, max_examples=30)
@given(st.floats(-3.1, 3.1), st.floats(0.05, 5.0))
def test_sides_of_a_leg_have_true_size_and_grain_along_it(turn: float, scale: float) -> None:
    uv = lay_out(LEG.vertices, LEG.faces, project_sides(LEG, turn, scale))
    np.testing.assert_allclose(density(LEG.vertices, LEG.faces, uv), 1.0, atol=1e-6)
    long_sides = np.abs(LEG.face_normals[:, 1]) < 0.5
    # Going up the leg by some length goes up in v by that length, and nowhere in u.
    for corners, flat in zip(LEG.triangles[long_sides], uv[long_sides], strict=True):
        up = corners[:, 1] - corners[0, 1]
        np.testing.assert_allclose(flat[:, 1] - flat[0, 1], up, atol=1e-6)


def test_neighbouring_sides_go_on_at_the_same_height() -> None:
    uv = lay_out(LEG.vertices, LEG.faces, project_sides(LEG, 0.7, 3.0))
    long_sides = np.abs(LEG.face_normals[:, 1]) < 0.5
    np.testing.assert_allclose(uv[long_sides][..., 1], LEG.triangles[long_sides][..., 1], atol=1e-6)


def test_islands_are_faces_joined_in_the_texture() -> None:
    labels = islands(LEG.faces, project_sides(LEG, 0.3, 1.0))
    assert len(set(labels)) == 6 and (np.bincount(labels) == 2).all()


def test_axis_of_long_square_and_lying_parts() -> None:
    def axis(*size: float) -> list[float]:
        box = trimesh.creation.box(size)
        return [float(x) for x in np.round(np.abs(long_axis(box.triangles, box.area_faces)), 6)]

    assert axis(1.0, 0.1, 0.1) == [1, 0, 0]
    assert axis(0.5, 0.05, 0.5) == [0, 0, 1]  # a square seat: grain from front to back
    assert axis(0.5, 0.5, 0.05) == [0, 1, 0]  # a square back: upright


def test_degenerate_faces_do_not_disturb_the_others() -> None:
    vertices = np.vstack([LEG.vertices, [[0.0, 0.0, 0.0]]])
    faces = np.vstack([LEG.faces, [[8, 8, 8]], [[0, 1, 1]]])
    uv = np.vstack([project_sides(LEG, 0.4, 2.0), np.zeros((2, 3, 2))])
    laid = lay_out(vertices, faces, uv)
    assert np.isfinite(laid).all()
    np.testing.assert_allclose(density(vertices, faces, laid)[:-2], 1.0, atol=1e-6)


def test_piece_of_a_face_inherits_its_texture_and_a_cut_face_has_its_own() -> None:
    intact = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    intact_uv = np.array([[[5.0, 5.0], [5.0, 7.0], [3.0, 5.0]]])  # turned by 90 degrees, twice as large
    corners = np.array([[[0.1, 0.1, 0], [0.4, 0.1, 0], [0.1, 0.3, 0]], [[0.0, 0, 1], [1, 0, 1], [0, 1, 1]]])
    own = np.full((2, 3, 2), 9.0)
    uv = inherit(np.array([0, -1], dtype=np.int32), corners, intact, intact_uv, own)
    np.testing.assert_allclose(uv[0], [[4.8, 5.2], [4.8, 5.8], [4.4, 5.2]])
    np.testing.assert_array_equal(uv[1], own[1])


def unwrap(shape: Shape, folder: Path) -> Mapping[str, NDArray[np.float64]]:
    arrays = {f"{p.name}/vertices": np.asarray(p.mesh.vertices) for p in shape.parts}
    np.savez(folder / "in.npz", **arrays, **{f"{p.name}/faces": np.asarray(p.mesh.faces) for p in shape.parts})
    command = [sys.executable, "-c", UNWRAP, str(folder / "in.npz"), str(folder / "out.npz")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    with np.load(folder / "out.npz") as archive:
        return dict(archive)


def assert_even(shape: Shape, folder: Path) -> None:
    """Texel density: over the parts at most 15 % of its mean; over the surface, most is within a third of it."""
    uv = unwrap(shape, folder)
    parts, faces, weights = [], [], []
    for part in shape.parts:
        d = density(np.asarray(part.mesh.vertices), np.asarray(part.mesh.faces), uv[part.name])
        sound, area = np.isfinite(d), np.asarray(part.mesh.area_faces)
        parts.append(np.sqrt((d[sound] ** 2 * area[sound]).sum() / area[sound].sum()))
        faces.append(d[sound])
        weights.append(area[sound])
    assert np.std(parts) <= 0.15 * np.mean(parts)
    np.testing.assert_allclose(np.mean(parts), 1.0, atol=0.02)
    even = np.abs(np.concatenate(faces) - 1) < 1 / 3
    assert (even * np.concatenate(weights)).sum() / np.concatenate(weights).sum() > 0.9


def test_texel_density_is_even_over_synthetic_chairs(tmp_path: Path) -> None:
    source = parse_source("synthetic:4", 0, tmp_path / "source", ShapesConfig())
    for shape_id in source.ids()[2:]:
        assert_even(source.read(shape_id), tmp_path)


@pytest.mark.parametrize("place", [0, 5, 9])
def test_texel_density_is_even_over_real_chairs(shared_data: Path, tmp_path: Path, place: int) -> None:
    root = shared_data / "partnet"
    assert_even(read_partnet(root / list_partnet(root, "Chair")[place], ShapesConfig()), tmp_path)
