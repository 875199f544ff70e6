from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.anomalies.anomaly import Anomaly
from pipeline.errors import PipelineError
from pipeline.format.boxes import bounding_box, mask_iou
from pipeline.views.config import CameraVariety, ViewsConfig
from pipeline.views.reference import make_reference_views
from pipeline.views.select import Selection, View, ViewSelector
from pipeline.views.storage import load_views, save_views
from pipeline.views.visibility import object_mask, part_mask
from tests.scenes import knob_missing, knob_moved, knob_resurfaced, left_knob, three_cubes

CONFIG = ViewsConfig(resolution=64, surface_points=50, reference_views=4)
MISSING, MOVED = knob_missing(), knob_moved(0.25)
LEFT = left_knob(-0.7)


def select(*wanted: tuple[tuple[Anomaly, ...], int], config: ViewsConfig = CONFIG) -> Selection:
    return ViewSelector(three_cubes(), config, 0).select(wanted)


def place(view: View) -> tuple[object, ...]:
    return (view.name, view.azimuth, view.elevation, view.light, [mark.bbox for mark in view.marks])


def test_views_come_from_the_configured_cameras() -> None:
    views = select(((), 20)).views
    assert len(views) == 20
    assert {v.azimuth for v in views} == {18.0 * i for i in range(20)}
    assert all(20 <= v.elevation <= 40 for v in views)
    assert {v.light for v in views} <= set(range(6))
    for view in views:
        assert np.linalg.norm(view.camera.centre) == pytest.approx(2.5)
        assert view.marks == () and view.variant == "normal"


def test_anomaly_views_show_the_anomaly() -> None:
    views = select(((MISSING,), 4), ((MOVED,), 4)).views
    assert [v.variant for v in views] == ["0_missing"] * 4 + ["1_positional"] * 4
    for view in views:
        [mark] = view.marks
        assert mark.changed_pixels >= CONFIG.min_changed_pixels * (64 / 256) ** 2
        assert mark.bbox == bounding_box(mark.old if view.variant == "0_missing" else mark.new)
        assert mark.visible_share >= CONFIG.min_visible_share


def test_hidden_anomalies_are_refused_with_the_reason() -> None:
    strict = CONFIG.model_copy(update={"min_changed_pixels": 10**6})
    selection = select(((), 1), ((MISSING,), 3), config=strict)
    assert [v.variant for v in selection.views] == ["normal"]
    assert selection.refused["0_missing"] == {"too-few-changed-pixels": 20}


def test_object_cut_by_the_frame_is_refused() -> None:
    near = CONFIG.model_copy(update={"focal_mm": 120.0})
    selection = select(((), 2), config=near)
    assert not selection.views
    assert selection.refused["normal"] == {"cut-by-frame": 20}


def test_what_drawn_edges_reach_leaves_the_border_white() -> None:
    """Beyond a border pixel's filter, which reaches 0.75 px to either side of its centre at 63.5."""
    edges = []
    for focal_mm in np.arange(50.0, 66.0, 0.5):
        level = CONFIG.model_copy(update={"azimuths": 1, "elevation_degrees": (0.0, 0.0), "focal_mm": focal_mm})
        edge = 32 + focal_mm / 36 * 64 * 0.7 / 2.4  # the knobs' front faces end at x = 0.7 and -0.7, at depth 2.4
        kept = bool(select(((), 1), config=level).views)
        assert kept == (edge < 62.5)  # the first pixel centre of the outer rings
        edges += [edge] if kept else []
    assert 62 < max(edges) < 63.5 - 0.75


def test_alike_masks_are_refused_unless_enough_changes_within_them() -> None:
    """Seen level from the front, a knob pushed back by so little has the outline that it had."""
    update = {"azimuths": 1, "elevation_degrees": (0.0, 0.0), "resolution": 256, "focal_mm": 60.0}
    frontal = CONFIG.model_copy(update=update)
    pushed = knob_moved(0.0)
    mesh = pushed.replaced[2]
    assert mesh is not None
    mesh.apply_translation([0.0, 0.0, -0.006])
    [view] = select(((pushed,), 1), config=frontal).views
    [mark] = view.marks
    assert mark.changed_pixels > 1000 and mask_iou(mark.new, mark.old) > 0.97
    strict = frontal.model_copy(update={"min_inner_changed_pixels": mark.changed_pixels + 1})
    assert select(((pushed,), 1), config=strict).refused["1_positional"] == {"masks-alike": 1}
    tolerant = strict.model_copy(update={"max_mask_iou": mask_iou(mark.new, mark.old)})
    assert len(select(((pushed,), 1), config=tolerant).views) == 1
    # Not so for a change of surface, whose masks are the same.
    assert len(select(((knob_resurfaced(),), 1), config=strict).views) == 1


