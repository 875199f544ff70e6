from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.shapes.shape import flatten
from pipeline.shapes.storage import as_stored, load_shape, save_shape
from tests.scenes import two_cubes


def test_shape_round_trips_through_glb(tmp_path: Path) -> None:
    shape = two_cubes()
    save_shape(tmp_path / "cubes.glb", shape)
    loaded = load_shape(tmp_path / "cubes.glb")
    assert (loaded.shape_id, loaded.model_id, loaded.category) == ("cubes", "two-cubes", "Thing")
    for got, expected in zip(loaded.parts, shape.parts, strict=True):
        assert (got.part_id, got.label, got.instance, got.node_path) == (
            expected.part_id,
            expected.label,
            expected.instance,
            expected.node_path,
        )
        np.testing.assert_array_equal(got.mesh.faces, expected.mesh.faces)
        np.testing.assert_array_equal(got.mesh.vertices, as_stored(expected.mesh).vertices)


def test_same_shape_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        save_shape(tmp_path / name, two_cubes())
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"none\.glb is missing"):
        load_shape(tmp_path / "none.glb")
    (tmp_path / "bad.glb").write_bytes(b"not a glb")
    with pytest.raises(PipelineError, match=r"bad\.glb"):
        load_shape(tmp_path / "bad.glb")


def test_flattening_keeps_the_part_of_every_face() -> None:
    soup = flatten((p.part_id, p.mesh) for p in two_cubes().parts)
    assert soup.part_ids.tolist() == [1] * 12 + [2] * 12
    assert soup.vertices[soup.faces[soup.part_ids == 2]][..., 0].min() == pytest.approx(0.5)
