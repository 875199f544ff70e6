"""Each seeded corruption is found and named; a sound dataset is not accused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.spatial

from pipeline.files import write_json
from pipeline.format import schema, verification
from pipeline.format.contents import entries, told_contents
from pipeline.format.labels import LABELS
from pipeline.format.reader import find_shards
from pipeline.format.schema import ShapeRecord
from tests.sample_shards import as_version_1, make_shape, write_dataset

#: Rows of ``queries/`` of shape 7, and of ``anomalies/``: one for each type, two for several (moved leg, missing back).
NORMAL, POSITIONAL, MISSING, TOGETHER = (LABELS.index(kind) for kind in ("normal", "positional", "missing", "several"))
LEG_ROW, MISSING_ROW, FIRST_ROW, SECOND_ROW = POSITIONAL - 1, MISSING - 1, TOGETHER - 1, TOGETHER


def verify(dataset: Path) -> list[str]:
    """The problems in words."""
    return [str(problem) for problem in verification.verify(dataset)]


def edit(dataset: Path, name: str, row: int | slice, change: Callable[[np.ndarray], None]) -> list[str]:
    """Change rows of one dataset of the train shard in place (with a good checksum) and verify."""
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        value = np.array(file[name][row])
        change(value)
        file[name][row] = value.item() if value.shape == () else value
    return verify(dataset)


def setter(index: Any, value: object) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[index] = value

    return change


def mirrored(vertices: np.ndarray) -> None:
    vertices *= -1


def further(depth: np.ndarray) -> None:
    depth[2][depth[2] > 0] += 0.3


def moved_back(vertices: np.ndarray) -> None:
    vertices[:, 2] -= 0.002


def swapped_parts(part_ids: np.ndarray) -> None:
    """Seat and back, in view 1."""
    part_ids[1] = np.array([0, 2, 1, 3, 4, 5, 6], np.uint16)[part_ids[1]]


def turned(degrees: float, outside: bool) -> Callable[[np.ndarray], None]:
    """World-to-camera matrices turned about an oblique axis through the camera, or through the object's centre."""
    axis = np.deg2rad(degrees) * np.array([1, 2, -1]) / np.sqrt(6)
    turn = np.eye(4)
    turn[:3, :3] = scipy.spatial.transform.Rotation.from_rotvec(axis).as_matrix()

    def change(poses: np.ndarray) -> None:
        poses[...] = turn @ poses if outside else poses @ turn

    return change


def scaled(depth: np.ndarray) -> None:
    depth *= 1.01


def slightly_scaled(depth: np.ndarray) -> None:
    depth *= 1.002


def foreign_part(part_ids: np.ndarray) -> None:
    part_ids[part_ids == 6] = 8


def test_a_sound_dataset_has_no_problems(dataset: Path) -> None:
    assert verify(dataset) == []