def test_inner_changes_are_counted_at_the_scale_of_the_image() -> None:
    """Twice as fine, with four times the pixels: the same views pass."""
    frontal = CONFIG.model_copy(update={"azimuths": 1, "elevation_degrees": (0.0, 0.0), "max_mask_iou": 0.0})
    moved = (knob_moved(0.05),)
    [view] = select((moved, 1), config=frontal.model_copy(update={"resolution": 256})).views
    for resolution in (128, 256, 512):
        for factor, refused in ((0.9, {}), (1.1, {"masks-alike": 1})):
            least = round(factor * view.marks[0].changed_pixels)
            config = frontal.model_copy(update={"resolution": resolution, "min_inner_changed_pixels": least})
            assert select((moved, 1), config=config).refused["1_positional"] == refused


VARIED = CONFIG.model_copy(
    update={
        "variety": CameraVariety(radius=(2.5, 4.0), focal_mm=(30.0, 40.0), aim_offset=0.2, roll_degrees=15.0),
        "resolution": 64,
    }
)


def test_every_query_has_the_radius_lens_aim_and_roll_of_its_own_camera() -> None:
    views = select(((), 20), ((MOVED,), 10), config=VARIED).views
    assert len(views) > 20
    lenses = [view.camera.K[0, 0] * 36 / 64 for view in views]
    rolls = []
    for view in views:
        pose = view.camera.world_to_camera
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.norm(view.camera.centre) == pytest.approx(view.radius)
        a, e = np.deg2rad([view.azimuth, view.elevation])
        place = view.radius * np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
        np.testing.assert_allclose(view.camera.centre, place, atol=1e-12)
        forward, right = pose[2, :3], pose[0, :3]
        assert (
            np.linalg.norm(np.cross(forward, view.camera.centre)) <= 0.2 + 1e-9
        )  # from the origin to the line of sight
        level = np.cross(forward, [0.0, 1.0, 0.0])
        rolls.append(np.rad2deg(np.arccos(np.clip(right @ level / np.linalg.norm(level), -1, 1))))
    assert all(2.5 <= view.radius <= 4.0 and view.radius == round(view.radius, 2) for view in views)
    assert min(lenses) >= 30.0 and max(lenses) <= 40.0
    assert len({view.radius for view in views}) > 15 and np.ptp(lenses) > 5
    assert max(rolls) <= 15.0 + 1e-6 and max(rolls) > 7
    origins = np.concatenate([view.camera.project(np.zeros((1, 3)))[0] for view in views])
    assert np.ptp(origins, axis=0).min() > 2


def test_names_carry_each_views_own_radius_and_are_unique() -> None:
    crowded = VARIED.model_copy(update={"max_texture_id": 2, "lights": 1})
    views = select(((), 20), ((MOVED,), 20), ((LEFT,), 20), config=crowded).views
    assert len({view.name for view in views}) == len(views) > 40
    assert all(view.name.split("_")[3] == f"{view.radius:g}" for view in views)


def test_variety_changes_neither_what_else_is_drawn_nor_the_reference_views() -> None:
    narrow = CameraVariety(radius=(2.5, 2.5), focal_mm=(41.0, 41.0))
    same = CONFIG.model_copy(update={"variety": narrow})
    rolled = CONFIG.model_copy(update={"variety": CameraVariety(roll_degrees=5.0)})
    plain, pinned, turned = (select(((), 20), config=c).views for c in (CONFIG, same, rolled))
    for a, b, c in zip(plain, pinned, turned, strict=True):
        assert place(a) == place(b) == place(c)
        np.testing.assert_array_equal(a.camera.world_to_camera, b.camera.world_to_camera)
        np.testing.assert_array_equal(a.camera.K, b.camera.K)
        assert not np.array_equal(a.camera.world_to_camera, c.camera.world_to_camera)
    still, moved = (make_reference_views(three_cubes(), c, 0) for c in (CONFIG, VARIED))
    np.testing.assert_array_equal(still.world_to_camera, moved.world_to_camera)
    np.testing.assert_array_equal(still.K, moved.K)


def test_several_anomalies_have_a_mark_each_on_pixels_of_their_own() -> None:
    selection = select(((MOVED, LEFT), 6))
    assert [v.variant for v in selection.views] == ["1_positional+2_swapped"] * 6
    for view in selection.views:
        assert [mark.anomaly for mark in view.marks] == ["1_positional", "2_swapped"]
        moved, left = view.marks
        assert not (moved.new & left.new).any() and not (moved.old & left.old).any()
        np.testing.assert_array_equal(moved.new, part_mask(view.image, (2,)))
        np.testing.assert_array_equal(left.new, part_mask(view.image, (3,)))
        np.testing.assert_array_equal(view.object_mask, object_mask(view.image))
        for mark in view.marks:
            assert mark.bbox == bounding_box(mark.new)
            assert mark.changed_pixels >= CONFIG.min_changed_pixels * (64 / 256) ** 2
            assert mark.visible_share >= CONFIG.min_visible_share


