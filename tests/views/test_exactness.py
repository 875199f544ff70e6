"""What is stored of cameras, depth, masks and correspondences, against the slow reference of ``first_hits``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.anomalies.anomaly import part_meshes
from pipeline.format.cameras import Camera
from pipeline.format.reader import Shard
from pipeline.format.schema import PATCH, QueryRecord, ShapeRecord
from pipeline.geometry.soup import Soup
from pipeline.packing.records import shape_record
from pipeline.rendering.blender import Drawn
from pipeline.shapes.shape import flatten
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import HIDDEN_BY, ReferenceViews
from pipeline.views.select import Selection, View
from pipeline.views.storage import load_views, save_views
from tests.first_hits import FirstHits, first_hits, intersect, to_camera
from tests.sample_shards import write_dataset
from tests.subjects import CHAIRS, CUBES, Subject, make_subject

CONFIG = ViewsConfig(resolution=128, reference_views=10, surface_points=200)
DEPTH = 1e-4
#: Parts hit at depths that differ by less are hit alike: PartNet's parts share surfaces.
TIE = 2e-5
#: Pairs of reference views, 36 to 144 degrees apart.
PAIRS = ((0, 1), (2, 4), (5, 8), (3, 7))

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stored:
    """A subject and what was read back of it: from the views stage's files, and from a shard (one row a view)."""

    subject: Subject
    views: tuple[View, ...]
    reference: ReferenceViews
    shape: ShapeRecord
    queries: tuple[QueryRecord, ...]

    def soup(self, view: View | None = None) -> Soup:
        """The shape as ``view`` shows it, or intact."""
        return flatten(part_meshes(self.subject.shape, self.subject.shown(view) if view else ()))

    def camera(self, view: int) -> Camera:
        """Of a reference view."""
        return stored_camera(self.shape.K[view], self.shape.world_to_camera[view])


def stored_camera(K: NDArray[np.float32], world_to_camera: NDArray[np.float32]) -> Camera:
    return Camera(K.astype(np.float64), world_to_camera.astype(np.float64), CONFIG.resolution)


@pytest.fixture(scope="module", params=[CUBES, *CHAIRS])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    subject, folder = make_subject(request.param, request, CONFIG), tmp_path_factory.mktemp("stored")
    save_views(folder, "shape", Selection(subject.views, {}), subject.reference)
    views, reference = load_views(folder, "shape")
    grey = np.zeros(reference.depth.shape, dtype=np.uint8)
    colours = np.zeros((len(views), *grey.shape[1:], 3), dtype=np.uint8)
    ids = np.stack([view.image.part_ids for view in views])
    drawn = Drawn(colours, ids, grey, colours[:0], np.zeros(0, dtype=np.int64))
    record = shape_record(subject.shape, subject.anomalies, views, reference, drawn, {v.name for v in views})
    write_dataset(folder, {"val": [record]})
    with Shard(folder / "shards" / "val-00000.h5") as shard:
        queries = tuple(shard.query(row) for row in range(len(views)))
        return Stored(subject, views, reference, shard.shape(0), queries)


def test_stored_depth_is_that_of_the_reference_at_every_pixel(stored: Stored) -> None:
    for view, query in zip(stored.views, stored.queries, strict=True):
        assert view.image.depth.dtype == query.depth.dtype == np.float32
        for camera, depth in (
            (view.camera, view.image.depth),
            (stored_camera(query.K, query.world_to_camera), query.depth),
        ):
            np.testing.assert_allclose(depth, first_hits(camera, stored.soup(view)).depth, rtol=0, atol=DEPTH)
    assert stored.reference.depth.dtype == stored.shape.depth.dtype == np.float32
    for number in (0, 3, 6):
        expected = first_hits(stored.camera(number), stored.soup()).depth
        np.testing.assert_allclose(stored.reference.depth[number], expected, rtol=0, atol=DEPTH)
        np.testing.assert_allclose(stored.shape.depth[number], expected, rtol=0, atol=DEPTH)


def test_masks_are_exactly_the_pixels_at_which_the_part_is_hit_first(stored: Stored) -> None:
    everything = {part.part_id for part in stored.subject.shape.parts}
    for view, query in zip(stored.views, stored.queries, strict=True):
        targets = {part for anomaly in stored.subject.shown(view) for part in anomaly.target}
        now, before = (first_hits(view.camera, soup) for soup in (stored.soup(view), stored.soup()))
        expect_mask(query.object_mask, now, everything)
        expect_mask(query.object_mask_normal, before, everything)
        expect_mask(query.mask_new, now, targets)
        expect_mask(query.mask_old, before, targets)
        for part in everything:
            expect_mask((query.part_ids == part) * np.uint8(255), now, {part})


def expect_mask(mask: NDArray[np.uint8], hits: FirstHits, parts: Collection[int]) -> None:
    """``mask`` is 255 where one of ``parts`` is hit first and 0 elsewhere; either where another is hit alike."""
    ours = np.isin(np.arange(len(hits.by_part)), list(parts))
    mine, others = (hits.by_part[which].min(axis=0, initial=np.inf) for which in (ours, ~ours))
    with np.errstate(invalid="ignore"):
        alike = np.abs(mine - others) < TIE
    assert alike.mean() < 0.01
    np.testing.assert_array_equal(mask[~alike], np.where(mine < others, 255, 0)[~alike])