@pytest.mark.parametrize(
    ("name", "row", "change", "problem"),
    [
        ("queries/mask_new", POSITIONAL, setter((0, 0), 255), "mask_new is not what its rows of anomalies/ make it"),
        ("queries/mask_new", TOGETHER, setter(..., 0), "mask_new is not what its rows"),
        ("queries/mask_new", NORMAL, setter((0, 0), 255), "a normal image has mask_new"),
        ("queries/mask_old", TOGETHER, setter((0, 0), 255), "mask_old is not what its rows"),
        ("anomalies/mask_new", LEG_ROW, setter((0, 0), 255), "anomaly 0: mask_new is not a union of whole parts"),
        ("anomalies/mask_new", LEG_ROW, setter(..., 0), "anomaly 0: bbox .* is not the tight box of its mask"),
        ("anomalies/mask_new", MISSING_ROW, setter((16, 16), 255), "missing part has pixels in mask_new"),
        ("anomalies/mask_new", FIRST_ROW, setter((0, 0), 7), "mask_new holds values other than 0 and 255"),
        ("anomalies/mask_old", LEG_ROW, setter((0, 0), 255), "anomaly 0: mask_old leaves object_mask_normal"),
        ("anomalies/mask_old", MISSING_ROW, setter(..., 0), r"tight box of its mask, \[0, 0, 0, 0\]"),
        ("anomalies/mask_old", SECOND_ROW, setter(..., 255), "two anomalies share pixels of mask_old"),
        ("anomalies/bbox", LEG_ROW, setter(2, 31), "bbox .* outside the 32x32 image"),
        ("anomalies/bbox", SECOND_ROW, setter(0, 1), "anomaly 1: bbox .* is not the tight box of its mask"),
        ("anomalies/part_label", LEG_ROW, setter(..., b""), "anomaly 0: part_label is empty"),
        (
            "anomalies/anomaly_type",
            LEG_ROW,
            setter(..., 2),
            "it is positional, but its rows of anomalies/ are rotational",
        ),
        ("anomalies/anomaly_type", LEG_ROW, setter(..., 0), "a row of anomalies/ has type normal"),
        ("anomalies/anomaly_type", SECOND_ROW, setter(..., 6), "a row of anomalies/ has type several"),
        ("anomalies/anomaly_type", SECOND_ROW, setter(..., 200), "anomaly_type 200 is not one of"),
        ("anomalies/query_index", SECOND_ROW, setter(..., 999), "anomaly 6: query_index 999 is no row of queries/"),
        ("anomalies/query_index", SECOND_ROW, setter(..., TOGETHER - 1), "it is missing, but .* are missing, missing"),
        ("anomalies/query_index", SECOND_ROW, setter(..., TOGETHER - 1), "it is several, but .* are positional"),
        (
            "anomalies/query_index",
            LEG_ROW,
            setter(..., NORMAL),
            "it is normal, but its rows of anomalies/ are positional",
        ),
        (
            "anomalies/query_index",
            LEG_ROW,
            setter(..., NORMAL),
            "it is positional, but its rows of anomalies/ are none",
        ),
        ("queries/object_mask", POSITIONAL, setter((0, 0), 255), "object_mask is not where part_ids"),
        ("queries/object_mask", POSITIONAL, setter((0, 0), 7), "object_mask holds values other than 0 and 255"),
        ("queries/object_mask_normal", NORMAL, setter((0, 0), 255), "object_mask unlike object_mask_normal"),
        ("queries/depth", NORMAL, setter((0, 0), 2.0), "depth > 0 is not where part_ids"),
        ("queries/bbox", POSITIONAL, setter(0, 1), "bbox is not what its rows of anomalies/ make it"),
        ("queries/bbox", TOGETHER, setter(2, 3), "bbox is not what its rows"),
        ("queries/bbox", NORMAL, setter(2, 3), "a normal image has bbox"),
        ("queries/label", POSITIONAL, setter(..., 0), f"query {POSITIONAL}: label 0 contradicts anomaly_type 1"),
        ("queries/anomaly_type", MISSING, setter(..., 200), "anomaly_type 200 is not one of"),
        ("queries/part_label", POSITIONAL, setter(..., b""), "part_label is not what its rows"),
        ("queries/name", NORMAL, setter(..., b"render_9_0_normal"), "does not begin with render_7_"),
        ("queries/name", NORMAL, setter(..., b"render_7_0_anomaly"), "contradicts label 0"),
        ("queries/shape_index", NORMAL, setter(..., 5), "query 0: shape_index 5 is no row"),
        ("queries/K", NORMAL, setter((2, 2), 0), "not a pinhole"),
        ("queries/world_to_camera", NORMAL, setter((0, 0), 0.5), "not a rotation and a translation"),
        ("shapes/world_to_camera", 0, setter((1, 0), -2), "shape 7: view 1: world_to_camera is not a rotation"),
        ("shapes/point_pixels", 0, setter((2, 5, 0), 3.0), "view 2: point_pixels are up to"),
        ("shapes/points", 0, setter((0, 1), 0.9), "view 0: point_pixels are up to"),
        ("shapes/patch_valid", 0, setter((3, 0, 0), True), "view 3: patch_valid where no pixel"),
        ("shapes/part_ids", 0, setter((0, 0, 0), 2), "view 0: depth > 0 is not where part_ids"),
        ("vertices/position", 3, setter(1, np.nan), "shape 7: vertices/position holds NaN or infinity"),
        ("faces/vertices", 5, setter(2, 48), "shape 7: faces/vertices names vertices other than 0 to 47"),
        ("faces/vertices", 5, setter(0, -1), "shape 7: faces/vertices names vertices other than 0 to 47"),
        ("faces/part_id", 0, setter(..., 9), "shape 7: faces/ or parts/ are not in the order of part ids"),
        ("faces/part_id", 71, setter(..., 9), r"shape 7: part ids \[9\] have no label"),
        ("faces/part_id", slice(60, 72), setter(..., 5), r"shape 7: part ids \[6\] have no faces"),
        ("parts/part_id", 0, setter(..., 0), r"shape 7: part ids \[0\] are the background's"),
        ("parts/part_id", 1, setter(..., 1), "shape 7: parts/ has a part id twice"),
        ("parts/part_id", 1, setter(..., 4), "shape 7: faces/ or parts/ are not in the order of part ids"),
        ("parts/label", 2, setter(..., b""), r"shape 7: part ids \[3\] have no label"),
        (
            "parts/label",
            slice(2, 6),
            setter(..., b"leg"),
            "anomaly 0: part_label 'chair/.*/leg' is neither a part's nor",
        ),
        ("shapes/vertex_range", 0, setter(1, 47), "shapes/vertex_range does not divide the 48 rows of vertices/ among"),
        ("shapes/face_range", 0, setter(0, 1), "shapes/face_range does not divide the 72 rows of faces/ among the"),
        ("shapes/part_range", 0, setter(1, 7), "shapes/part_range does not divide the 6 rows of parts/ among the"),
        ("shapes/points", 0, setter((..., 0), 1.5), "shape 7: points are up to 1.1 outside of the mesh's bounding box"),
        ("shapes/points", 0, setter((3, 1), np.nan), "shape 7: points are up to nan outside of the mesh's bounding"),
        ("shapes/depth", 0, further, r"shape 7: view 2: depth is up to 0\.\d+ outside of the bounding boxes of its"),
        ("vertices/position", slice(0, 48), mirrored, "shape 7: view 0: depth is up to .* outside of the bounding"),
        ("vertices/position", slice(40, 48), moved_back, "shape 7: view .: depth is up to 0.002 outside of the"),
        ("shapes/part_ids", 0, swapped_parts, "shape 7: view 1: depth is up to .* outside of the bounding boxes of"),
        ("shapes/part_ids", 0, foreign_part, r"shape 7: view 1: part_ids shows \[8\], which the mesh lacks"),
        *(
            ("queries/world_to_camera", row, turned(1, outside), f"{end}: camera and depth put .* of 16 pixels off the")
            for row, end in ((NORMAL, "normal"), (POSITIONAL, "anomaly"), (MISSING, "anomaly"), (TOGETHER, "anomaly"))
            for outside in (True, False)
        ),
        ("queries/depth", NORMAL, scaled, "normal: camera and depth put 16 of 16 pixels off the parts that they show"),
        ("queries/depth", POSITIONAL, scaled, "anomaly: camera and depth put 16 of 16 pixels off the parts that they"),
        ("queries/K", NORMAL, setter((0, 0), 40), "normal: camera and depth put .* of 16 pixels off the parts"),
        ("shapes/depth", 0, scaled, "view 3: patch_xyz of .* patches is not where camera and depth put a pixel of"),
        ("shapes/world_to_camera", 0, turned(1, True), "view 3: patch_xyz of .* patches is not where camera and depth"),
        ("shapes/world_to_camera", 0, turned(1, False), "view 0: depth is up to .* outside of the bounding boxes of"),
        ("shapes/patch_xyz", 0, setter((2, 1, 2), 0.3), "view 2: patch_xyz of 1 of .* patches is not where camera and"),
        ("queries/part_ids", POSITIONAL, foreign_part, r"_anomaly: part_ids shows \[8\], which the mesh lacks"),
    ],
)
def test_each_corruption_is_named(
    dataset: Path, name: str, row: int | slice, change: Callable[[np.ndarray], None], problem: str
) -> None:
    problems = edit(dataset, name, row, change)
    assert any(re.search(problem, text) for text in problems), problems
    assert all(text.startswith("train-00000.h5: ") for text in problems)


