"""MeshLab in a process of its own: the same to the bit as in this one, and what becomes of its deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pymeshlab
import pytest
import trimesh

from pipeline.anomalies import meshlab
from pipeline.anomalies.meshlab import MeshLab
from pipeline.errors import PipelineError, UnitRejected
from pipeline.seeding import rng

ROOT = Path(__file__).resolve().parents[2]


def noisy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some hundred triangles of a sphere, some of them twice, with corners that nearly meet."""
    random = rng(seed, "meshlab")
    sphere = trimesh.creation.icosphere(3)
    faces = sphere.faces[: 300 + 100 * seed]
    corners = sphere.vertices[faces].reshape(-1, 3) + random.normal(size=(3 * len(faces), 3)) * 3e-5
    numbers = np.arange(len(corners)).reshape(-1, 3)
    return corners, np.vstack([numbers, numbers[:20]])


def loaded(*meshes: tuple[np.ndarray, ...]) -> pymeshlab.MeshSet:
    result = pymeshlab.MeshSet(verbose=False)
    for mesh in meshes:
        result.add_mesh(pymeshlab.Mesh(*mesh))
    return result


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_to_the_bit_those_of_meshlab_called_directly(seed: int) -> None:
    vertices, faces = noisy(seed)
    here = loaded((vertices, faces))
    here.meshing_merge_close_vertices(threshold=pymeshlab.PureValue(3e-4))
    here.meshing_remove_duplicate_faces()
    here.meshing_remove_null_faces()
    here.meshing_repair_non_manifold_edges(method="Split Vertices")
    here.meshing_re_orient_faces_coherently()
    mended = meshlab.mend(vertices, faces, 3e-4)
    assert len(mended[0]) < len(vertices)
    np.testing.assert_array_equal(mended[0], here.current_mesh().vertex_matrix())
    np.testing.assert_array_equal(mended[1], here.current_mesh().face_matrix())

    here = loaded((vertices, faces))
    here.generate_alpha_wrap(alpha=pymeshlab.PercentageValue(5.0), offset=pymeshlab.PercentageValue(0.2))
    wrap = meshlab.alpha_wrap(vertices, faces, 0.05, 0.002)
    np.testing.assert_array_equal(wrap[0], here.current_mesh().vertex_matrix())
    np.testing.assert_array_equal(wrap[1], here.current_mesh().face_matrix())

    points = rng(seed, "points").normal(size=(500, 3))
    here = loaded((points,), (vertices, faces))
    here.compute_scalar_by_distance_from_another_mesh_per_vertex(
        measuremesh=0, refmesh=1, signeddist=False, maxdist=pymeshlab.PureValue(10.0)
    )
    np.testing.assert_array_equal(meshlab.distances(points, vertices, faces, 10.0), here.mesh(0).vertex_scalar_array())


@pytest.fixture
def lab() -> Iterator[MeshLab]:
    own = MeshLab(limit_seconds=1.0)
    yield own
    own.close()


def ask(lab: MeshLab) -> float:
    """The distance of a point 3 above a unit square, by MeshLab."""
    square = np.array([[0.0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]]), np.array([[0, 1, 2], [0, 2, 3]])
    (found,) = lab.ask("measure", np.array([[0.5, 3.0, 0.5]]), *square, farthest=5.0)
    return float(found[0])


def process_of(lab: MeshLab) -> subprocess.Popen[bytes]:
    assert lab._process is not None
    return lab._process


def test_one_process_answers_all_questions(lab: MeshLab) -> None:
    assert ask(lab) == 3.0
    first = process_of(lab).pid
    assert ask(lab) == 3.0 and process_of(lab).pid == first
    lab.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


@pytest.mark.parametrize(
    ("end", "raised", "text"),
    [
        (signal.SIGSEGV, UnitRejected, "was to measure a mesh of 4 vertices and 2 faces and crashed: SIGSEGV"),
        (signal.SIGKILL, PipelineError, "killed by SIGKILL"),
    ],
)
def test_death_costs_one_question(lab: MeshLab, end: int, raised: type, text: str) -> None:
    ask(lab)
    process_of(lab).send_signal(end)
    with pytest.raises(PipelineError, match=text) as caught:
        ask(lab)
    assert type(caught.value) is raised
    assert ask(lab) == 3.0


def test_who_takes_too_long_is_stopped(lab: MeshLab) -> None:
    vertices, faces = noisy(0)
    with pytest.raises(PipelineError, match="stopped after 1 s") as caught:
        lab.ask("wrap", vertices, faces, alpha=0.02, offset=0.0005)
    assert type(caught.value) is PipelineError
    assert ask(lab) == 3.0


def test_what_meshlab_refuses_is_rejected_in_its_words(lab: MeshLab) -> None:
    none = np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    with pytest.raises(UnitRejected, match=r"refuses to wrap a mesh of 0 vertices and 0 faces: .+"):
        lab.ask("wrap", *none, alpha=5.0, offset=0.2)
    assert ask(lab) == 3.0


def test_meshlab_that_is_not_there_speaks_against_no_mesh(lab: MeshLab, tmp_path: Path) -> None:
    scripts = tmp_path / "meshlab_scripts"
    scripts.mkdir()
    (scripts / "__init__.py").touch()
    (scripts / "serve.py").write_text("import no_such_module_at_all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.processes.ROOT", tmp_path)
        with pytest.raises(PipelineError, match=r"does not start .*no_such_module_at_all") as caught:
            ask(lab)
    assert type(caught.value) is PipelineError
    assert ask(lab) == 3.0


def test_meshlab_does_not_outlive_a_killed_owner() -> None:
    script = (
        "import numpy as np, time; from pipeline.anomalies import meshlab\n"
        "meshlab.distances(np.zeros((1, 3)), np.eye(3), np.array([[0, 1, 2]]), 2.0)\n"
        "print(meshlab._own()._process.pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    owner = subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    helper = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{helper}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
