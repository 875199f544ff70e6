import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError, UnitRejected
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.obj_file import read_obj
from pipeline.shapes.partnet import list_partnet, read_partnet
from tests.partnet_files import box, inner, leaf, mesh_text, obj_text, simple_stool, write_shape

CONFIG = ShapesConfig()


def reject(folder: Path) -> UnitRejected:
    with pytest.raises(UnitRejected) as caught:
        read_partnet(folder, CONFIG)
    return caught.value


def test_labels_instances_and_node_paths_follow_the_tree(tmp_path: Path) -> None:
    shape = read_partnet(simple_stool(tmp_path), CONFIG)
    assert (shape.shape_id, shape.model_id, shape.category) == ("1", "model-1", "Chair")
    base = "chair/chair_base/regular_leg_base/leg"
    assert [(p.part_id, p.label, p.instance) for p in shape.parts] == [
        (1, "chair/chair_seat/seat_surface", 0),
        (2, base, 0),
        (3, base, 1),
    ]
    assert [p.node_path for p in shape.parts] == [(0, 1, 2), (0, 3, 4, 5), (0, 3, 4, 6)]


def test_raw_annotation_gives_the_hard_or_soft_hint(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    assert [p.hardness for p in read_partnet(folder, CONFIG).parts] == ["soft", None, None]
    (folder / "result.json").unlink()
    assert [p.hardness for p in read_partnet(folder, CONFIG).parts] == [None, None, None]


def test_shape_is_centred_and_scaled_without_turning_it(tmp_path: Path) -> None:
    shape = read_partnet(simple_stool(tmp_path), CONFIG)
    vertices = np.concatenate([p.mesh.vertices for p in shape.parts])
    np.testing.assert_allclose(vertices.min(axis=0) + vertices.max(axis=0), 0, atol=1e-12)
    assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(1.0)
    assert shape.part(1).mesh.centroid[1] > shape.part(2).mesh.centroid[1]
    assert shape.part(2).mesh.centroid[0] < shape.part(3).mesh.centroid[0]


def test_unreferenced_vertices_do_not_move_the_frame(tmp_path: Path) -> None:
    clean = read_partnet(simple_stool(tmp_path, "1"), CONFIG)
    folder = simple_stool(tmp_path, "2")
    path = folder / "objs" / "seat.obj"
    path.write_text(path.read_text() + "v 100 100 100\nv nan nan nan\n")
    for got, expected in zip(read_partnet(folder, CONFIG).parts, clean.parts, strict=True):
        np.testing.assert_allclose(got.mesh.bounds, expected.mesh.bounds, atol=1e-9)


def test_doubled_faces_are_removed_and_the_part_faces_outward(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    seat = box((3.0, 0.45, 0.0), (1.0, 0.1, 1.0))
    both = np.concatenate([seat.faces[:, ::-1], seat.faces])
    (folder / "objs" / "seat.obj").write_text(obj_text(seat.vertices, both))
    part = read_partnet(folder, CONFIG).part(1)
    assert len(part.mesh.faces) == 12
    assert part.mesh.is_watertight
    assert part.mesh.volume > 0
    assert "12 doubled faces" in part.mending


def test_zero_area_faces_are_dropped_and_counted(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    path = folder / "objs" / "a.obj"
    path.write_text(path.read_text() + "f 1 1 2\nf 3 3 3\n")
    part = read_partnet(folder, CONFIG).part(2)
    assert part.mesh.is_watertight
    assert part.mending == ("2 zero-area faces",)


def test_leaf_of_several_meshes_is_one_part(tmp_path: Path) -> None:
    tree = inner(0, "chair", leaf(1, "chair_seat", "x", "y"), leaf(2, "chair_base", "z"))
    meshes = {name: mesh_text(box((i, 0, 0), (0.5, 0.5, 0.5))) for i, name in enumerate("xyz")}
    shape = read_partnet(write_shape(tmp_path, "5", tree, meshes), CONFIG)
    assert [len(p.mesh.faces) for p in shape.parts] == [24, 12]
    assert shape.part(1).label == "chair/chair_seat"


def test_mesh_that_merging_left_without_a_leaf_is_kept_as_its_inner_node(tmp_path: Path) -> None:
    tree = inner(0, "chair", inner(1, "chair_seat", leaf(2, "seat_surface", "seat"), objs=("pillow",)))
    meshes = {name: mesh_text(box((0, i, 0), (1, 0.5, 1))) for i, name in enumerate(("seat", "pillow"))}
    shape = read_partnet(write_shape(tmp_path, "6", tree, meshes), CONFIG)
    assert [p.label for p in shape.parts] == ["chair/chair_seat/seat_surface", "chair/chair_seat"]
    assert shape.part(2).node_path == (0, 1)


def test_mesh_named_by_two_leaves_is_kept_once(tmp_path: Path) -> None:
    tree = inner(0, "chair", leaf(1, "chair_seat", "x"), leaf(2, "chair_back", "x", "y"), leaf(3, "chair_base", "x"))
    meshes = {name: mesh_text(box((0, i, 0), (1, 0.5, 1))) for i, name in enumerate("xy")}
    shape = read_partnet(write_shape(tmp_path, "7", tree, meshes), CONFIG)
    assert [p.label for p in shape.parts] == ["chair/chair_seat", "chair/chair_back"]
    assert [len(p.mesh.faces) for p in shape.parts] == [12, 12]


@pytest.mark.parametrize("name", ["meta.json", "result_after_merging.json"])
def test_missing_json_is_named(tmp_path: Path, name: str) -> None:
    folder = simple_stool(tmp_path)
    (folder / name).unlink()
    error = reject(folder)
    assert error.reason == "missing-file"
    assert name in error.message


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{", "not readable JSON"),
        ("{}", "expected a list"),
        ("[]", "0 roots"),
        ('[{"name": 3, "id": 0}]', "lacks a valid name"),
        ('[{"name": "chair", "id": 0, "children": [7]}]', "7"),
    ],
)
def test_malformed_json_is_named(tmp_path: Path, text: str, fragment: str) -> None:
    folder = simple_stool(tmp_path)
    (folder / "result_after_merging.json").write_text(text)
    error = reject(folder)
    assert error.reason == "malformed-json"
    assert "result_after_merging.json" in error.message
    assert fragment in error.message


def test_malformed_raw_annotation_is_named(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    (folder / "result.json").write_text('[{"name": "chair", "id": 0, "children": ["x"]}]')
    error = reject(folder)
    assert error.reason == "malformed-json"
    assert "result.json" in error.message


def test_links_into_a_cache_are_files_of_the_shape(tmp_path: Path) -> None:
    """As a download cache or a tool for data versions lays files out."""
    folder, blobs = simple_stool(tmp_path / "data"), tmp_path / ".blobs"
    expected = read_partnet(folder, ShapesConfig())
    blobs.mkdir()
    for number, path in enumerate(sorted((folder / "objs").iterdir())):
        path.rename(blobs / f"{number:040x}")
        path.symlink_to(Path("../../../.blobs") / f"{number:040x}")
    linked = read_partnet(folder, ShapesConfig())
    for part, other in zip(linked.parts, expected.parts, strict=True):
        np.testing.assert_array_equal(part.mesh.triangles, other.mesh.triangles)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("f 1/1 2/2 3/3", "f 1/1 2/2 3/3"),
        (" f 1 2 3", "f 1 2 3"),
        ("f 1 2 3 4", "f 1 2 3 4"),
        ("f 0 1 2", "f 0 1 2"),
        ("f -3 -2 -1", "f -3 -2 -1"),
        ("v 1,5 0 0", "v 1,5 0 0"),
        ("v 0 0 0 # a comment", "v 0 0 0 # a comment"),
        ("o seat", "o seat"),
    ],
)
def test_anything_but_vertices_and_triangles_is_refused_by_its_line(tmp_path: Path, line: str, shown: str) -> None:
    path = tmp_path / "a.obj"
    path.write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\n{line}\nf 1 2 3\n")
    with pytest.raises(UnitRejected, match=f"line 4: {re.escape(repr(shown))} is neither"):
        read_obj(path)


@pytest.mark.parametrize("name", ["../../secret", "../objs/../../secret", "/etc/passwd"])
def test_mesh_outside_the_shapes_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.obj").write_text(mesh_text(box((0, 0, 0), (1, 1, 1))))
    tree = inner(0, "chair", leaf(1, "chair_seat", name), leaf(2, "chair_base", "b"))
    folder = write_shape(tmp_path, "8", tree, {"b": mesh_text(box((0, 0, 0), (1, 1, 1)))})
    error = reject(folder)
    assert error.reason == "mesh-outside-shape"
    assert name in error.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v 0 0 0\nv 1 0 0\nv nan 1 0\nf 1 2 3\n", "non-finite-vertex"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "zero-face-mesh"),
        ("", "zero-face-mesh"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "zero-face-mesh"),
        ("v 0 0 0\nf 1 2 9\n", "unreadable-mesh"),
    ],
)
def test_unusable_mesh_rejects_the_shape_and_names_the_file(tmp_path: Path, text: str, reason: str) -> None:
    folder = simple_stool(tmp_path)
    (folder / "objs" / "b.obj").write_text(text)
    error = reject(folder)
    assert error.reason == reason
    assert "b.obj" in error.message


