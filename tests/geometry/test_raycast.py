import numpy as np
import pytest

from pipeline.anomalies.anomaly import part_meshes
from pipeline.format.cameras import Camera
from pipeline.geometry.raycast import RayScene, points_visible
from pipeline.geometry.soup import Soup
from pipeline.shapes.shape import flatten
from pipeline.views.cameras import orbit_camera
from pipeline.views.config import ViewsConfig
from tests.first_hits import first_hits
from tests.scenes import front_camera, two_cubes

CONFIG = ViewsConfig()


def analytic_two_cubes(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth and ids by the slab method on the two axis-aligned cubes, in float64."""
    rays = camera.rays.reshape(-1, 3)
    depth, ids = np.full(len(rays), np.inf), np.zeros(len(rays), dtype=int)
    for part, (centre, half) in enumerate([((0, 0, 0), 0.3), ((0.6, 0, 0), 0.1)], 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            a = (np.array(centre) - half - camera.centre) / rays
            b = (np.array(centre) + half - camera.centre) / rays
        near = np.nanmax(np.minimum(a, b), axis=1)
        far = np.nanmin(np.maximum(a, b), axis=1)
        first = (near <= far) & (near > 0) & (near < depth)
        depth[first], ids[first] = near[first], part
    return np.where(ids > 0, depth, 0).reshape(256, 256), ids.reshape(256, 256)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (36, 30), (90, 20), (200, 40), (270, 5)])
def test_depth_and_ids_equal_the_slab_method(azimuth: float, elevation: float) -> None:
    camera = orbit_camera(CONFIG, azimuth, elevation)
    image = RayScene(flatten(part_meshes(two_cubes()))).render(camera)
    depth, ids = analytic_two_cubes(camera)
    # Only pixels whose centre lies within float32 rounding of an edge may differ.
    same = image.part_ids == ids
    assert (~same).sum() <= 2
    np.testing.assert_allclose(image.depth[same], depth[same], atol=1e-5)
    assert (image.depth > 0).sum() == (image.part_ids > 0).sum()


def test_the_reference_of_other_tests_equals_the_slab_method_too() -> None:
    camera = orbit_camera(CONFIG, 36, 30)
    hits = first_hits(camera, flatten(part_meshes(two_cubes())))
    depth, ids = analytic_two_cubes(camera)
    np.testing.assert_allclose(hits.depth, depth, atol=1e-9)
    np.testing.assert_array_equal(np.where(hits.depth > 0, hits.by_part.argmin(axis=0), 0), ids)
    np.testing.assert_array_equal(hits.face // 12 + 1, ids)  # a cube has twelve faces


def test_front_face_covers_the_pixels_that_projection_predicts() -> None:
    image = RayScene(flatten(part_meshes(two_cubes()))).render(front_camera(CONFIG))
    f = front_camera(CONFIG).K[0, 0]
    half = f * 0.3 / 2.2  # the front face is at z = 0.3
    columns = np.flatnonzero((image.part_ids == 1).any(axis=0))
    assert (columns[0], columns[-1]) == (int(np.ceil(128 - half - 0.5)), int(np.floor(128 + half - 0.5)))
    assert image.depth[128, 128] == pytest.approx(2.2)


def test_nothing_is_hit_in_an_empty_scene() -> None:
    image = RayScene(flatten([])).render(front_camera(CONFIG))
    assert not image.depth.any()
    assert not image.part_ids.any()


def test_rays_that_hit_are_those_that_have_a_first_hit() -> None:
    scene, camera = RayScene(flatten(part_meshes(two_cubes()))), front_camera(CONFIG)
    rays = camera.rays.reshape(-1, 3)
    origins = np.broadcast_to(camera.centre, rays.shape)
    hits = scene.hits(origins, rays)
    assert 0 < hits.sum() < len(hits)
    assert np.array_equal(hits, scene.first_hits(origins, rays)[1] > 0)
    assert not RayScene(flatten([])).hits(origins, rays).any()


def test_points_on_the_far_side_and_outside_the_image_are_not_visible() -> None:
    scene = RayScene(flatten(part_meshes(two_cubes())))
    points = np.array([[0, 0, 0.3], [0, 0, -0.3], [0.65, 0.05, 0.1], [0.7, 0.0, 0.0], [5.0, 0, 0]])
    seen = points_visible(scene, front_camera(CONFIG), points, 1e-3)
    # Front of the body, its back, front of the knob, the knob's side that looks away, a point off the image.
    assert seen.tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (36, 30), (200, 40)])
def test_normals_are_those_of_the_cubes_faces_in_the_cameras_frame(azimuth: float, elevation: float) -> None:
    camera = orbit_camera(CONFIG, azimuth, elevation)
    scene = RayScene(flatten(part_meshes(two_cubes())))
    surface, image = scene.surface(camera), scene.render(camera)
    np.testing.assert_array_equal(surface.depth, image.depth)
    np.testing.assert_array_equal(surface.part_ids, image.part_ids)
    hit = surface.part_ids > 0
    assert not surface.normals[~hit].any()
    in_world = surface.normals[hit].astype(np.float64) @ camera.world_to_camera[:3, :3]
    points = camera.centre + camera.rays[hit] * surface.depth[hit][:, None]
    middle = np.where(surface.part_ids[hit][:, None] == 1, [[0, 0, 0]], [[0.6, 0, 0]])
    axis = np.abs(points - middle).argmax(axis=1)  # of a cube, the face that a point is on
    expected = np.eye(3)[axis] * np.sign(np.take_along_axis(points - middle, axis[:, None], 1))
    edge = np.sort(np.abs(points - middle), axis=1)
    clear = edge[:, 2] - edge[:, 1] > 1e-3  # but along the edges, where either face is right
    np.testing.assert_allclose(in_world[clear], expected[clear], atol=1e-5)
    assert ((surface.normals[hit] * (camera.rays[hit] @ camera.world_to_camera[:3, :3].T)).sum(axis=1) < 0).all()


def test_thousands_of_scenes_live_side_by_side() -> None:
    """Embree's devices are few, 1,024 a process at most: with one a scene the next one ended the process."""
    corners, face = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]])
    scenes = [RayScene(Soup(corners + np.array([0, 0, i]), face, np.array([1], dtype=np.uint16))) for i in range(2000)]
    for height in (0, 1023, 1999):
        t, _ = scenes[height].first_hits(np.array([[0.2, 0.2, 3000.0]]), np.array([[0.0, 0, -1]]))
        assert t[0] == 3000.0 - height