def test_a_mark_beside_an_anomaly_elsewhere_is_as_without_it() -> None:
    """The knobs do not meet: seen from the same camera each has the same pixels, alone and together."""
    frontal = CONFIG.model_copy(update={"azimuths": 1, "elevation_degrees": (30.0, 30.0)})
    [missing, left, both] = select(((MISSING,), 1), ((LEFT,), 1), ((MISSING, LEFT), 1), config=frontal).views
    for mark, [single] in zip(both.marks, (missing.marks, left.marks), strict=True):
        assert (mark.anomaly, mark.bbox, mark.visible_share) == (single.anomaly, single.bbox, single.visible_share)
        assert mark.changed_pixels == single.changed_pixels
        np.testing.assert_array_equal(mark.new, single.new)
        np.testing.assert_array_equal(mark.old, single.old)
    np.testing.assert_array_equal(both.object_mask_normal, missing.object_mask_normal)


def test_a_view_in_which_another_anomaly_hides_one_is_refused() -> None:
    """The other knob stands, larger, where one is missing: no pixel tells that it is."""
    covering = left_knob(0.6, edge=0.3)
    selection = select(((MISSING,), 3), ((covering,), 3), ((MISSING, covering), 3))
    assert [v.variant for v in selection.views] == ["0_missing"] * 3 + ["2_swapped"] * 3
    assert selection.refused["0_missing+2_swapped"] == {"too-few-changed-pixels": 20}


def test_a_missing_part_whose_place_another_mostly_covers_is_refused() -> None:
    frontal = CONFIG.model_copy(
        update={"azimuths": 1, "elevation_degrees": (30.0, 30.0), "min_visible_share": 0.6, "min_changed_pixels": 1}
    )
    covering = left_knob(0.66, edge=0.24)  # from x = 0.54 on; the missing knob began at 0.5
    selection = select(((MISSING,), 1), ((MISSING, covering), 1), config=frontal)
    assert [v.variant for v in selection.views] == ["0_missing"]
    assert selection.refused["0_missing+2_swapped"] == {"part-hidden": 1}


def test_a_part_that_the_intact_shape_hides_is_no_anomaly_when_another_uncovers_it() -> None:
    """Nothing in the reference shows the knob inside the body, so nothing can tell that it was moved."""
    shape = three_cubes()
    inside = Anomaly(0, "positional", (2,), "thing/knob", {2: left_knob(0.1).replaced[3]}, {}, {})
    shape.part(2).mesh.apply_translation([-0.6, 0.0, 0.0])
    body = Anomaly(1, "missing", (1,), "thing/body", {1: None}, {}, {})
    selection = ViewSelector(shape, CONFIG, 0).select([((body,), 1), ((inside, body), 3)])
    assert [v.variant for v in selection.views] == ["1_missing"]
    assert selection.refused["0_positional+1_missing"] == {"too-few-changed-pixels": 20}


def test_a_resurfaced_part_has_its_visible_pixels_in_both_masks() -> None:
    resurfaced = knob_resurfaced()
    views = select(((resurfaced,), 5), ((resurfaced, LEFT), 2)).views
    assert [len(view.marks) for view in views] == [1] * 5 + [2] * 2
    for view in views:
        mark = view.marks[0]
        assert mark.surface_only and not any(other.surface_only for other in view.marks[1:])
        np.testing.assert_array_equal(mark.new, part_mask(view.image, (2,)))
        np.testing.assert_array_equal(mark.old, mark.new)
        assert mark.changed_pixels == (mark.new > 0).sum()
        assert mark.visible_share >= CONFIG.min_visible_share


def test_a_hidden_resurfaced_part_is_refused() -> None:
    """From azimuth 270 (the camera on -X) the body hides the knob on +X."""
    behind = CONFIG.model_copy(update={"azimuths": 4, "elevation_degrees": (0.0, 0.0)})
    selection = select(((knob_resurfaced(),), 4), config=behind)
    assert sorted(view.azimuth for view in selection.views) == [0.0, 90.0, 180.0]
    assert selection.refused["3_resurfaced"] == {"too-few-changed-pixels": 1}


def test_two_anomalies_of_one_part_are_an_error() -> None:
    with pytest.raises(PipelineError, match="1_positional: 2 anomalies act on part 2"):
        select(((MISSING, MOVED), 1))