def test_pixels_carried_to_another_view_and_back_come_home(stored: Stored) -> None:
    errors = []
    for a, b in PAIRS:
        rows, columns = np.nonzero(stored.shape.depth[a])
        world = stored.camera(a).unproject(stored.shape.depth[a])[rows, columns]
        errors.append(round_trip(stored, a, b, world, np.stack([columns, rows], axis=1) + 0.5))
    expect_home(errors)


def test_patches_carried_to_another_view_and_back_come_home(stored: Stored) -> None:
    errors = []
    for a, b in PAIRS:
        valid = stored.shape.patch_valid[a]
        world = stored.shape.patch_xyz[a][valid].astype(np.float64)
        pixels, depth = stored.camera(a).project(world)
        columns, rows = np.floor(pixels).astype(int).T
        home = np.stack([columns, rows], axis=1) + 0.5
        # A patch's position is what one of its pixels sees, at the centre of that pixel.
        np.testing.assert_allclose(pixels, home, atol=1e-3)
        np.testing.assert_allclose(depth, stored.shape.depth[a][rows, columns], rtol=0, atol=DEPTH)
        np.testing.assert_array_equal(np.stack([columns, rows], axis=1) // PATCH, np.argwhere(valid)[:, ::-1])
        errors.append(round_trip(stored, a, b, world, home))
    expect_home(errors)


def test_surface_points_seen_twice_have_their_stored_pixels_in_both_views(stored: Stored) -> None:
    errors = []
    for a, b in PAIRS:
        both = stored.shape.point_visible[a] & stored.shape.point_visible[b]
        world, home = stored.shape.points[both].astype(np.float64), stored.shape.point_pixels[a][both]
        errors.append(round_trip(stored, a, b, world, home))
        np.testing.assert_allclose(stored.camera(b).project(world)[0], stored.shape.point_pixels[b][both], atol=1e-3)
    expect_home(errors)


def test_surface_points_are_visible_where_no_face_is_before_them(stored: Stored) -> None:
    soup, some = stored.soup(), slice(0, 50)
    for view in (0, 4):
        camera = stored.camera(view)
        local = to_camera(camera, stored.shape.points[some].astype(np.float64))
        corners = to_camera(camera, soup.vertices)[soup.faces]
        nearest = np.array([intersect(np.broadcast_to(ray, (len(corners), 3)), corners).min() for ray in local])
        hidden_by = (1 - nearest) * np.linalg.norm(local, axis=1)
        np.testing.assert_array_equal(stored.shape.point_visible[view][some], hidden_by < HIDDEN_BY)


def round_trip(stored: Stored, a: int, b: int, world: Floats, home: NDArray[np.floating]) -> Floats:
    """Distances in pixels from ``home``, where view a sees ``world``, of what comes back from view b to view a.

    The points are carried into b, and with the depth that b has there back into a. Only those return whose surface
    b shows all around them (``shows``).
    """
    pixels, _ = stored.camera(b).project(world)
    seen = shows(stored, b, world, pixels)
    back, _ = stored.camera(a).project(lift(stored, b, pixels[seen]))
    return np.linalg.norm(back - home[seen], axis=1)


def expect_home(errors: list[Floats]) -> None:
    """Within a pixel, and most much nearer: between pixel centres 1/depth is linear on flat surfaces."""
    every = np.concatenate(errors)
    assert len(every) >= 50
    assert every.max() <= 1.0
    assert np.median(every) <= 0.01


def around(pixels: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The four pixels (n, 4, 2) as (x, y) whose centres are around pixel positions (n, 2), and their weights (n, 4)."""
    low = np.floor(pixels - 0.5).astype(int)
    share = pixels - 0.5 - low
    corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
    weights = np.where(corners, share[:, None], 1 - share[:, None]).prod(axis=2)
    return low[:, None] + corners, weights


def lift(stored: Stored, view: int, pixels: Floats) -> Floats:
    """World positions (n, 3) that a reference view's stored depth gives at pixel positions (n, 2) on its surfaces."""
    camera, (four, weights) = stored.camera(view), around(pixels)
    depth = 1 / (weights / stored.shape.depth[view][four[..., 1], four[..., 0]]).sum(axis=1)
    local = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.linalg.inv(camera.K).T * depth[:, None]
    return (local - camera.world_to_camera[:3, 3]) @ camera.world_to_camera[:3, :3]


def shows(stored: Stored, view: int, world: Floats, pixels: Floats) -> NDArray[np.bool_]:
    """(n,) True for world points on the surface that all four pixels around their ``pixels`` show.

    The reference says which face a pixel shows. A point is on it if it is within 0.001 object radii of its plane.
    Left out are, besides hidden points, those beside an edge and surfaces seen at less than 15 degrees, on which one
    pixel is many pixels of the other view.
    """
    camera, soup = stored.camera(view), stored.soup()
    face = first_hits(camera, soup).face
    four, _ = around(pixels)
    inside = ((four >= 0) & (four < camera.resolution)).all(axis=(1, 2))
    shown = face[tuple(np.where(inside[:, None, None], four, 0).transpose(2, 0, 1)[::-1])]
    corners = soup.vertices[soup.faces[shown]]
    normal = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    ray = world - camera.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    off = np.abs((normal * (world[:, None] - corners[:, :, 0])).sum(axis=2))
    facing = np.abs((normal * ray[:, None]).sum(axis=2))
    return inside & ((shown >= 0) & (off < 0.001) & (facing > np.sin(np.deg2rad(15)))).all(axis=1)
