"""What is exported comes back, but for what the layout does not hold; what cannot be used is named."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.exchange.brokenchairs.exporting import export_brokenchairs, published_camera
from pipeline.exchange.brokenchairs.files import GAPS, opencv_camera
from pipeline.exchange.brokenchairs.importing import Imported, import_brokenchairs
from pipeline.format.cameras import look_at_origin
from pipeline.format.labels import LABELS
from pipeline.format.reader import Shard, find_shards
from pipeline.format.schema import ShapeRecord
from pipeline.format.silhouette import object_estimate
from pipeline.format.verification import verify
from tests.sample_shards import make_shape, write_dataset

#: Images of shape 7 among those to damage.
ALL = 2
STEM = "7_1_2.5_20_30_3_anomaly"
EXACT = ("image", "label", "anomaly_type", "part_label", "bbox", "mask_new", "mask_old", "azimuth", "elevation",
         "radius", "light", "texture")  # fmt: skip


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, shape: ShapeRecord) -> Path:
    """Shape 7 (train), with an image of every label, and shapes 8 and 9 (test) with a normal one."""
    return export(tmp_path_factory.mktemp("pristine"), shape)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with two images of shape 7: a normal and a positional one."""
    return export(tmp_path_factory.mktemp("plain"), make_shape("7", [("normal", 20), ("positional", 20)]))


def export(folder: Path, shape: ShapeRecord) -> Path:
    others = [make_shape(i, [("normal", 0)]) for i in ("8", "9")]
    export_brokenchairs(write_dataset(folder / "dataset", {"train": [shape], "test": others}), folder / "export")
    return folder / "export"