def test_a_mirrored_pose_is_not_a_rotation(dataset: Path) -> None:
    problems = edit(dataset, "queries/world_to_camera", 0, lambda pose: np.negative(pose[0], out=pose[0]))
    assert any("not a rotation" in problem for problem in problems)


def test_a_flipped_byte_is_found_by_the_checksum(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    with h5py.File(path) as file:
        offset = file["queries/mask_old"].id.get_chunk_info(3).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 12] ^= 0x10
    path.write_bytes(content)
    assert any(re.search(r"queries/mask_old row 3 fails its checksum", problem) for problem in verify(dataset))


def test_a_shape_in_two_splits_and_a_repeated_name_are_found(tmp_path: Path, shape: ShapeRecord) -> None:
    problems = verify(write_dataset(tmp_path, {"train": [shape], "test": [shape]}))
    assert "test-00000.h5: shapes/id '7' is in train-00000.h5 already" in problems
    assert sum("queries/name" in problem for problem in problems) == len(shape.queries)


def test_two_queries_of_one_name_are_found(tmp_path: Path, shape: ShapeRecord) -> None:
    twice = dataclasses.replace(shape, queries=shape.queries[:1] * 2)
    problems = verify(write_dataset(tmp_path, {"train": [twice]}))
    assert problems == [f"train-00000.h5: queries/name '{shape.queries[0].name}' is in train-00000.h5 already"]


