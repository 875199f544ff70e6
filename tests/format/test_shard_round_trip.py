"""What is written is read back, in the same bytes every time, or refused with an error that says why."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.labels import LABELS
from pipeline.format.reader import Shard, find_reference, find_shards, format_versions
from pipeline.format.schema import AnomalyRecord, Mesh, QueryRecord, ShapeRecord
from pipeline.format.writer import write_shard
from tests.sample_shards import BOXES, as_version_1, make_shape
from tests.training.synthetic import damage

Record = QueryRecord | AnomalyRecord | ShapeRecord


def write(path: Path, *shapes: ShapeRecord) -> Path:
    write_shard(path, "train", '{"seed": 0}', "f00d", shapes, 4)
    return path


def replace_mesh(shape: ShapeRecord, **change: Any) -> ShapeRecord:
    assert shape.mesh is not None
    return dataclasses.replace(shape, mesh=dataclasses.replace(shape.mesh, **change))


def assert_same(got: Record, expected: Record, columns: Any) -> None:
    for name in columns:
        a, b = getattr(got, name), getattr(expected, name)
        assert type(a) is type(b), name
        assert np.array_equal(a, b), name
        if isinstance(b, np.ndarray):
            assert a.dtype == b.dtype, name


def assert_same_mesh(got: Mesh | None, expected: Mesh | None) -> None:
    assert got is not None and expected is not None
    for name in ("vertices", "faces", "part_ids"):
        a, b = getattr(got, name), getattr(expected, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name
    assert list(got.labels.items()) == list(expected.labels.items())


def test_every_dataset_of_every_record_comes_back_as_it_went_in(tmp_path: Path, shape: ShapeRecord) -> None:
    other = make_shape("a8", [("normal", 0), ("several", 36), ("broken", 36)])
    with Shard(write(tmp_path / "train-00000.h5", shape, other)) as shard:
        assert (shard.shape_count, shard.query_count) == (2, len(LABELS) + 3)
        for row, expected in enumerate((shape, other)):
            got = shard.shape(row)
            assert_same(got, expected, schema.SHAPES)
            assert_same_mesh(got.mesh, expected.mesh)
            assert len(got.queries) == len(expected.queries)
            for a, b in zip(got.queries, expected.queries, strict=True):
                assert_same(a, b, schema.QUERY_RECORD)
                assert len(a.anomalies) == len(b.anomalies) == {"normal": 0, "several": 2}.get(b.type_name, 1)
                for mine, theirs in zip(a.anomalies, b.anomalies, strict=True):
                    assert_same(mine, theirs, schema.ANOMALY_RECORD)


def test_derived_columns_and_attributes_are_those_of_the_format(tmp_path: Path, shape: ShapeRecord) -> None:
    with h5py.File(write(tmp_path / "train-00000.h5", make_shape("6", []), shape)) as file:
        assert dict(file.attrs) == {
            "format": "l3d-shard", "version": 2, "split": "train", "config": '{"seed": 0}', "fingerprint": "f00d",
        }  # fmt: skip
        assert file["queries/shape_index"][:].tolist() == [1] * len(LABELS)
        assert file["queries/label"][:].tolist() == [0] + [1] * (len(LABELS) - 1)
        assert list(file["queries/anomaly_type"].attrs["names"]) == list(LABELS)
        assert list(file["anomalies/anomaly_type"].attrs["names"]) == list(LABELS)
        assert file["anomalies/query_index"][:].tolist() == [1, 2, 3, 4, 5, 6, 6, *range(7, len(LABELS))]
        assert file["anomalies/anomaly_type"][:].tolist() == [1, 2, 3, 4, 5, 1, 5, *range(7, len(LABELS))]
        for group, columns in schema.GROUPS.items():
            assert set(file[group]) == set(columns)
            for name in columns:
                dataset = file[group][name]
                assert (dataset.compression, dataset.shuffle, dataset.fletcher32) == ("gzip", True, True), name
        assert file["queries/image"].chunks == (1, 32, 32, 3)
        assert file["shapes/depth"].chunks == (1, 1, 32, 32)


@settings(max_examples=20, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=64))
@example("Stühlchen-椅子")
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, shape: ShapeRecord, text: str) -> None:
    named = dataclasses.replace(shape, model_id=text, queries=())
    with Shard(write(tmp_path_factory.mktemp("text") / "train-00000.h5", named)) as shard:
        assert shard.shape(0).model_id == text
        assert shard.column("shapes", "model_id").tolist() == [text]


def test_shapes_are_taken_one_by_one_and_let_go(tmp_path: Path) -> None:
    taken: list[weakref.ref[ShapeRecord]] = []

    def shapes() -> Iterator[ShapeRecord]:
        for number in range(4):
            record = make_shape(str(number), [])
            taken.append(weakref.ref(record))
            yield record
            del record
            assert all(reference() is None for reference in taken[:-1])

    write_shard(tmp_path / "train-00000.h5", "train", "{}", "", shapes(), 4)
    assert len(taken) == 4


def test_same_records_give_the_same_bytes_at_another_time(tmp_path: Path, shape: ShapeRecord) -> None:
    first = write(tmp_path / "a" / "train-00000.h5", shape)
    time.sleep(1.1)  # HDF5 time stamps count seconds
    second = write(tmp_path / "b" / "train-00000.h5", shape)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)}
    assert len(digests) == 1


def test_bytes_do_not_depend_on_when_python_forgets_a_dataset(
    tmp_path: Path, shape: ShapeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(tmp_path / "a" / "train-00000.h5", shape)
    kept, get = [], h5py.Group.__getitem__

    def keep(group: h5py.Group, name: str) -> h5py.Dataset | h5py.Group:
        kept.append(get(group, name))
        return kept[-1]

    monkeypatch.setattr(h5py.Group, "__getitem__", keep)
    second = write(tmp_path / "b" / "train-00000.h5", shape)
    assert kept and first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": np.zeros((4, 32, 32))}, r"shapes/depth: got float64 \(4, 32, 32\), expected float32 \(4, 32, 32\)"),
        ({"K": np.zeros((4, 3, 4), np.float32)}, r"shapes/K: got float32 \(4, 3, 4\), expected float32 \(4, 3, 3\)"),
        ({"points": np.full((40, 3), np.nan, np.float32)}, "shapes/points: holds NaN or infinity"),
        ({"category": None}, "shapes/category: got NoneType, expected str"),
        ({"model_id": "x" * 257}, "shapes/model_id: .* at most 256"),
        ({"image": np.zeros((4, 30, 30), np.uint8)}, "multiples of 8"),
    ],
)
def test_a_misfitting_shape_is_refused_by_name(
    tmp_path: Path, shape: ShapeRecord, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "train-00000.h5"
    with pytest.raises(PipelineError, match=f"shape 7.*{message}"):
        write(path, dataclasses.replace(shape, **change))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [0, 0, 1, 1]}, r"queries/bbox: got list, expected float32 \(4,\)"),
        ({"mask_new": np.zeros((32, 32), bool)}, "queries/mask_new: got bool"),
        ({"anomaly_type": 200}, f"queries/anomaly_type: got 200, expected 0 to {len(LABELS) - 1}"),
        ({"type_names": ("normal", "bent")}, r"queries/anomaly_type: is by the names \('normal', 'bent'\), expected"),
        ({"light": 256}, r"queries/light: got 256 \(int\), expected one uint8"),
        ({"texture": 1.5}, r"queries/texture: got 1.5 \(float\), expected one int32"),
        ({"azimuth": float("nan")}, "queries/azimuth: got nan"),
    ],
)
def test_a_misfitting_query_is_refused_by_name(
    tmp_path: Path, shape: ShapeRecord, change: dict[str, Any], message: str
) -> None:
    query = dataclasses.replace(shape.queries[1], **change)
    with pytest.raises(PipelineError, match=f"shape 7, query render_7_1_2.5_20_30_3_anomaly: {message}"):
        write(tmp_path / "train-00000.h5", dataclasses.replace(shape, queries=(query,)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": np.zeros(4)}, r"got float64 \(4,\), expected float32 \(4,\)"),
        ({"mask_old": np.zeros((16, 16), np.uint8)}, r"got uint8 \(16, 16\), expected uint8 \(32, 32\)"),
        ({"anomaly_type": 200}, f"got 200, expected 0 to {len(LABELS) - 1}"),
        ({"part_label": "x" * 257}, ".* at most 256"),
    ],
)
def test_a_misfitting_anomaly_is_refused_by_name(
    tmp_path: Path, shape: ShapeRecord, change: dict[str, Any], message: str
) -> None:
    query = shape.queries[LABELS.index("several")]
    first, second = query.anomalies
    wrong = dataclasses.replace(query, anomalies=(first, dataclasses.replace(second, **change)))
    [name] = change
    with pytest.raises(PipelineError, match=f"shape 7, query {query.name}: anomalies/{name}: {message}"):
        write(tmp_path / "train-00000.h5", dataclasses.replace(shape, queries=(wrong,)))


def test_types_are_named_by_the_file_and_not_by_the_program(dataset: Path) -> None:
    """A file of other types, in another order, keeps its meaning."""
    path = dataset / "shards" / "train-00000.h5"
    names = ["normal", "rusty", *reversed(LABELS[1:])]
    with h5py.File(path, "r+") as file:
        for group in ("queries", "anomalies"):
            file[f"{group}/anomaly_type"].attrs["names"] = names
    with Shard(path) as shard:
        assert shard.type_names == tuple(names)
        queries = shard.shape(0).queries
    assert [query.type_name for query in queries] == names[: len(LABELS)]
    assert queries[1].anomalies[0].type_name == "rusty"
    assert [query.label for query in queries] == [0] + [1] * (len(LABELS) - 1)


def test_a_file_that_does_not_name_its_types_is_an_error(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    with h5py.File(path, "r+") as file:
        del file["queries/anomaly_type"].attrs["names"]
    with pytest.raises(
        PipelineError, match=r"train-00000\.h5: attribute names of queries/anomaly_type is \(\), expected"
    ):
        Shard(path).query(0)


def test_a_shape_of_another_resolution_is_refused(tmp_path: Path, shape: ShapeRecord) -> None:
    with pytest.raises(PipelineError, match=r"shape 9: shapes/image: got uint8 \(4, 64, 64\), expected uint8 \(4, 32"):
        write(tmp_path / "train-00000.h5", shape, make_shape("9", [], resolution=64))


def test_a_shape_given_twice_no_shapes_and_an_unknown_split_are_refused(tmp_path: Path, shape: ShapeRecord) -> None:
    path = tmp_path / "train-00000.h5"
    with pytest.raises(PipelineError, match="shape 7 is given twice"):
        write(path, shape, shape)
    with pytest.raises(PipelineError, match="no shapes"):
        write(path)
    with pytest.raises(PipelineError, match="'dev' is not one of train, val, test"):
        write_shard(path, "dev", "{}", "", [shape], 4)


def test_a_failing_source_leaves_an_older_shard_as_it_was(tmp_path: Path, shape: ShapeRecord) -> None:
    path = write(tmp_path / "train-00000.h5", shape)
    before = path.read_bytes()

    def shapes() -> Iterator[ShapeRecord]:
        yield make_shape("9", [])
        raise ValueError("the third shape exploded")

    with pytest.raises(ValueError, match="exploded"):
        write_shard(path, "train", "{}", "new", shapes(), 4)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_find_shards_takes_the_dataset_or_its_shards_folder(dataset: Path) -> None:
    (dataset / "shards" / ".train-00001.123.tmp.h5").write_bytes(b"left by a killed writer")
    names = ["train-00000.h5", "test-00000.h5"]
    assert [path.name for path in find_shards(dataset)] == names
    assert find_shards(dataset / "shards") == find_shards(dataset)
    assert [path.name for path in find_shards(dataset, "test")] == names[1:]


def test_a_reference_is_found_by_its_id_in_any_split(dataset: Path) -> None:
    found = find_reference(dataset, "8")
    assert found.queries == ()
    assert_same(found, make_shape("8", [("normal", 0)]), schema.SHAPES)
    with pytest.raises(PipelineError, match=r"out has no shape '9'; it has 2, such as 7, 8"):
        find_reference(dataset, "9")


def test_find_shards_says_what_is_there_instead(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no val shards .* found train, test"):
        find_shards(dataset, "val")
    with pytest.raises(PipelineError, match="found no splits at all"):
        find_shards(tmp_path)
    with pytest.raises(PipelineError, match="not a folder"):
        find_shards(tmp_path / "nowhere")


def test_a_file_cut_off_by_a_killed_writer_is_named_with_a_way_out(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(PipelineError, match=r"train-00000\.h5 is unreadable .* run the shards stage again"):
        Shard(path).query(0)


def test_a_mesh_is_its_parts_in_the_world_frame(tmp_path: Path, shape: ShapeRecord) -> None:
    """Six boxes of 8 vertices and 12 triangles, whichever shape of the file it is."""
    larger = replace_mesh(shape, vertices=np.repeat(np.eye(3, dtype=np.float32), 3000, axis=0))
    with Shard(write(tmp_path / "train-00000.h5", larger, make_shape("9", []))) as shard:
        mesh = shard.mesh(1)
        assert_same_mesh(shard.mesh(0), larger.mesh)
        assert shard.column("shapes", "vertex_range").tolist() == [[0, 9000], [9000, 9048]]
    assert (mesh.vertices.dtype, mesh.faces.dtype, mesh.part_ids.dtype) == (np.float32, np.int32, np.uint16)
    assert mesh.part_ids.tolist() == np.repeat(range(1, 7), 12).tolist()
    for part_id, (label, size, centre) in enumerate(BOXES, 1):
        corners = mesh.vertices[mesh.faces[mesh.part_ids == part_id]]
        np.testing.assert_allclose(np.ptp(corners, axis=(0, 1)), size, atol=1e-6)
        np.testing.assert_allclose(corners.max(axis=(0, 1)), np.add(centre, np.array(size) / 2), atol=1e-6)
        assert mesh.labels[part_id] == label


def test_rows_are_read_without_the_meshes(dataset: Path) -> None:
    """Damaged ones cost nobody who does not look at them."""
    path = dataset / "shards" / "train-00000.h5"
    damage(path, "vertices/position", 0)
    with Shard(path) as shard:
        assert (shard.reference(0).id, shard.query(0).label) == ("7", 0)
        for read in (shard.mesh, shard.shape):
            with pytest.raises(PipelineError, match=r"train-00000\.h5: vertices/position fails its checksum"):
                read(0)


def test_rows_of_a_shape_and_of_a_query_are_found_whatever_their_order(dataset: Path) -> None:
    path = find_shards(dataset)[0]
    owners = {("queries", "shape_index"): "query_rows", ("anomalies", "query_index"): "anomaly_rows"}
    with h5py.File(path, "r+") as file:
        for (group, name), owner in zip(owners, ("shapes", "queries"), strict=True):
            rows, column = len(file[owner]["K"]), file[group][name]
            column[:] = np.random.default_rng(0).integers(0, rows, len(column))
    with Shard(path) as shard:
        for (group, name), method in owners.items():
            column = shard.column(group, name)
            for row in range(5):
                assert getattr(shard, method)(row) == np.flatnonzero(column == row).tolist()


def test_a_shape_without_a_mesh_must_be_said_to_be(tmp_path: Path, shape: ShapeRecord) -> None:
    path, bare = tmp_path / "train-00000.h5", dataclasses.replace(shape, mesh=None)
    with pytest.raises(PipelineError, match="shape 7: has no mesh; give it one, or say by the gaps"):
        write(path, bare)
    gaps = schema.Gaps(unknown=schema.MESH_COLUMNS)
    with pytest.raises(PipelineError, match="shape 7: has a mesh, though meshes are unknown by the gaps"):
        write_shard(path, "train", "{}", "", [shape], 4, gaps)
    write_shard(path, "train", "{}", "", [bare], 4, gaps)
    with Shard(path) as shard:
        assert shard.gaps == gaps and shard.shape(0).mesh is None
        with pytest.raises(PipelineError, match=r"train-00000\.h5: the source of this file told no meshes"):
            shard.mesh(0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": np.zeros((3, 3))}, r"vertices/position: got float64 \(3, 3\), expected float32 \(3, 3\)"),
        ({"vertices": np.full((3, 3), np.inf, np.float32)}, "vertices/position: holds NaN or infinity"),
        ({"faces": np.zeros((72, 4), np.int32)}, r"faces/vertices: got int32 \(72, 4\), expected int32 \(72, 3\)"),
        ({"part_ids": np.ones(3, np.uint16)}, r"faces/part_id: got uint16 \(3,\), expected uint16 \(72,\)"),
        ({"labels": {70_000: "seat"}}, r"parts/part_id: got 70000 \(int\), expected one uint16"),
        ({"labels": {1: "x" * 257}}, "parts/label: .* at most 256"),
    ],
)
def test_a_misfitting_mesh_is_refused_by_name(
    tmp_path: Path, shape: ShapeRecord, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(PipelineError, match=f"shape 7: {message}"):
        write(tmp_path / "train-00000.h5", replace_mesh(shape, **change))


def test_version_1_is_read_and_has_no_meshes(dataset: Path, shape: ShapeRecord) -> None:
    path = dataset / "shards" / "train-00000.h5"
    as_version_1(path)
    with Shard(path) as shard:
        assert (shard.version, shard.gaps.no_meshes) == (1, True)
        got = shard.shape(0)
        assert_same(got, shape, schema.SHAPES)
        assert got.mesh is None and len(got.queries) == len(shape.queries)
        with pytest.raises(PipelineError, match="version 1, which has no meshes: make the dataset again with l3d-gen"):
            shard.mesh(0)
    assert format_versions(find_shards(dataset)) == "1 and 2"


def test_foreign_and_newer_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(PipelineError, match="not an l3d-shard"):
        Shard(path).query(0)
    with h5py.File(path, "a") as file:
        file.attrs["format"] = "l3d-shard"
    for version in (3, 0, "2", [1, 2]):
        with h5py.File(path, "a") as file:
            file.attrs["version"] = version
        with pytest.raises(PipelineError, match="; this program reads versions 1 and 2: use a matching release"):
            Shard(path).query(0)
    with pytest.raises(PipelineError, match="is missing"):
        Shard(tmp_path / "gone.h5").query(0)


def test_an_open_shard_can_be_handed_to_another_process(dataset: Path) -> None:
    with Shard(dataset / "shards" / "train-00000.h5") as shard:
        name = shard.query(0).name
        with pickle.loads(pickle.dumps(shard)) as copy:
            assert copy.query(0).name == name
