from pathlib import Path

import numpy as np
import pytest

from pipeline.config import ViewsConfig
from pipeline.errors import PipelineError
from pipeline.views.reference import make_reference_views
from pipeline.views.select import NORMAL, ViewSelector
from pipeline.views.storage import load_views, save_views
from pipeline.views.visibility import bounding_box
from tests.scenes import knob_missing, knob_moved, two_cubes

CONFIG = ViewsConfig(resolution=64, surface_points=50, reference_views=4)


def select(config: ViewsConfig = CONFIG, **wanted: int):  # type: ignore[no-untyped-def]
    return ViewSelector(two_cubes(), config, 0).select([knob_missing(), knob_moved(0.25)], wanted)


def test_views_come_from_the_configured_cameras() -> None:
    views = select(**{NORMAL: 20}).views
    assert len(views) == 20
    assert {v.azimuth for v in views} == {18.0 * i for i in range(20)}
    assert all(20 <= v.elevation <= 40 for v in views)
    assert {v.light for v in views} <= set(range(6))
    for view in views:
        assert np.linalg.norm(view.camera.centre) == pytest.approx(2.5)


def test_anomaly_views_show_the_anomaly() -> None:
    views = select(**{"0_missing": 4, "1_positional": 4}).views
    assert [v.anomaly for v in views] == ["0_missing"] * 4 + ["1_positional"] * 4
    for view in views:
        assert view.changed_pixels >= CONFIG.min_changed_pixels * (64 / 256) ** 2
        mask = view.masks.old if view.anomaly == "0_missing" else view.masks.new
        assert view.bbox == bounding_box(mask)
        assert view.visible_share >= CONFIG.min_visible_share


def test_hidden_anomalies_are_refused_with_the_reason() -> None:
    strict = CONFIG.model_copy(update={"min_changed_pixels": 10**6})
    selection = select(strict, **{"0_missing": 3, NORMAL: 1})
    assert [v.anomaly for v in selection.views] == [NORMAL]
    assert selection.refused["0_missing"] == {"too-few-changed-pixels": 20}


def test_object_cut_by_the_frame_is_refused() -> None:
    near = CONFIG.model_copy(update={"focal_mm": 120.0})
    selection = select(near, **{NORMAL: 2})
    assert not selection.views
    assert selection.refused[NORMAL] == {"cut-by-frame": 20}


def test_stems_are_unique_and_follow_the_published_layout() -> None:
    crowded = CONFIG.model_copy(update={"max_texture_id": 2, "lights": 1})
    views = select(crowded, **{NORMAL: 20, "1_positional": 10}).views
    assert len({v.name for v in views}) == len(views)
    fields = views[0].name.split("_")
    assert fields[:2] == ["render", "cubes"]
    assert fields[3:] == ["2.5", f"{views[0].azimuth:.0f}", f"{views[0].elevation:.0f}", "0", "normal"]


def test_selection_of_one_anomaly_does_not_depend_on_the_others() -> None:
    both = select(**{"0_missing": 2, "1_positional": 2}).views
    one = select(**{"1_positional": 2}).views
    assert [(v.name, v.elevation) for v in both[2:]] == [(v.name, v.elevation) for v in one]


def test_views_round_trip_through_disk(tmp_path: Path) -> None:
    selection = select(**{NORMAL: 2, "0_missing": 1})
    reference = make_reference_views(two_cubes(), CONFIG, 0)
    save_views(tmp_path, "cubes", selection, reference)
    first = (tmp_path / "cubes.npz").read_bytes()
    views, loaded = load_views(tmp_path, "cubes")
    assert [v.name for v in views] == [v.name for v in selection.views]
    for got, expected in zip(views, selection.views, strict=True):
        assert got.bbox == expected.bbox
        np.testing.assert_array_equal(got.image.depth, expected.image.depth)
        np.testing.assert_array_equal(got.masks.old, expected.masks.old)
        np.testing.assert_array_equal(got.camera.world_to_camera, expected.camera.world_to_camera)
    np.testing.assert_array_equal(loaded.patch_xyz, reference.patch_xyz)
    save_views(tmp_path, "cubes", selection, reference)
    assert (tmp_path / "cubes.npz").read_bytes() == first


def test_broken_views_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK broken")
    with pytest.raises(PipelineError, match=r"x\.npz"):
        load_views(tmp_path, "x")