def test_missing_and_misshapen_datasets_are_named(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    with h5py.File(path, "r+") as file:
        del file["queries/depth"], file["shapes/points"], file.attrs["fingerprint"]
    assert verify(dataset) == [
        "train-00000.h5: attribute fingerprint is missing",
        "train-00000.h5: dataset queries/depth is missing",
        "train-00000.h5: dataset shapes/points is missing",
    ]
    with h5py.File(path, "r+") as file:
        file.attrs["fingerprint"] = "f00d"
        file["queries/depth"] = np.zeros((len(LABELS), 32, 32))
        file["shapes/points"] = np.zeros((1, 40, 3), np.float32)
    assert verify(dataset) == [
        f"train-00000.h5: queries/depth: got float64 ({len(LABELS)}, 32, 32), expected float32 ({len(LABELS)}, 32, 32)"
    ]


def rename_types(dataset: Path, *groups: str, names: Sequence[str]) -> list[str]:
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        for group in groups:
            file[f"{group}/anomaly_type"].attrs["names"] = list(names)
    return verify(dataset)


def test_names_of_the_types_must_be_told_alike_with_normal_first(dataset: Path) -> None:
    assert rename_types(dataset, "queries", names=[*LABELS, "rusty"]) == [
        f"train-00000.h5: attribute names of anomalies/anomaly_type is {LABELS}, unlike that of queries/"
    ]
    both = ("queries", "anomalies")
    for wrong in (["broken", *LABELS[1:]], [*LABELS, "broken"], []):
        [problem] = rename_types(dataset, *both, names=wrong)
        assert "attribute names of queries/anomaly_type is" in problem
    assert rename_types(dataset, *both, names=[*LABELS, "rusty"]) == []


def test_a_file_of_types_that_this_program_does_not_know_is_sound(tmp_path: Path) -> None:
    shape = make_shape("7", [(kind, 20) for kind in ("normal", "broken")])
    dataset = write_dataset(tmp_path, {"train": [shape]})
    assert rename_types(dataset, "queries", "anomalies", names=["normal", "bent", "rotten", "rusty"]) == []


def test_several_anomalies_need_a_name_for_it(dataset: Path) -> None:
    names = [name if name != "several" else "some" for name in LABELS]
    [problem] = rename_types(dataset, "queries", "anomalies", names=names)
    assert problem.endswith("it has 2 rows of anomalies/, but the file's names lack several")


def test_an_unreadable_shard_does_not_hide_the_others(dataset: Path) -> None:
    (dataset / "shards" / "test-00000.h5").write_bytes(b"cut")
    problems = edit(dataset, "queries/bbox", 0, setter(0, 9))
    assert len(problems) == 2
    assert "a normal image has bbox" in problems[0]
    assert problems[1].startswith("test-00000.h5: it is unreadable")


def test_a_shard_renamed_into_another_split_is_found(dataset: Path) -> None:
    folder = dataset / "shards"
    (folder / "test-00000.h5").rename(folder / "val-00000.h5")
    assert verify(dataset) == ["val-00000.h5: attribute split is 'test', unlike the file's name"]


def test_real_resolution_is_sound_too(tmp_path: Path) -> None:
    shape = make_shape("3", [(kind, azimuth) for kind in LABELS for azimuth in (18, 342)], resolution=128)
    assert verify(write_dataset(tmp_path, {"val": [shape]})) == []


def with_gaps(dataset: Path, unknown: Sequence[str] = (), estimated: Sequence[str] = ()) -> list[str]:
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        file.attrs.update({"unknown": list(unknown), "estimated": list(estimated)})
    return verify(dataset)


def test_what_is_said_to_be_unknown_is_not_looked_for_and_must_be_empty(dataset: Path) -> None:
    unknown = ["queries/depth", "shapes/depth"]
    told = [problem for problem in with_gaps(dataset, unknown) if "said to be unknown, but holds something" in problem]
    assert len(told) == len(LABELS) + 1
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        for name in unknown:
            file[name][...] = 0
    assert verify(dataset) == []
    assert any("depth > 0 is not where part_ids > 0" in problem for problem in with_gaps(dataset))


def test_what_is_estimated_may_contradict_the_rest_and_nothing_else_may(dataset: Path) -> None:
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        for name in ("object_mask", "object_mask_normal"):
            file[f"queries/{name}"][:, :4, :4] = 255
    assert any("object_mask is not where part_ids" in problem for problem in verify(dataset))
    assert with_gaps(dataset, estimated=["queries/object_mask", "queries/object_mask_normal"]) == []
    problems = edit(dataset, "queries/object_mask", POSITIONAL, setter((0, 0), 7))
    assert any("object_mask holds values other than 0 and 255" in problem for problem in problems)
    problems = edit(dataset, "queries/object_mask", NORMAL, setter((9, 9), 255))
    assert any("object_mask unlike object_mask_normal" in problem for problem in problems)


def test_other_columns_must_be_told(dataset: Path) -> None:
    assert with_gaps(dataset, ["queries/image"], ["queries/depth"]) == [
        "train-00000.h5: attribute unknown names queries/image, which must be told",
        "train-00000.h5: attribute estimated names queries/depth, which must be told",
    ]


def test_meshes_are_unknown_together_and_then_there_are_none(dataset: Path) -> None:
    assert with_gaps(dataset, ["parts/label"]) == [
        "train-00000.h5: attribute unknown names some of vertices/position, faces/vertices, faces/part_id, "
        "parts/part_id, parts/label, not all"
    ]
    told = with_gaps(dataset, schema.MESH_COLUMNS)
    holding = "is said to be unknown, but holds something"
    assert told == [f"train-00000.h5: {group}/ {holding}" for group in schema.MESHES]


def test_version_1_is_verified_too_and_may_lie_beside_version_2(dataset: Path) -> None:
    as_version_1(dataset / "shards" / "train-00000.h5")
    assert verify(dataset) == []
    as_version_1(dataset / "shards" / "test-00000.h5")
    assert verify(dataset) == []
    assert any("a normal image has bbox" in problem for problem in edit(dataset, "queries/bbox", NORMAL, setter(2, 3)))


def test_version_2_without_meshes_lacks_something(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    as_version_1(path)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 2
    problems = verify(dataset)
    assert "train-00000.h5: dataset shapes/vertex_range is missing" in problems
    assert "train-00000.h5: dataset parts/label is missing" in problems


def test_a_depth_that_stays_within_its_parts_box_is_found_off_the_surface(tmp_path: Path) -> None:
    """Of one part that is hollow: all that it holds is near nothing of it."""
    dataset = write_dataset(tmp_path, {"train": [make_shape("7", [("normal", 20)])]})
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        file["faces/part_id"][...], file["parts/part_id"][...] = 1, 1
        file["parts/label"].resize(1, axis=0), file["parts/part_id"].resize(1, axis=0)
        file["shapes/part_range"][...] = [0, 1]
        for group in ("queries", "shapes"):
            file[f"{group}/part_ids"][...] = np.minimum(file[f"{group}/part_ids"], 1)
    assert verify(dataset) == []
    found = edit(dataset, "shapes/depth", 0, slightly_scaled)
    assert any(re.search("view .: patch_xyz of .* patches is not where", text) for text in found)
    assert any(re.search("view .: camera and depth put .* of 16 pixels off the parts", text) for text in found)


def test_unknown_depth_and_estimated_cameras_are_not_held_against_the_mesh(dataset: Path) -> None:
    edit(dataset, "queries/world_to_camera", NORMAL, turned(5, outside=False))
    assert any("camera and depth put" in text for text in verify(dataset))
    assert with_gaps(dataset, estimated=["queries/world_to_camera"]) == []


def test_a_model_in_two_splits_is_found_under_another_id_unless_others_published_it(
    tmp_path: Path, shape: ShapeRecord
) -> None:
    other = dataclasses.replace(make_shape("8", [("normal", 20)]), model_id=shape.model_id)
    assert verify(write_dataset(tmp_path, {"train": [shape, other]})) == []
    write_dataset(tmp_path, {"train": [shape], "test": [other]})
    assert verify(tmp_path) == ["test-00000.h5: shapes/model_id 'model-7' is in another split, in train-00000.h5"]
    with h5py.File(tmp_path / "shards" / "test-00000.h5", "r+") as file:
        file.attrs["config"] = '{"import": {"layout": "brokenchairs"}}'
    assert verify(tmp_path) == []


def test_settings_must_be_json(dataset: Path) -> None:
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        file.attrs["config"] = "seed: 0"
    assert verify(dataset) == ["train-00000.h5: attribute config is no JSON object"]


def test_a_damaged_table_is_a_problem_of_its_file(dataset: Path) -> None:
    path = dataset / "shards" / "train-00000.h5"
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file.id).addr
    content = bytearray(path.read_bytes())
    content[address + 8] ^= 1
    path.write_bytes(content)
    [problem] = verify(dataset)
    assert str(problem).startswith("train-00000.h5: it is damaged (")


def tell(dataset: Path, **changes: object) -> None:
    write_json(dataset / "dataset.json", {"version": 3, "shards": entries(find_shards(dataset)), **changes})


def test_dataset_json_tells_what_must_be_there(dataset: Path) -> None:
    tell(dataset)
    assert verify(dataset) == verify(dataset / "shards") == []
    shards = dataset / "shards"
    (shards / "test-00000.h5").rename(shards / "test-00001.h5")
    assert verify(dataset) == [
        "test-00001.h5: dataset.json does not tell of it: move it away, or it is read as a part of the dataset",
        "test-00000.h5: it is missing, and dataset.json tells of it",
    ]


def test_shards_of_another_run_are_not_what_dataset_json_tells(dataset: Path) -> None:
    tell(dataset)
    write_dataset(dataset, {"train": [make_shape("7", [("normal", 20), ("normal", 40), ("broken", 20)])]})
    kinds = [kind for kind in LABELS if kind not in ("normal", "broken")]
    assert sorted(verify(dataset)) == sorted(
        [
            "train-00000.h5: images of type normal: it holds 2, dataset.json tells 1",
            *(f"train-00000.h5: images of type {kind}: it holds 0, dataset.json tells 1" for kind in kinds),
        ]
    )


def test_any_other_byte_is_found_where_dataset_json_tells(dataset: Path) -> None:
    tell(dataset)
    with h5py.File(dataset / "shards" / "train-00000.h5", "r+") as file:
        file["queries/image"][0, 0, 0] ^= 1
    changed = "it is not the file that dataset.json tells of, although its counts are the same"
    assert verify(dataset) == [f"train-00000.h5: {changed}"]


@pytest.mark.parametrize(
    "changes",
    [{"shards": ["train-00000.h5"]}, {"version": "3"}, {"shards": {"train-00000.h5": {"digest": "a", "shapes": 1}}}],
)
def test_a_dataset_json_that_is_not_whole_is_a_problem(dataset: Path, changes: Mapping[str, object]) -> None:
    tell(dataset, **changes)
    [problem] = verify(dataset)
    assert problem.startswith("dataset.json: ") and "is not whole" in problem


def test_an_older_dataset_json_tells_nothing(dataset: Path) -> None:
    tell(dataset, version=2, shards=["val-00000.h5"])
    assert verify(dataset) == []
    assert told_contents(dataset) is None