@pytest.fixture
def exported(pristine: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(pristine, tmp_path / "export"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "imported"


def take(folder: Path, out: Path) -> Imported:
    return import_brokenchairs(folder, out, jobs=1, limit=None)


def shapes_of(out: Path) -> dict[str, ShapeRecord]:
    shapes: dict[str, ShapeRecord] = {}
    for path in find_shards(out):
        with Shard(path) as shard:
            shapes |= {(shape := shard.shape(row)).id: shape for row in range(shard.shape_count)}
    return shapes


def test_a_dataset_comes_back(exported: Path, out: Path, shape: ShapeRecord) -> None:
    assert take(exported, out) == Imported(2, 3, len(LABELS) + 2, ())
    back = shapes_of(out)["7"]
    for name in ("id", "model_id"):
        assert getattr(back, name) == getattr(shape, name)
    for name in ("image", "patch_xyz", "patch_valid", "point_pixels", "point_visible"):
        assert np.array_equal(getattr(back, name), getattr(shape, name)), name
    for name in ("K", "world_to_camera", "points"):
        assert np.abs(getattr(back, name) - getattr(shape, name)).max() < 1e-5, name
    queries = {query.name: query for query in shape.queries}
    assert [query.name for query in back.queries] == sorted(queries)
    for query in back.queries:
        original = queries[query.name]
        for name in EXACT:
            assert np.array_equal(getattr(query, name), getattr(original, name)), (query.name, name)
        for name in ("K", "world_to_camera"):
            assert np.abs(getattr(query, name) - getattr(original, name)).max() < 1e-5
        assert query.type_name == original.type_name
        for one, other in zip(query.anomalies, original.anomalies, strict=True):
            for name in ("anomaly_type", "part_label", "bbox", "mask_new", "mask_old"):
                assert np.array_equal(getattr(one, name), getattr(other, name)), (query.name, name)
        if query.label:
            assert np.array_equal(query.object_mask_normal, original.object_mask_normal)


def test_what_the_layout_lacks_is_zero_and_said_to_be_unknown(exported: Path, out: Path) -> None:
    take(exported, out)
    assert verify(out) == []
    for path in find_shards(out):
        with Shard(path) as shard:
            assert shard.gaps == GAPS
            for column in shard.gaps.unknown:
                assert not any(np.count_nonzero(row) for row in shard.column(*column.split("/"))), column


def test_splits_are_kept(exported: Path, out: Path) -> None:
    take(exported, out)
    assert [path.name for path in find_shards(out, "train")] == ["train-00000.h5"]
    with Shard(find_shards(out, "test")[0]) as shard:
        assert shard.column("shapes", "id").tolist() == ["8", "9"]


def test_masks_of_the_object_are_estimated_alike_whatever_the_label(exported: Path, out: Path) -> None:
    for path in (exported / "annotations").rglob("mask_object_[!n]*.png"):
        path.unlink()
    take(exported, out)
    for shape in shapes_of(out).values():
        for query in shape.queries:
            assert np.array_equal(query.object_mask, object_estimate(query.image))


def test_the_estimate_keeps_what_is_coloured_or_dark_and_leaves_soft_shadow() -> None:
    white, shadow, red, dark = (255, 255, 255), (200, 201, 203), (255, 200, 200), (80, 80, 80)
    image = np.array([[white, shadow, red, dark]], dtype=np.uint8)
    assert object_estimate(image).tolist() == [[0, 0, 255, 255]]


def test_without_masks_of_the_intact_object_the_part_is_put_back(exported: Path, out: Path) -> None:
    for path in (exported / "annotations").rglob("mask_object_normal*.png"):
        path.unlink()
    assert take(exported, out).left_out == ()
    for query in shapes_of(out)["7"].queries:
        put_back = np.where(query.mask_old > 0, 255, np.where(query.mask_new > 0, 0, query.object_mask))
        assert np.array_equal(query.object_mask_normal, put_back)


rotations = st.builds(look_at_origin, st.floats(0, 360), st.floats(-80, 80), st.floats(0.5, 9))


@given(pose=rotations, focal=st.floats(10, 900), centre=st.floats(0, 256), negated=st.booleans())
def test_cameras_come_back_whichever_way_they_look(
    pose: np.ndarray, focal: float, centre: float, negated: bool
) -> None:
    """An x axis to the left, or one to the right with y up and z backward: both give the published pixels."""
    K = np.array([[focal, 0, centre], [0, focal, 100.0], [0, 0, 1]])
    published, RT = published_camera(K, pose, 256)
    if negated:
        RT = np.diag([-1.0, -1, -1, 1]) @ RT
    found, world_to_camera = opencv_camera(published, RT, 256)
    assert np.allclose(found, K, rtol=0, atol=1e-9)
    assert np.allclose(world_to_camera, pose, rtol=0, atol=1e-12)


def test_a_plainer_annotation_is_completed(exported: Path, out: Path, shape: ShapeRecord) -> None:
    """Only the box is known by its key; then the folder tells the type, if a known one, the name the camera."""
    for path in (exported / "annotations").rglob("info_*.json"):
        path.write_text(json.dumps({"2d_bbox": json.loads(path.read_text())["2d_bbox"]}))
    for kind in ("images", "annotations"):
        (exported / kind / "positional").rename(exported / kind / "position")
        (exported / kind / "broken").rename(exported / kind / "chairs")
        (exported / kind / "missing").rename(exported / kind / "more")
    assert take(exported, out).left_out == ()
    assert verify(out) == []
    queries = {LABELS[query.texture]: query for query in shapes_of(out)["7"].queries}
    assert {name: query.type_name for name, query in queries.items()} == {
        **{name: name for name in LABELS}, "broken": "unknown", "several": "unknown",
    }  # fmt: skip
    assert queries["broken"].part_label == "unknown"
    assert np.allclose(queries["broken"].K, shape.K[0], atol=1e-5)
    assert np.allclose(queries["broken"].world_to_camera, look_at_origin(20, 30, 2.5), atol=1e-6)


def test_rounded_and_clipped_pixels_are_replaced_by_projections(exported: Path, out: Path, shape: ShapeRecord) -> None:
    rewrite_arrays(exported, lambda arrays: arrays.update(pxy=np.clip(np.round(arrays["pxy"], 1), 0, 32)))
    assert take(exported, out).left_out == ()
    assert verify(out) == []
    back = shapes_of(out)["7"]
    seen = shape.point_visible
    assert np.abs(back.point_pixels - shape.point_pixels)[seen].max() < 0.2
    assert np.array_equal(back.point_visible, seen)


def test_points_on_which_views_disagree_are_seen_nowhere(exported: Path, out: Path, shape: ShapeRecord) -> None:
    point = int(np.flatnonzero(shape.point_visible.sum(axis=0) >= 2)[0])

    def shift(arrays: dict[str, np.ndarray]) -> None:
        arrays["pxy"][point] += (9, -7)

    rewrite_arrays(exported, shift, views=("000",))
    rewrite_arrays(exported, shift, views=("001",))
    [item] = take(exported, out).left_out
    assert (item.reason, item.images) == ("points-disagree", 0)
    assert "shape 7 disagree on 1 of 40 surface points" in item.message
    expected = shape.point_visible.copy()
    expected[:, point] = False
    assert np.array_equal(shapes_of(out)["7"].point_visible, expected)
    assert verify(out) == []


def rewrite_arrays(folder: Path, change: Callable[[dict], None], views: tuple[str, ...] = ("*",)) -> None:
    for view in views:
        for path in (folder / "shapes/shape_7/mv_images").glob(f"{view}.npy"):
            arrays = np.load(path, allow_pickle=True).item()
            change(arrays)
            np.save(path, np.array(arrays, dtype=object), allow_pickle=True)


def edit_json(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


VIEW, INFO = "shapes/shape_7/mv_images/001", f"annotations/positional/info_{STEM}.json"
MASK, IMAGE = f"annotations/positional/mask_new_{STEM}.png", f"images/positional/render_{STEM}.png"


class Malicious:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("pwned",)


@pytest.mark.parametrize(
    ("damage", "reason", "named", "images", "cost"),
    [
        (lambda f: (f / f"{VIEW}.png").unlink(), "number-of-views", "has 3 views", ALL, ALL),
        (lambda f: (f / f"{VIEW}.npy").unlink(), "missing-file", "001.npy is missing", ALL, ALL),
        (lambda f: (f / f"{VIEW}.json").unlink(), "missing-file", "001.json is missing", ALL, ALL),
        (lambda f: (f / f"{VIEW}.json").write_text("{"), "unreadable-json", "001.json", ALL, ALL),
        (lambda f: edit_json(f / f"{VIEW}.json", K=[1]), "bad-camera", "001.json: K has shape", ALL, ALL),
        (lambda f: edit_json(f / f"{VIEW}.json", RT=[[2, 0, 0, 0]] * 4), "contradiction", "not a rotation", ALL, ALL),
        (lambda f: (f / f"{VIEW}.png").write_bytes(b"x"), "unreadable-png", "001.png", ALL, ALL),
        (lambda f: cut(f / f"{VIEW}.npy"), "unreadable-npy", "001.npy is not a pickled dict", ALL, ALL),
        (lambda f: rewrite_arrays(f, lambda a: a.update(x=Malicious())), "unreadable-npy", "mkdir, which no", ALL, ALL),
        (lambda f: rewrite_arrays(f, lambda a: a.pop("pxy")), "unreadable-npy", "has no pxy", ALL, ALL),
        (
            lambda f: rewrite_arrays(f, lambda a: a.update(xyz=np.ones((3, 4, 3)))),
            "array-shape",
            "xyz has shape",
            ALL,
            ALL,
        ),
        (lambda f: rewrite_arrays(f, lambda a: a["xyz"].fill(np.nan)), "unreadable-npy", "xyz holds NaN", ALL, ALL),
        (lambda f: shutil.rmtree(f / "shapes/shape_7"), "shape-without-folder", "shape 7 is in split.json", ALL, ALL),
        (lambda f: edit_json(f / "split.json", train=[]), "shape-without-split", "shape 7 is in no split", ALL, ALL),
        (lambda f: edit_json(f / "split.json", val=["7"]), "repeated-shape", "7 of val is in train already", 0, 0),
        (lambda f: edit_json(f / "split.json", dev=["7"]), "unknown-split", "dev is not one of", 0, 0),
        (lambda f: edit_json(f / "split.json", val=["999"]), "shape-without-folder", "shape 999", 0, 0),
        (lambda f: (f / INFO).unlink(), "no-annotation", f"info_{STEM}.json is missing", 1, 1),
        (lambda f: (f / INFO).write_text("[]"), "unreadable-json", "holds list", 1, 1),
        (lambda f: edit_json(f / INFO, part_label=[1]), "bad-value", "part_label: got list", 1, 1),
        (lambda f: edit_json(f / INFO, anomalies=3), "bad-value", "not a list of objects", 1, 1),
        (lambda f: edit_json(f / INFO, **{"2d_bbox": [0, 0, 9]}), "bad-value", "not four numbers", 1, 1),
        (lambda f: edit_json(f / INFO, **{"2d_bbox": [0, 0, 9, 9]}), "box-contradicts-mask", "2d_bbox is", 1, 1),
        (lambda f: (f / MASK).unlink(), "missing-file", f"mask_new_{STEM}.png is missing", 1, 1),
        (lambda f: (f / IMAGE).unlink(), "annotation-without-image", f"info_{STEM}.json belongs to no image", 0, 1),
        (lambda f: cut(f / IMAGE), "unreadable-png", f"render_{STEM}.png", 1, 1),
        (lambda f: Image.new("RGB", (40, 32)).save(f / IMAGE), "image-size", "has 40x32 pixels", 1, 1),
        (lambda f: (f / "images/render_7_normal.png").touch(), "bad-name", "render_7_normal.png is not named", 1, 0),
        (
            lambda f: shutil.copy(f / IMAGE, f / "images/render_7_1_0_20_30_3_normal.png"),
            "bad-name",
            "no camera is at that radius",
            1,
            0,
        ),
        (lambda f: (f / "images/notes.txt").touch(), "foreign-file", "notes.txt is not a PNG", 1, 0),
        (lambda f: shutil.copy(f / IMAGE, f / "images"), "repeated-name", "the same name is in", 1, 0),
        (
            lambda f: shutil.copy(f / IMAGE, f / "images/render_5_1_2.5_20_30_3_normal.png"),
            "image-without-shape",
            "shape 5 has neither",
            1,
            0,
        ),
    ],
)
def test_each_fault_is_named_and_costs_no_more_than_it_must(
    plain: Path, tmp_path: Path, damage: Callable[[Path], object], reason: str, named: str, images: int, cost: int
) -> None:
    """``images``: how many the item says that it costs; ``cost``: how many fewer there are in the dataset."""
    damaged, out = tmp_path / "damaged", tmp_path / "imported"
    shutil.copytree(plain, damaged)
    damage(damaged)
    found = take(damaged, out)
    [item] = found.left_out
    assert (item.reason, item.images) == (reason, images)
    assert named in item.message
    assert found.images == ALL + 2 - cost
    assert verify(out) == []
    summary = json.loads((out / "left_out/all.json").read_text())
    assert summary["left_out"] == [dataclasses.asdict(item)]
    assert summary["counts"]["images"] == found.images
    assert not Path("pwned").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_nothing_usable_is_an_error(exported: Path, tmp_path: Path, out: Path) -> None:
    with pytest.raises(PipelineError, match=r"split\.json is missing"):
        take(tmp_path, out)
    edit_json(exported / "split.json", train=["1"], test=["2"])
    with pytest.raises(PipelineError, match="no readable reference shape"):
        take(exported, out)
    (exported / "split.json").write_text('{"train": 3}')
    with pytest.raises(PipelineError, match="has no lists of shapes called train, val, test"):
        take(exported, out)
    (exported / "split.json").write_text('{"train": ["7"]}')
    for path in (exported / "shapes/shape_7/mv_images").glob("*.json"):
        path.unlink()
    assert not out.exists()
    with pytest.raises(PipelineError, match=r"nothing in .* could be imported: .*000\.json is missing"):
        take(exported, out)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five shapes in train, of which a shard takes two."""
    from pipeline.exchange.brokenchairs import importing as brokenchairs_import

    config = brokenchairs_import.CONFIG.model_copy(update={"shapes_per_shard": 2})
    monkeypatch.setattr(brokenchairs_import, "CONFIG", config)
    shapes = [make_shape(str(number), [("normal", 20)]) for number in range(5)]
    export_brokenchairs(write_dataset(tmp_path / "five", {"train": shapes}), tmp_path / "five-export")
    return tmp_path / "five-export"


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "shards").iterdir()}


def test_an_interrupted_import_goes_on_and_gives_the_same_bytes(many: Path, tmp_path: Path, out: Path) -> None:
    take(many, out)
    whole = contents(out)
    assert sorted(whole) == [f"train-0000{number}.h5" for number in range(3)]
    (out / "shards/train-00001.h5").unlink()
    kept = (out / "shards/train-00000.h5").stat().st_mtime_ns
    assert take(many, out) == take(many, tmp_path / "again")
    assert contents(out) == whole == contents(tmp_path / "again")
    assert (out / "shards/train-00000.h5").stat().st_mtime_ns == kept


def test_a_limit_takes_the_first_shapes_and_lifting_it_the_others(many: Path, out: Path) -> None:
    assert import_brokenchairs(many, out, jobs=1, limit=3).shapes == 3
    assert sorted(shapes_of(out)) == ["0", "1", "2"]
    assert import_brokenchairs(many, out, jobs=2, limit=1).shapes == 1
    assert sorted(shapes_of(out)) == ["0"]
    assert take(many, out).shapes == 5
    assert sorted(shapes_of(out)) == ["0", "1", "2", "3", "4"]
    assert verify(out) == []


def test_shapes_of_other_sizes_than_most_are_left_out(many: Path, out: Path) -> None:
    for path in (many / "shapes/shape_0/mv_images").glob("000.*"):
        path.unlink()
    [item] = take(many, out).left_out
    assert (item.reason, item.images) == ("number-of-views", 1)
    assert sorted(shapes_of(out)) == ["1", "2", "3", "4"]


def test_foreign_folders_are_refused(exported: Path, many: Path, out: Path) -> None:
    with pytest.raises(PipelineError, match="is not empty"):
        take(exported, exported)
    take(exported, out)
    with pytest.raises(
        PipelineError, match=rf"holds an import of {exported} in the brokenchairs layout, and not an import of {many}"
    ):
        take(many, out)
