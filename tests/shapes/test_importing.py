"""Users' files come in as Blender would show them: the published sample cases, and what Blender itself exports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.mesh_formats import FEATURES, SUFFIXES, Truth, errors, export
from pipeline.errors import UnitRejected
from pipeline.shapes.config import ImportConfig, ShapesConfig
from pipeline.shapes.importing import Imported, import_meshes, told_apart
from pipeline.shapes.mesh_file import read_mesh
from tests.shapes.odd_files import odd_files

LIMITS = ImportConfig(seconds=60)


def read(path: Path) -> Imported:
    return import_meshes(path, 1000, LIMITS)


def corners(imported: Imported) -> np.ndarray:
    """Corners (n, 3, 3) of all triangles, the least first in each, sorted."""
    triangles = np.concatenate([item.mesh.triangles for item in imported.meshes]).round(4) + 0.0
    turned = [np.roll(t, -np.lexsort(t.T[::-1])[0], axis=0) for t in triangles]
    return np.array(sorted(t.tolist() for t in turned))


@pytest.fixture(scope="module")
def base(shared_data: Path) -> np.ndarray:
    return corners(read(shared_data / "cases" / "base" / "base.obj"))


EQUAL = {
    "base/base.glb": 5,
    "concave_polygons/ngon_concave.obj": 5,
    "glb_fan/fan.glb": 5,
    "glb_skin/skin.glb": 5,
    "glb_sparse/sparse.glb": 5,
    "glb_world_node/world_mesh_moved.glb": 5,
    "gltf_bom/bom.gltf": 5,
    "gltf_percent_uri/ext.gltf": 5,
    "obj_comment_eol/bom_v_first.obj": 5,
    "obj_comment_eol/comment_eol.obj": 5,
    "obj_whitespace/indent.obj": 5,
    "obj_whitespace/indent_last.obj": 5,
    "obj_whitespace/indent_mid.obj": 5,
    "ply_binary_mixed/mixed_bin.ply": 1,
    "stl_solids/asc_multi.stl": 1,
    "stl_solids/asc_multi_solidworks.stl": 1,
    "stl_solids/asc_multi_vertexname.stl": 1,
}


@pytest.mark.parametrize("name", EQUAL)
def test_odd_files_are_the_chair_that_they_mean(shared_data: Path, base: np.ndarray, name: str) -> None:
    imported = read(shared_data / "cases" / name)
    assert len(imported.meshes) == EQUAL[name]
    found = corners(imported)
    if name.startswith("concave"):  # a polygon may be cut into other triangles
        assert sum(item.mesh.area for item in imported.meshes) == pytest.approx(4.9728, rel=1e-4)
        np.testing.assert_allclose(np.unique(found.reshape(-1, 3), axis=0), np.unique(base.reshape(-1, 3), axis=0))
    else:
        np.testing.assert_allclose(found, base, atol=2e-4)


def test_parts_keep_the_order_and_the_names_of_the_file(shared_data: Path) -> None:
    names = ["seat", "back", "leg_fl", "leg_br", "arm"]
    for name in ("base.obj", "base.glb"):
        shape = read_mesh(shared_data / "cases" / "base" / name, "y", ShapesConfig())
        assert [part.label for part in shape.parts] == names


def test_meshes_of_one_name_are_numbered_past_the_names_that_are_there() -> None:
    paths = [("a", "leg"), ("a", "leg"), ("leg",), ("a", "leg"), ("a", "leg.002"), ("leg",), ("a", "leg.002")]
    numbered = ["leg", "leg.001", "leg", "leg.003", "leg.002", "leg.001", "leg.002.001"]
    assert told_apart(paths) == [(*path[:-1], name) for path, name in zip(paths, numbered, strict=True)]


def test_instances_are_meshes_of_their_own(shared_data: Path) -> None:
    imported = read(shared_data / "cases" / "glb_gpu_instancing" / "gpu_instancing.glb")
    legs = [item.mesh for item in imported.meshes if item.path[0] == "leg_fl"]
    assert len(imported.meshes) == 6
    np.testing.assert_allclose(legs[1].bounds - legs[0].bounds, [[0.84, 0, 0]] * 2, atol=1e-5)


def test_sparse_accessor_of_the_standard_reaches_where_it_should(shared_data: Path) -> None:
    [item] = read(shared_data / "cases" / "glb_sparse" / "SimpleSparseAccessor.gltf").meshes
    assert item.mesh.bounds[1, 1] == 4


REFUSED = {
    "obj_zero_index/zero_index.obj": r"line 19: 'f 0 7 6' is no face",
    "stl_binary_length/bin_count0.stl": r"promises 0 triangles, 84 bytes in all, and it has 3884",
    "stl_binary_length/bin_trailing.stl": r"promises 76 triangles, 3884 bytes in all, and it has 3895",
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_against_their_formats_rules_are_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(UnitRejected, match=REFUSED[name]) as refusal:
        read(shared_data / "cases" / name)
    assert str(shared_data / "cases" / name) in refusal.value.message


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A random scene; ``benchmarks.mesh_formats`` tries as many as one likes."""
    folder = tmp_path_factory.mktemp("exported")
    return folder, export(folder, seed=1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_random_scenes_come_back_in_every_format(exported: tuple[Path, Truth], suffix: str) -> None:
    """Triangles in metres, +Y up, to 1e-5 of the radius: axes, units, mirrors, instances, skins, morphs, animation."""
    folder, truth = exported
    found = errors(folder / f"scene.{suffix}", truth)
    assert found.pop("hierarchy") == ("-" if suffix in ("obj", "ply", "stl") else "kept")
    assert set(found) == set(FEATURES)
    numbers = {feature: error for feature, error in found.items() if isinstance(error, float)}
    assert len(numbers) >= 4
    assert max(numbers.values()) < 1e-5, numbers


def test_fbx_comes_in_one_order_each_time(exported: tuple[Path, Truth]) -> None:
    """Blender creates its objects in another order in each process."""
    folder, _ = exported
    runs = [[item.path for item in read(folder / "scene.fbx").meshes] for _ in range(2)]
    assert runs[0] == runs[1] == sorted(runs[0])


ODD = odd_files()


@pytest.mark.parametrize("name", ODD)
def test_files_made_to_hurt_end_in_one_clear_error(tmp_path: Path, name: str) -> None:
    odd = ODD[name]
    odd.write(tmp_path / name)
    if odd.message is None:
        assert read(tmp_path / name).meshes[0].mesh.area == pytest.approx(odd.area)
        return
    with pytest.raises(UnitRejected, match=odd.message) as refusal:
        read(tmp_path / name)
    assert str(tmp_path / name) in refusal.value.message
    assert "\n" not in refusal.value.message


def test_what_is_no_file_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "chair.obj").mkdir()
    with pytest.raises(UnitRejected, match=r"chair\.obj is no regular file"):
        read(tmp_path / "chair.obj")


