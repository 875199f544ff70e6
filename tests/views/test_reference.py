import numpy as np

from pipeline.anomalies.anomaly import part_meshes
from pipeline.format.cameras import Camera
from pipeline.format.schema import PATCH
from pipeline.geometry.raycast import RayScene
from pipeline.shapes.shape import flatten
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views, patch_positions
from tests.scenes import front_camera, two_cubes

CONFIG = ViewsConfig(resolution=128, surface_points=300, reference_views=20)
REFERENCE = make_reference_views(two_cubes(), CONFIG, 0)


def camera(view: int) -> Camera:
    return Camera(REFERENCE.K[view], REFERENCE.world_to_camera[view], CONFIG.resolution)


def on_surface(points: np.ndarray) -> np.ndarray:
    """Distance of points to the surface of the two cubes (Chebyshev distance to each cube's shell)."""
    big = np.abs(np.abs(points).max(axis=-1) - 0.3)
    small = np.abs(np.abs(points - [0.6, 0, 0]).max(axis=-1) - 0.1)
    return np.minimum(big, small)


def test_twenty_views_each_once() -> None:
    centres = np.array([camera(v).centre for v in range(20)])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + np.eye(20)
    assert apart.min() > 0.5


def test_patch_positions_lie_on_the_surface_and_project_into_their_patch() -> None:
    for view in range(0, 20, 3):
        xyz, valid = REFERENCE.patch_xyz[view], REFERENCE.patch_valid[view]
        assert valid.any()
        assert on_surface(xyz[valid]).max() < 1e-4
        pixels, _ = camera(view).project(xyz[valid].astype(float))
        rows, columns = np.nonzero(valid)
        np.testing.assert_array_equal(np.floor(pixels / PATCH), np.stack([columns, rows], axis=1))


def test_patch_is_valid_exactly_where_one_of_its_pixels_hits() -> None:
    n = CONFIG.resolution // PATCH
    hits = (REFERENCE.depth > 0).reshape(20, n, PATCH, n, PATCH).any(axis=(2, 4))
    np.testing.assert_array_equal(REFERENCE.patch_valid, hits)


def test_patch_position_belongs_to_the_pixel_nearest_to_the_centre() -> None:
    view = front_camera(ViewsConfig(resolution=32))
    depth = np.zeros((32, 32), dtype=np.float32)
    depth[1, 1] = depth[4, 5] = 2.0
    xyz, valid = patch_positions(view, depth)
    assert valid.sum() == 1
    pixels, _ = view.project(xyz[0, :1].astype(float))
    np.testing.assert_allclose(pixels[0], [5.5, 4.5], atol=1e-4)


def test_points_lie_on_the_surface_and_project_where_stored() -> None:
    assert on_surface(REFERENCE.points).max() < 1e-6
    for view in (0, 7):
        pixels, _ = camera(view).project(REFERENCE.points.astype(float))
        np.testing.assert_allclose(REFERENCE.point_pixels[view], pixels, atol=1e-3)


def test_visible_points_agree_with_the_depth_image() -> None:
    for view in range(0, 20, 4):
        seen = REFERENCE.point_visible[view]
        pixels, z = camera(view).project(REFERENCE.points.astype(float))
        column, row = np.floor(pixels[seen]).astype(int).T
        depth = np.where(REFERENCE.depth[view] > 0, REFERENCE.depth[view], np.inf)
        # Within one pixel there is a surface at the point's depth or nearer, and none that hides it.
        around = np.stack([depth[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
        assert (around.min(axis=0) <= z[seen] + 0.01).all()
        farthest = np.where(np.isfinite(around), around, -np.inf).max(axis=0)
        assert ((farthest >= z[seen] - 0.01) | np.isinf(around).any(axis=0)).all()


def test_almost_all_points_are_seen_twice_when_the_surface_allows() -> None:
    # The undersides cannot be seen from above; area-weighted sampling alone would put a sixth of them there.
    assert (REFERENCE.point_visible.sum(axis=0) >= 2).mean() > 0.99


def test_hidden_points_are_hidden_by_an_independent_ray() -> None:
    scene = RayScene(flatten(part_meshes(two_cubes())))
    view = camera(0)
    hidden = REFERENCE.points[~REFERENCE.point_visible[0]].astype(float)
    direction = hidden - view.centre
    t, ids = scene.first_hits(np.broadcast_to(view.centre, direction.shape), direction)
    assert (ids > 0).all()
    assert (t < 1 - 1e-4).all()
