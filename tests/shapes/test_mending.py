import numpy as np
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shapes.mending import mend
from pipeline.shapes.shape import make_mesh


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
