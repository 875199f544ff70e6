"""The export is what a reader of the published dataset expects, checked through that reader's own formulas."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.exchange.brokenchairs.exporting import export_brokenchairs, published_camera
from pipeline.exchange.layouts import EXPORTS
from pipeline.format.cameras import Camera, look_at_origin
from pipeline.format.labels import LABELS
from pipeline.format.schema import ShapeRecord
from tests.pictures import pixels_of
from tests.sample_shards import make_shape, write_dataset


@pytest.fixture
def exported(dataset: Path, tmp_path: Path) -> Path:
    assert export_brokenchairs(dataset, tmp_path / "export") == len(LABELS) + 1
    return tmp_path / "export"


def published_projection(camera: dict[str, Any], points: np.ndarray, width: int) -> np.ndarray:
    """(row, column) of world points by the published formula."""
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    p = (np.array(camera["K"]) @ np.array(camera["RT"])[:3] @ homogeneous.T).T
    return np.stack([p[:, 1] / p[:, 2], width - p[:, 0] / p[:, 2]], axis=1)


def test_the_folders_hold_the_published_file_names(exported: Path) -> None:
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    stem = "7_1_2.5_20_30_3_anomaly"
    masks = {f"annotations/positional/{m}_{stem}.png" for m in ("mask_new", "mask_old")}
    wholes = {f"annotations/positional/{m}_{stem}.png" for m in ("mask_object", "mask_object_normal")}
    assert {f for f in files if stem in f} == {
        f"images/positional/render_{stem}.png", f"annotations/positional/info_{stem}.json", *masks, *wholes,
    }  # fmt: skip
    assert {f for f in files if "normal.png" in f and "mask" not in f} == {
        "images/normal/render_7_0_2.5_20_30_3_normal.png", "images/normal/render_8_0_2.5_0_30_3_normal.png",
    }  # fmt: skip
    assert {f for f in files if f.startswith("shapes/shape_7")} == {
        "shapes/shape_7/model_id.txt",
        *(f"shapes/shape_7/mv_images/{view:03d}.{ext}" for view in range(4) for ext in ("png", "json", "npy")),
    }
    assert json.loads((exported / "split.json").read_text()) == {"train": ["7"], "val": [], "test": ["8"]}
    assert (exported / "shapes/shape_7/model_id.txt").read_text().strip() == "model-7"


def test_every_annotation_mirrors_an_image_that_its_name_calls_an_anomaly(exported: Path) -> None:
    annotations = {str(path.relative_to(exported)) for path in (exported / "annotations").rglob("*.json")}
    images = [str(p.relative_to(exported)) for p in (exported / "images").rglob("*.png") if "anomaly" in p.name]
    mirrored = (
        i.replace("images/", "annotations/").replace("render_", "info_").replace(".png", ".json") for i in images
    )
    assert annotations == set(mirrored)
    assert len(annotations) == len(LABELS) - 1


def test_images_and_masks_are_the_shards_pixels(exported: Path, shape: ShapeRecord) -> None:
    query = shape.queries[1]
    folder, stem = exported / "annotations/positional", "7_1_2.5_20_30_3_anomaly.png"
    assert np.array_equal(pixels_of(exported / f"images/positional/render_{stem}"), query.image)
    assert np.array_equal(pixels_of(folder / f"mask_new_{stem}"), query.mask_new)
    assert np.array_equal(pixels_of(folder / f"mask_old_{stem}"), query.mask_old)
    assert np.array_equal(pixels_of(folder / f"mask_object_{stem}"), query.object_mask)
    assert np.array_equal(pixels_of(folder / f"mask_object_normal_{stem}"), query.object_mask_normal)
    assert np.array_equal(pixels_of(exported / "shapes/shape_7/mv_images/002.png"), shape.image[2])


def test_the_box_is_in_a_512_frame_and_bounds_mask_new(exported: Path) -> None:
    for path in (exported / "annotations").rglob("info_*.json"):
        x, y, w, h = (value * 32 / 512 for value in json.loads(path.read_text())["2d_bbox"])
        mask = np.array(Image.open(path.with_name(path.name.replace("info_", "mask_new_")).with_suffix(".png")))
        rows, columns = np.nonzero(mask)
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x, y, x + w, y + h), path.name


def test_a_missing_part_has_its_old_place_as_mask_new_and_no_mask_old(exported: Path, shape: ShapeRecord) -> None:
    folder, stem = exported / "annotations/missing", "7_5_2.5_20_30_3_anomaly"
    assert np.array_equal(pixels_of(folder / f"mask_new_{stem}.png"), shape.queries[5].mask_old)
    assert not (folder / f"mask_old_{stem}.png").exists()
    assert json.loads((folder / f"info_{stem}.json").read_text())["mask_iou"] == 0.0


def test_the_annotation_tells_how_the_image_was_made(exported: Path, shape: ShapeRecord) -> None:
    info = json.loads((exported / "annotations/rotational/info_7_2_2.5_20_30_3_anomaly.json").read_text())
    query = shape.queries[2]
    new, old = query.mask_new > 0, query.mask_old > 0
    assert info["mask_iou"] == pytest.approx((new & old).sum() / (new | old).sum())
    assert 0 < info["mask_iou"] < 1
    expected = ("rotational", "chair/chair_base/regular_leg_base/leg", 20, 30, 2.5, 3, 2)
    keys = ("anomaly_type", "part_label", "azimuth", "elevation", "radius", "light", "texture_id")
    assert tuple(info[key] for key in keys) == expected


def test_the_only_anomaly_of_an_image_is_listed_as_the_whole(exported: Path) -> None:
    for kind in ("rotational", "missing"):
        [path] = (exported / "annotations" / kind).glob("info_*.json")
        info = json.loads(path.read_text())
        keys = ("2d_bbox", "anomaly_type", "part_label", "mask_iou")
        assert info["anomalies"] == [{key: info[key] for key in keys}]
        assert not list(path.parent.glob("mask_new0_*"))


def test_several_anomalies_have_an_entry_and_masks_each_and_all_together(exported: Path, shape: ShapeRecord) -> None:
    folder, stem = exported / "annotations/several", "7_6_2.5_20_30_3_anomaly"
    info = json.loads((folder / f"info_{stem}.json").read_text())
    masks = {path.name.removesuffix(f"_{stem}.png"): np.array(Image.open(path)) for path in folder.glob("mask_*.png")}
    expected = {"mask_new", "mask_old", "mask_new0", "mask_old0", "mask_new1", "mask_object", "mask_object_normal"}
    assert set(masks) == expected, "the second is missing: it has no mask_old"
    leg, back = shape.queries[6].anomalies
    assert np.array_equal(masks["mask_new0"], leg.mask_new) and np.array_equal(masks["mask_old0"], leg.mask_old)
    assert np.array_equal(masks["mask_new1"], back.mask_old)
    assert np.array_equal(masks["mask_new"] > 0, (leg.mask_new > 0) | (back.mask_old > 0))
    assert np.array_equal(masks["mask_old"], leg.mask_old)
    assert [(one["anomaly_type"], one["part_label"]) for one in info["anomalies"]] == [
        ("positional", leg.part_label), ("missing", back.part_label),
    ]  # fmt: skip
    assert (info["anomaly_type"], info["part_label"]) == ("several", f"{leg.part_label}; {back.part_label}")
    for number, one in enumerate(info["anomalies"]):
        x, y, w, h = (value * 32 / 512 for value in one["2d_bbox"])
        rows, columns = np.nonzero(masks[f"mask_new{number}"])
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x, y, x + w, y + h)


def test_points_land_on_their_pixels_through_the_published_formula(exported: Path, shape: ShapeRecord) -> None:
    for view in range(4):
        stem = exported / f"shapes/shape_7/mv_images/{view:03d}"
        camera = json.loads(stem.with_suffix(".json").read_text())
        arrays = np.load(stem.with_suffix(".npy"), allow_pickle=True).item()
        landed = published_projection(camera, shape.points.astype(float), 32)
        assert np.abs(landed - arrays["pxy"]).max() < 1e-3
        assert np.array_equal(arrays["pxy"][:, ::-1], shape.point_pixels[view])
        assert np.array_equal(arrays["is_visible"], shape.point_visible[view])
        assert np.allclose(np.array(camera["RT"]) @ np.array(camera["RT_"]), np.eye(4), atol=1e-6)


def test_patch_positions_project_into_their_patches_and_are_minus_one_elsewhere(exported: Path) -> None:
    stem = exported / "shapes/shape_7/mv_images/001"
    camera = json.loads(stem.with_suffix(".json").read_text())
    xyz = np.load(stem.with_suffix(".npy"), allow_pickle=True).item()["xyz"]
    assert xyz.shape == (4, 4, 3)
    valid = (xyz != -1).any(axis=2)
    assert valid.any()
    assert not valid.all()
    landed = published_projection(camera, xyz[valid].astype(float), 32)
    assert np.array_equal(landed // 8, np.argwhere(valid))


def test_published_camera_by_hand() -> None:
    """A point right of and above the optical axis, off-centre principal point, width 256."""
    K = np.array([[100.0, 0, 120], [0, 100, 130], [0, 0, 1]])
    camera, extrinsics = published_camera(K, np.eye(4), 256)
    row_column = published_projection({"K": camera, "RT": extrinsics}, np.array([[1.0, -2.0, 4.0]]), 256)
    assert row_column.tolist() == [[130 - 50, 120 + 25]]
    assert K[0, 2] == 120


@given(
    azimuth=st.floats(0, 360),
    elevation=st.floats(-80, 80),
    principal=st.tuples(st.floats(20, 80), st.floats(20, 80)),
    point=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
)
def test_the_published_formula_gives_our_pixel_for_any_camera(
    azimuth: float, elevation: float, principal: tuple[float, float], point: tuple[float, float, float]
) -> None:
    K = np.array([[140.0, 0, principal[0]], [0, 150, principal[1]], [0, 0, 1]])
    ours = Camera(K, look_at_origin(azimuth, elevation, 2.5), 100)
    (pixel,), _ = ours.project(np.array([point]))
    camera, extrinsics = published_camera(K, ours.world_to_camera, 100)
    (landed,) = published_projection({"K": camera, "RT": extrinsics}, np.array([point]), 100)
    assert landed == pytest.approx(pixel[::-1], abs=1e-9)


def test_an_interrupted_export_goes_on_and_ends_the_same(dataset: Path, exported: Path, tmp_path: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {str(p.relative_to(exported)): p.read_bytes() for p in exported.rglob("*") if p.is_file()}

    complete = contents()
    kept = exported / "shapes/shape_8/model_id.txt"
    written = kept.stat().st_mtime_ns
    for lost in ("split.json", "shapes/shape_7/model_id.txt", "images/broken/render_7_3_2.5_20_30_3_anomaly.png"):
        (exported / lost).unlink()
    export_brokenchairs(dataset, exported)
    assert contents() == complete
    assert kept.stat().st_mtime_ns == written


def test_foreign_folders_are_refused(dataset: Path, exported: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "holiday.jpg").touch()
    with pytest.raises(PipelineError, match="foreign is not empty"):
        export_brokenchairs(dataset, foreign)
    with pytest.raises(PipelineError, match="is a file"):
        export_brokenchairs(dataset, foreign / "holiday.jpg")
    other = write_dataset(tmp_path / "other", {"val": [make_shape("1", [])]})
    held = f"{exported} holds dataset {dataset} in the brokenchairs layout, and not dataset"
    for layout, export in EXPORTS.items():
        with pytest.raises(PipelineError, match=rf"{held} {other} in the {layout} layout, which was asked for"):
            export(other, exported)
    with pytest.raises(PipelineError, match=rf"{held} {dataset} in the coco layout"):
        EXPORTS["coco"](dataset, exported)
    write_dataset(dataset, {"val": [make_shape("1", [])]})
    with pytest.raises(PipelineError, match=r"in the brokenchairs layout, as that was before it changed; choose"):
        export_brokenchairs(dataset, exported)


def test_names_that_clash_or_lie_are_refused_before_anything_is_written(tmp_path: Path, shape: ShapeRecord) -> None:
    out = tmp_path / "export"
    first, second = shape.queries[:2]
    twice = write_dataset(tmp_path / "twice", {"val": [dataclasses.replace(shape, queries=(first, first))]})
    with pytest.raises(PipelineError, match=rf"{first.name}\.png is taken by a query in val-00000\.h5"):
        export_brokenchairs(twice, out)
    lying = dataclasses.replace(shape, queries=(dataclasses.replace(second, name="render_7_normal"),))
    with pytest.raises(PipelineError, match="'render_7_normal' contradicts label 1"):
        export_brokenchairs(write_dataset(tmp_path / "lying", {"val": [lying]}), out)
    assert not out.exists()
