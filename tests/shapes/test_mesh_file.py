"""A mesh file of any kind becomes the same shape; one that is none, or would be misread, is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.errors import UnitRejected
from pipeline.shapes.config import ShapesConfig, Up
from pipeline.shapes.mesh_file import read_mesh
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.shape import Shape
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from tests.mesh_files import BODY, KNOB, OF_ONE, OF_TWO, cubes_shape, obj_objects, write_cubes, write_gltf, z_up
from tests.partnet_files import mesh_text

CONFIG = ShapesConfig()
VIEWS = ViewsConfig(resolution=64, reference_views=3, surface_points=5)


def read(folder: Path, name: str, content: str | bytes, up: Up = "y", config: ShapesConfig = CONFIG) -> Shape:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_mesh(path, up, config)


def corners(shape: Shape) -> np.ndarray:
    """The triangles' corners (n, 3, 3), in an order that the formats' own orders do not reach."""
    triangles = np.concatenate([part.mesh.vertices[part.mesh.faces] for part in shape.parts]).round(6) + 0.0
    turned = [np.roll(t, -np.lexsort(t.T[::-1])[0], axis=0) for t in triangles]  # same winding, least corner first
    return np.array(sorted(t.tolist() for t in turned))


@pytest.mark.parametrize("suffix", OF_TWO + OF_ONE)
def test_every_format_gives_the_same_triangles_in_the_unit_frame(tmp_path: Path, suffix: str) -> None:
    shape = read_mesh(write_cubes(tmp_path, suffix), "y", CONFIG)
    np.testing.assert_allclose(corners(shape), corners(cubes_shape()), atol=2e-6)
    assert shape.shape_id == "cubes"
    assert all(part.mesh.is_watertight and part.mesh.volume > 0 for part in shape.parts)
    for part in shape.parts:
        np.testing.assert_array_equal(part.mesh.vertices, part.mesh.vertices.astype(np.float32))


@pytest.mark.parametrize("suffix", OF_TWO)
def test_nodes_and_objects_are_parts_in_the_order_of_the_file(tmp_path: Path, suffix: str) -> None:
    shape = read_mesh(write_cubes(tmp_path, suffix), "y", CONFIG)
    assert [(part.part_id, part.label, part.instance) for part in shape.parts] == [(1, "body", 0), (2, "knob", 0)]
    for part, expected in zip(shape.parts, cubes_shape().parts, strict=True):
        np.testing.assert_allclose(part.mesh.bounds, expected.mesh.bounds, atol=1e-6)


@pytest.mark.parametrize("suffix", OF_ONE)
def test_formats_without_objects_give_one_part(tmp_path: Path, suffix: str) -> None:
    assert len(read_mesh(write_cubes(tmp_path, suffix), "y", CONFIG).parts) == 1


def test_z_up_is_turned_up_with_its_front_kept_in_front(tmp_path: Path) -> None:
    turned = read(tmp_path, "cubes.obj", z_up(trimesh.util.concatenate([BODY, KNOB])), up="z")
    np.testing.assert_allclose(corners(turned), corners(cubes_shape()), atol=2e-6)
    lying = read(tmp_path, "cubes.obj", z_up(trimesh.util.concatenate([BODY, KNOB])))
    assert not np.allclose(corners(lying), corners(cubes_shape()), atol=0.1)


def test_units_and_place_of_the_file_do_not_matter(tmp_path: Path) -> None:
    far = {name: mesh.copy() for name, mesh in (("body", BODY), ("knob", KNOB))}
    for mesh in far.values():
        mesh.apply_scale(1000).apply_translation([5e5, -3e4, 8])
    shape = read(tmp_path, "cubes.obj", obj_objects(far))
    np.testing.assert_allclose(corners(shape), corners(cubes_shape()), atol=2e-6)


def test_mirrored_node_still_faces_outward(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    scene.add_geometry(BODY, node_name="body", transform=np.diag([-1.0, 1.0, 1.0, 1.0]))
    scene.export(tmp_path / "mirror.glb")
    assert read_mesh(tmp_path / "mirror.glb", "y", CONFIG).part(1).mesh.volume == pytest.approx((2 / np.sqrt(3)) ** 3)


def test_faces_and_objects_without_area_are_dropped_and_counted(tmp_path: Path) -> None:
    x, y, z = KNOB.vertices[:2].mean(axis=0)
    flat = f"v {x} {y} {z}\nf 9 10 17\n"
    line = "o line\nv 0 0 0\nv 0 0 1\nv 0 0 2\nf 18 19 20\n"
    shape = read(tmp_path, "cubes.obj", obj_objects({"body": BODY, "knob": KNOB}) + flat + line)
    assert [(part.label, len(part.mesh.faces)) for part in shape.parts] == [("body", 12), ("knob", 12)]
    assert shape.part(2).mending == ("1 zero-area faces",)
    assert shape.notes == ("1 meshes without area", "2 zero-area faces")
    # What is dropped does not move the frame.
    np.testing.assert_allclose(corners(shape), corners(cubes_shape()), atol=2e-6)


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
BAD = {
    "empty.obj": ("", "zero-face-mesh", "no triangles"),
    "points.obj": (TRIANGLE, "zero-face-mesh", "points or lines"),
    "nan.obj": ("v 0 0 nan\n" + TRIANGLE + "f 1 2 3\n", "non-finite-vertex", "nan"),
    "line.obj": (TRIANGLE + "f 1 2 1\n", "zero-face-mesh", "no triangles"),
    "thin.obj": ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "zero-face-mesh", "zero-area"),
    "point.obj": ("v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "no-extent", "span 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_mesh_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, reason, text = BAD[name]
    with pytest.raises(UnitRejected, match=text) as caught:
        read(tmp_path, name, content)
    assert caught.value.reason == reason
    assert str(tmp_path / name) in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnitRejected, match=r"nothing\.obj is missing"):
        read_mesh(tmp_path / "nothing.obj", "y", CONFIG)


def test_broken_gltf_is_not_replaced_by_another_beside_it(tmp_path: Path) -> None:
    write_gltf(trimesh.Scene(BODY), tmp_path / "model.gltf")
    with pytest.raises(UnitRejected, match=r"broken\.gltf is not a readable glTF file"):
        read(tmp_path, "broken.gltf", b"{")


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    for suffix in ("glb", "ply", "stl"):
        path = write_cubes(tmp_path, suffix)
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(UnitRejected, match=rf"cubes\.{suffix}"):
            read_mesh(path, "y", CONFIG)


def test_too_many_triangles_say_how_to_raise_the_limit(tmp_path: Path) -> None:
    path = write_cubes(tmp_path, "glb")
    with pytest.raises(UnitRejected, match=r"24 triangles; .* allows 23: .* --set shapes\.max_faces=24") as caught:
        read_mesh(path, "y", ShapesConfig(max_faces=23))
    assert caught.value.reason == "too-many-faces"
    assert len(read_mesh(path, "y", ShapesConfig(max_faces=24)).parts) == 2


def test_real_chair_exported_to_other_programs_reads_as_itself(shared_data: Path, tmp_path: Path) -> None:
    chair = read_partnet(shared_data / "partnet" / "43872", CONFIG)
    scene = trimesh.Scene()
    for part in chair.parts:
        scene.add_geometry(part.mesh, node_name=part.name, geom_name=part.name)
    scene.export(tmp_path / "chair.glb")
    (tmp_path / "whole.obj").write_text(mesh_text(scene.to_mesh()))
    expected = make_reference_views(chair, VIEWS, 0)
    glb, obj = (
        make_reference_views(read_mesh(tmp_path / name, "y", CONFIG), VIEWS, 0) for name in ("chair.glb", "whole.obj")
    )
    np.testing.assert_array_equal(glb.part_ids, expected.part_ids)
    np.testing.assert_allclose(glb.depth, expected.depth, atol=1e-5)
    same = (obj.depth > 0) == (expected.depth > 0)
    assert same.mean() > 0.999
    np.testing.assert_allclose(obj.depth[same], expected.depth[same], atol=1e-3)