def test_stems_are_unique_and_follow_the_published_layout() -> None:
    crowded = CONFIG.model_copy(update={"max_texture_id": 3, "lights": 1, "elevation_degrees": (30.0, 30.0)})
    views = select(((), 20), ((MOVED,), 20), ((LEFT,), 20), ((MOVED, LEFT), 20), config=crowded).views
    assert len({v.name for v in views}) == len(views) > 60
    for view in views:
        place = f"2.5_{view.azimuth:.0f}_30_0"
        assert 0 <= view.texture < 3
        assert view.name == f"render_cubes_{view.texture}_{place}_{'anomaly' if view.marks else 'normal'}"


def test_without_a_free_stem_a_view_is_refused() -> None:
    one = CONFIG.model_copy(update={"max_texture_id": 1, "lights": 1, "elevation_degrees": (30.0, 30.0)})
    selection = select(((MOVED,), 20), ((LEFT,), 20), config=one)
    assert len({(view.azimuth) for view in selection.views}) == len(selection.views) <= 20
    assert selection.refused["2_swapped"]["no-free-name"] > 10


@settings(max_examples=8, deadline=None)
@given(counts=st.lists(st.integers(0, 20), min_size=4, max_size=4), seed=st.integers(0, 5))
def test_fewer_views_are_the_first_of_more_whatever_else_is_wanted(counts: list[int], seed: int) -> None:
    config = CONFIG.model_copy(update={"resolution": 32})
    variants = ((), (MISSING,), (LEFT,), (MISSING, LEFT))
    selector = ViewSelector(three_cubes(), config, seed)
    some, most = (selector.select(list(zip(variants, n, strict=True))) for n in (counts, [20] * 4))
    assert {view.variant for view in most.views} == set(most.refused)
    for name, count in zip(most.refused, counts, strict=True):
        fewer, more = ([place(view) for view in s.views if view.variant == name] for s in (some, most))
        assert fewer == more[:count]


@settings(max_examples=8, deadline=None)
@given(limits=st.lists(st.integers(0, 20), min_size=4, max_size=4), textures=st.sampled_from([1, 2, 10_000]))
def test_looking_counts_the_views_that_selecting_gives(limits: list[int], textures: int) -> None:
    config = CONFIG.model_copy(update={"resolution": 32, "max_texture_id": textures, "min_visible_share": 0.5})
    wanted = list(zip([(), (MOVED,), (LEFT,), (MOVED, LEFT)], limits, strict=True))
    selector = ViewSelector(three_cubes(), config, 0)
    seen = selector.look(wanted)
    names = ["normal", "1_positional", "2_swapped", "1_positional+2_swapped"]
    views = selector.select(wanted).views
    assert seen == {name: sum(view.variant == name for view in views) for name in names}
    assert all(seen[name] <= limit for name, limit in zip(names, limits, strict=True))


def test_views_round_trip_through_disk(tmp_path: Path) -> None:
    selection = select(((), 2), ((MISSING, LEFT), 2), ((knob_resurfaced(),), 1), ((MOVED,), 1))
    reference = make_reference_views(three_cubes(), CONFIG, 0)
    save_views(tmp_path, "cubes", selection, reference)
    first = (tmp_path / "cubes.npz").read_bytes()
    views, loaded = load_views(tmp_path, "cubes")
    assert [len(view.marks) for view in views] == [0, 0, 2, 2, 1, 1]
    for got, expected in zip(views, selection.views, strict=True):
        assert (got.name, got.variant, got.texture, got.light, got.radius) == (
            expected.name, expected.variant, expected.texture, expected.light, expected.radius,
        )  # fmt: skip
        np.testing.assert_array_equal(got.image.depth, expected.image.depth)
        np.testing.assert_array_equal(got.camera.world_to_camera, expected.camera.world_to_camera)
        np.testing.assert_array_equal(got.object_mask, expected.object_mask)
        np.testing.assert_array_equal(got.object_mask_normal, expected.object_mask_normal)
        for a, b in zip(got.marks, expected.marks, strict=True):
            scalars = ("anomaly", "bbox", "visible_share", "changed_pixels", "surface_only")
            assert [getattr(a, name) for name in scalars] == [getattr(b, name) for name in scalars]
            np.testing.assert_array_equal(a.new, b.new)
            np.testing.assert_array_equal(a.old, b.old)
    np.testing.assert_array_equal(loaded.patch_xyz, reference.patch_xyz)
    save_views(tmp_path, "cubes", selection, reference)
    assert (tmp_path / "cubes.npz").read_bytes() == first


def test_broken_views_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"views": [], "refused": {}}')
    (tmp_path / "x.npz").write_bytes(b"PK broken")
    with pytest.raises(PipelineError, match=r"x\.npz"):
        load_views(tmp_path, "x")
