"""``l3d-views``: what is read is what was written, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.schema import ShapeRecord
from pipeline.format.views_file import read_views, write_views
from tests.sample_shards import as_version_1


@pytest.fixture
def path(tmp_path: Path, shape: ShapeRecord) -> Path:
    write_views(tmp_path / "views.h5", shape, "{}", 4)
    return tmp_path / "views.h5"


def test_views_are_read_as_they_were_written(path: Path, shape: ShapeRecord) -> None:
    views = read_views(path)
    assert views.queries == ()
    for name in schema.SHAPES:
        expected, got = getattr(shape, name), getattr(views, name)
        np.testing.assert_array_equal(got, expected)
        assert type(got) is type(expected)
        assert getattr(got, "dtype", None) == getattr(expected, "dtype", None)
    assert views.mesh is not None and shape.mesh is not None
    for name in ("vertices", "faces", "part_ids"):
        np.testing.assert_array_equal(getattr(views.mesh, name), getattr(shape.mesh, name), strict=True)
    assert views.mesh.labels == shape.mesh.labels


def test_file_holds_a_row_of_the_shards_arrays_and_no_more(path: Path, dataset: Path) -> None:
    with h5py.File(path) as file, h5py.File(dataset / "shards" / "train-00000.h5") as shard:
        arrays = {name for name, column in schema.SHAPES.items() if column.dtype != schema.TEXT}
        assert set(file) == arrays | set(schema.MESHES)
        for name in arrays:
            np.testing.assert_array_equal(file[name][()], shard["shapes"][name][0])
            assert file[name].dtype == shard["shapes"][name].dtype
        for name in schema.MESH_COLUMNS:
            np.testing.assert_array_equal(file[name][()], shard[name][()])
            assert file[name].dtype == shard[name].dtype
        assert dict(file.attrs) == {
            "format": "l3d-views",
            "version": 2,
            "config": "{}",
            **{name: shard["shapes"][name].asstr()[0] for name in ("id", "model_id", "category")},
        }


def test_same_views_give_the_same_bytes(path: Path, shape: ShapeRecord, tmp_path: Path) -> None:
    write_views(tmp_path / "again.h5", shape, "{}", 4)
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_array_that_is_not_the_schemas_is_not_written(shape: ShapeRecord, tmp_path: Path) -> None:
    wrong = replace(shape, depth=shape.depth.astype(np.float64))
    with pytest.raises(PipelineError, match=r"views\.h5: depth: got float64"):
        write_views(tmp_path / "views.h5", wrong, "{}", 4)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_by_name(path: Path, dataset: Path) -> None:
    with pytest.raises(PipelineError, match=r"none\.h5 is missing"):
        read_views(path.with_name("none.h5"))
    with pytest.raises(PipelineError, match=r"train-00000\.h5 is HDF5 but not an l3d-views .*'l3d-shard'"):
        read_views(dataset / "shards" / "train-00000.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 3
    with pytest.raises(PipelineError, match=r"is l3d-views version 3; this program reads versions 1 and 2"):
        read_views(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(PipelineError, match=r"views\.h5 is unreadable .*`l3d-gen --mesh` again"):
        read_views(path)


def test_damage_is_told(path: Path) -> None:
    with h5py.File(path) as file:
        start = file["image"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[start + 8] ^= 255
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=r"views\.h5 is damaged"):
        read_views(path)


@pytest.mark.parametrize("name", ["points", "parts"])
def test_missing_array_is_told(path: Path, name: str) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
    with pytest.raises(PipelineError, match=rf"views\.h5 is damaged .*{name}"):
        read_views(path)


def test_version_1_is_read_and_has_no_mesh(path: Path, shape: ShapeRecord) -> None:
    as_version_1(path)
    views = read_views(path)
    assert views.mesh is None
    np.testing.assert_array_equal(views.depth, shape.depth)


def test_views_without_a_mesh_are_not_written(shape: ShapeRecord, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"views\.h5: shape 7 has no mesh"):
        write_views(tmp_path / "views.h5", replace(shape, mesh=None), "{}", 4)