def test_limits_of_time_and_memory_end_the_importer_alone(tmp_path: Path) -> None:
    path = tmp_path / "chair.glb"
    ODD["fine.glb"].write(path)
    with pytest.raises(UnitRejected, match=r"chair\.glb: reading it took more than 0.05 s; .* importing\.seconds"):
        import_meshes(path, 1000, ImportConfig(seconds=0.05))
    heavy = tmp_path / "heavy.glb"
    ODD["heavy.glb"].write(heavy)
    with pytest.raises(
        UnitRejected, match=r"heavy\.glb: reading it needs more than 0\.25 GiB .* importing\.memory_gib"
    ):
        import_meshes(heavy, 10**9, ImportConfig(memory_gib=0.25))


SCRIPTED = """
import sys, bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
mesh = bpy.data.meshes.new("cube")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
cube = bpy.data.objects.new("cube", mesh)
text = bpy.data.texts.new("run.py")
text.write(f"open({sys.argv[2]!r}, 'w')")
text.use_module = True
driver = cube.driver_add("location", 0).driver
driver.expression = f"open({sys.argv[2]!r}, 'w') and 3"
scene = bpy.context.scene.copy()
scene.collection.objects.link(cube)
bpy.data.libraries.write(sys.argv[1], {scene, text})
"""


def test_no_script_in_a_blend_file_is_run(tmp_path: Path) -> None:
    """Neither one that is to be registered nor one in a driver."""
    file, mark = tmp_path / "script.blend", tmp_path / "run"
    command = [sys.executable, "-P", "-c", SCRIPTED, str(file), str(mark)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    imported = read(file)
    assert [item.path for item in imported.meshes] == [("cube",)]
    assert imported.notes == ("1 scripted drivers, which were not run",)
    assert not mark.exists()