def test_missing_mesh_is_named(tmp_path: Path) -> None:
    folder = simple_stool(tmp_path)
    (folder / "objs" / "a.obj").unlink()
    assert "a.obj" in reject(folder).message


def test_shape_with_a_single_part_is_rejected(tmp_path: Path) -> None:
    tree = inner(0, "chair", leaf(1, "chair_seat", "x"))
    folder = write_shape(tmp_path, "9", tree, {"x": mesh_text(box((0, 0, 0), (1, 1, 1)))})
    assert reject(folder).reason == "too-few-parts"


def test_listing_keeps_the_category_and_orders_ids_by_value(tmp_path: Path) -> None:
    for shape_id in ("10", "9", "200"):
        simple_stool(tmp_path, shape_id)
    meta = tmp_path / "9" / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "model_cat": "Table"}))
    (tmp_path / "200" / "meta.json").write_text("broken")
    assert list_partnet(tmp_path, "Chair") == ["10", "200"]
    assert list_partnet(tmp_path, None) == ["9", "10", "200"]
    with pytest.raises(PipelineError, match="nowhere"):
        list_partnet(tmp_path / "nowhere", "Chair")


def test_every_triangle_of_the_real_chairs_is_kept_or_dropped_for_a_reason(shared_data: Path) -> None:
    root = shared_data / "partnet"
    ids = list_partnet(root, "Chair")
    assert len(ids) == 12
    for shape_id in ids:
        shape = read_partnet(root / shape_id, CONFIG)
        raw = sum(line.startswith("f ") for path in (root / shape_id / "objs").glob("*.obj") for line in path.open())
        counts = {what: int(n) for n, what in (note.split(" ", 1) for note in shape.notes)}
        dropped = counts.get("doubled faces", 0) + counts.get("zero-area faces", 0)
        assert sum(len(p.mesh.faces) for p in shape.parts) + dropped == raw
        vertices = np.concatenate([p.mesh.vertices for p in shape.parts])
        assert np.linalg.norm(vertices, axis=1).max() == pytest.approx(1.0)
        backs = [p.mesh.centroid[2] for p in shape.parts if "/chair_back" in p.label]
        assert np.mean(backs) < 0, "the back must be toward -Z"
