import numpy as np
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geometry.raycast import RayScene
from pipeline.shapes.mending import DIRECTIONS, START, VOTERS, mend
from pipeline.shapes.shape import flatten, make_mesh


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), doubled=st.booleans(), inverted=st.booleans())
def test_dirty_closed_mesh_comes_back_closed_and_outward(seed: int, doubled: bool, inverted: bool) -> None:
    """Shuffled, unwelded, with random windings, doubled in both windings, with zero-area faces added."""
    random = np.random.default_rng(seed)
    clean = trimesh.creation.icosphere(subdivisions=1)
    corners = clean.triangles[random.permutation(len(clean.faces))]
    flip = random.random(len(corners)) < 0.5
    corners[flip] = corners[flip][:, ::-1]
    if inverted:
        corners = corners[:, ::-1]
    if doubled:
        corners = np.concatenate([corners, corners[:, ::-1]])
    flat = np.repeat(corners[:3, :1], 3, axis=1)
    soup = np.concatenate([corners, flat])
    mended = mend(make_mesh(soup.reshape(-1, 3), np.arange(3 * len(soup)).reshape(-1, 3)), 1e-6)
    assert mended.mesh.is_watertight
    assert mended.mesh.is_winding_consistent
    assert np.isclose(mended.mesh.volume, clean.volume)
    dropped = mended.counts["zero-area faces"] + mended.counts["doubled faces"]
    assert len(mended.mesh.faces) + dropped == len(soup)


def test_clean_mesh_is_left_alone() -> None:
    mended = mend(trimesh.creation.icosphere(subdivisions=1), 1e-6)
    assert not mended.counts
    assert len(mended.mesh.faces) == 80


def test_inward_component_is_turned_and_the_other_is_not() -> None:
    out = trimesh.creation.box()
    inward = trimesh.creation.box(transform=trimesh.transformations.translation_matrix([3, 0, 0]))
    inward.invert()
    mended = mend(trimesh.util.concatenate([out, inward]), 1e-6)
    assert np.isclose(mended.mesh.volume, 2.0)
    assert mended.counts == {"turned faces": 12}


def test_open_shell_stays_open() -> None:
    box = trimesh.creation.box()
    shell = make_mesh(np.asarray(box.vertices), np.asarray(box.faces)[2:])
    assert len(mend(shell, 1e-6).mesh.faces) == 10


def test_thin_triangle_of_a_long_bar_is_not_zero_area() -> None:
    sliver = make_mesh(np.array([[0, 0, 0], [1, 0, 0], [0.5, 1e-5, 0]]), np.array([[0, 1, 2]]))
    assert len(mend(sliver, 1e-6).mesh.faces) == 1


def test_open_box_faces_outward_whatever_its_first_face_said() -> None:
    box = trimesh.creation.box()
    lidless = np.asarray(box.faces)[box.face_normals[:, 2] < 0.9]
    for faces in (lidless, lidless[:, ::-1]):
        mended = mend(make_mesh(np.asarray(box.vertices), faces), 1e-6).mesh
        outward = (mended.face_normals * mended.triangles_center).sum(axis=1)
        assert (outward > 0).all()


def test_pieces_that_meet_at_a_non_manifold_edge_all_face_outward() -> None:
    """Two boxes share an edge: four faces meet there, so neighbours cannot settle the winding."""
    first = trimesh.creation.box()
    second = trimesh.creation.box(transform=trimesh.transformations.translation_matrix([1, 1, 0]))
    second.invert()
    mended = mend(trimesh.util.concatenate([first, second]), 1e-6).mesh
    assert np.isclose(mended.volume, 2.0)


BOX = trimesh.creation.box()
#: A strip with a half turn, which no winding suits.
MOEBIUS = make_mesh(
    np.array([[np.cos(a), r, np.sin(a)] for a in np.arange(5) * 2 * np.pi / 5 for r in (-0.3, 0.3)]),
    np.array(
        [[0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4], [4, 5, 6], [5, 7, 6], [6, 7, 8], [7, 9, 8], [8, 9, 1], [9, 0, 1]]
    ),
)
FRAGMENTS = (BOX, make_mesh(BOX.vertices, BOX.faces[2:]), make_mesh(BOX.vertices, BOX.faces[:2]), MOEBIUS)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_fragments_are_wound_as_one_after_the_other_would_be(seed: int) -> None:
    """Closed, open, flat and one-sided ones, crowded, some sharing corners and edges, their faces turned at random."""
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(FRAGMENTS), 8)
    corners = np.concatenate([FRAGMENTS[number].triangles + random.integers(0, 3, 3) for number in chosen])
    clean = mend(make_mesh(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3)), 1e-6).mesh
    faces = np.asarray(clean.faces).copy()
    flip = random.random(len(faces)) < 0.4
    faces[flip] = faces[flip][:, ::-1]
    turned = make_mesh(np.asarray(clean.vertices), faces)
    assert np.array_equal(mend(turned, 1e-6).mesh.faces, one_by_one(turned))


def one_by_one(mesh: trimesh.Trimesh) -> np.ndarray:
    """Faces as trimesh winds them, each component then turned by its volume or by what its triangles see."""
    mesh = mesh.copy()
    trimesh.repair.fix_winding(mesh)
    faces, scene = np.asarray(mesh.faces).copy(), RayScene(flatten([(1, mesh)]))
    edges = np.sort(mesh.edges, axis=1).tolist()
    once_shared = np.array([edges.count(edge) == 2 for edge in edges]).reshape(-1, 3).all(axis=1)
    for members in trimesh.graph.connected_components(mesh.face_adjacency, nodes=np.arange(len(faces))):
        members = np.sort(members)
        triangles = np.asarray(mesh.triangles)[members]
        if once_shared[members].all():
            centred = triangles - triangles.mean(axis=(0, 1))
            outward = sum(float(a @ np.cross(b, c)) for a, b, c in centred)
        else:
            outward = seen(scene, triangles)
        if outward < 0:
            faces[members] = faces[members][:, ::-1]
    return faces


def seen(scene: RayScene, triangles: np.ndarray) -> float:
    """By how much more rays escape from the triangles' fronts than from their backs, by area."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    largest = np.argsort(-areas, kind="stable")[:VOTERS]
    votes = np.zeros(len(largest))
    for voter, i in enumerate(largest):
        for side in (1.0, -1.0):
            away = side * normals[i] / areas[i]
            rays = DIRECTIONS * np.sign(DIRECTIONS @ away)[:, None]
            origins = np.repeat([triangles[i].mean(axis=0) + START * away], len(rays), axis=0)
            votes[voter] += side * (scene.first_hits(origins, rays)[0] == 0).sum()
    return float(votes @ areas[largest])  # as there, since rounding decides where all but nothing is left
