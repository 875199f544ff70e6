"""``l3d-gen --mesh``: a folder of reference views from a mesh file alone."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli.gen import main
from pipeline.format.views_file import read_views
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.mesh_file import read_mesh
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import make_reference_views
from tests.mesh_files import write_cubes

VIEWS = ViewsConfig(resolution=64, reference_views=2, surface_points=30)
SMALL = ("--set", "views.resolution=64", "--set", "views.reference_views=2", "--set", "views.surface_points=30")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_mesh_becomes_a_folder_of_reference_views(tmp_path: Path) -> None:
    mesh, out = write_cubes(tmp_path, "glb"), tmp_path / "out"
    out.mkdir()
    (out / "view_002.png").write_bytes(b"of a drawing with more views")
    (out / "overview.png").write_bytes(b"the user's own")
    result = run("--mesh", mesh, "--out", out, "--seed", "5", *SMALL)
    assert result.exit_code == 0, result.output
    assert "parts: 2, triangles: 24" in result.output
    assert sorted(p.name for p in out.iterdir()) == ["overview.png", "view_000.png", "view_001.png", "views.h5"]
    views = read_views(out / "views.h5")
    assert (views.id, views.model_id, views.category) == ("cubes", "", "")
    expected = make_reference_views(read_mesh(mesh, "y", ShapesConfig()), VIEWS, 5)
    for field in fields(expected):
        array = getattr(expected, field.name)
        np.testing.assert_array_equal(
            getattr(views, field.name), array.astype(np.float32) if array.dtype == np.float64 else array
        )
    for number, image in enumerate(views.image):
        np.testing.assert_array_equal(np.asarray(Image.open(out / f"view_{number:03d}.png")), image)
        assert image[views.part_ids[number] == 0].mean() > 250
        assert image[views.part_ids[number] > 0].mean() < 230
    with h5py.File(out / "views.h5") as file:
        assert json.loads(file.attrs["config"])["seed"] == 5


def test_up_turns_the_mesh(tmp_path: Path) -> None:
    """A column along z stands upright where z is up."""
    (tmp_path / "column.obj").write_text(
        "".join(f"v {x} {y} {z}\n" for z in (0, 10) for y in (0, 1) for x in (0, 1)) + "f 1 2 6 5\nf 3 4 8 7\n"
    )
    result = run("--mesh", tmp_path / "column.obj", "--up", "z", "--out", tmp_path / "out", *SMALL)
    assert result.exit_code == 0, result.output
    width, height, depth = np.ptp(read_views(tmp_path / "out" / "views.h5").points, axis=0)
    assert height > 5 * max(width, depth)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--mesh", "a.obj", "--source", "synthetic:1"), "--source does not go with --mesh"),
        (("--mesh", "a.obj", "--stage", "shapes"), "--stage does not go with --mesh"),
        (("--mesh", "a.obj", "--anomaly", "broken"), "--anomaly does not go with --mesh"),
        (("--mesh", "a.obj", "--shape", "1"), "--shape does not go with --mesh"),
        (("--mesh", "a.obj", "--jobs", "0"), "--jobs does not go with --mesh"),
        (("--mesh", "a.obj", "--dry-run"), "--dry-run does not go with --mesh"),
        (("--up", "y"), "--up needs --mesh"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert text in result.output
    assert not (tmp_path / "out").exists()


def test_bad_mesh_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.ply").write_bytes(b"no mesh")
    result = run("--mesh", tmp_path / "bad.ply", "--out", tmp_path / "out")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith(f"error: {tmp_path / 'bad.ply'} is not a readable PLY file")
    assert not (tmp_path / "out").exists()
