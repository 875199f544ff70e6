"""l3d-predict as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli.predict import main
from pipeline.shards.reader import Shard
from pipeline.shards.views_file import write_views
from pipeline.training.train import train
from tests.training.synthetic import SIZE, TINY


@pytest.fixture(scope="module")
def folder(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, the views of a test shape and two of its query images."""
    folder = tmp_path_factory.mktemp("predict")
    train(dataset, folder / "run", TINY)
    with Shard(dataset / "shards" / "test-00000.h5") as shard:
        shape = shard.shape(0)
    write_views(folder / "views.h5", shape, "{}", 1)
    for number, query in enumerate(shape.queries[:2]):
        Image.fromarray(query.image).save(folder / f"query{number}.png")
    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def usual(folder: Path, *queries: str) -> list[object]:
    photographs = [part for name in queries for part in ("--query", folder / name)]
    return [folder / "run" / "checkpoint.pt", "--reference", folder / "views.h5", *photographs]


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    (line,) = result.stderr.strip().splitlines()
    assert [word for word in words if word not in line] == []


def test_each_photograph_gets_score_box_view_and_picture(folder: Path, tmp_path: Path) -> None:
    result = invoke(*usual(folder, "query0.png", "query1.png"), "--out", tmp_path)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "predictions.json").read_text())["predictions"]
    assert [Path(item["photograph"]).name for item in found] == ["query0.png", "query1.png"]
    for item, name in zip(found, ("query0.png", "query1.png"), strict=True):
        assert 0 <= item["score"] <= 1 and item["anomalous"] == (item["score"] > 0.5)
        assert len(item["box"]) == 4 and item["view"]["number"] in range(4)
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 5 * SIZE
    alone = invoke(*usual(folder, "query1.png"), "--out", tmp_path / "alone")
    assert alone.exit_code == 0
    assert json.loads((tmp_path / "alone" / "predictions.json").read_text())["predictions"] == found[1:]


def test_bad_calls_are_one_clear_line(folder: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path]
    refused(invoke(*usual(folder, "query0.png", "query1.png"), "--mask", folder / "query0.png", *out), "1 --mask for 2")
    refused(invoke(*usual(folder, "query0.png", "query0.png"), *out), "query0, query0")
    refused(invoke(*usual(folder, "none.png"), *out), "none.png is missing")
    refused(invoke(folder / "query0.png", *usual(folder, "query0.png")[1:], *out), "query0.png", "not a whole PyTorch")
    (tmp_path / "mesh.xyz").write_text("")
    wrong = [folder / "run" / "checkpoint.pt", "--reference", tmp_path / "mesh.xyz", "--query", folder / "query0.png"]
    refused(invoke(*wrong, *out), "mesh.xyz", ".glb, .gltf, .obj, .ply, .stl")


def test_a_mesh_of_millions_of_triangles_is_refused_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    mesh = trimesh.creation.box().subdivide_loop(iterations=3)
    mesh.export(tmp_path / "large.ply")
    arguments = [
        folder / "run" / "checkpoint.pt",
        "--reference",
        tmp_path / "large.ply",
        "--query",
        folder / "query0.png",
    ]
    result = invoke(*arguments, "--out", tmp_path, "--set", "shapes.max_faces=700")
    refused(result, "large.ply has 768 triangles; shapes.max_faces allows 700", "--set shapes.max_faces=768")


def test_views_of_a_mesh_are_drawn_kept_and_of_use_again(folder: Path, tmp_path: Path) -> None:
    trimesh.creation.icosphere(subdivisions=2).export(tmp_path / "ball.stl")
    photograph = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    photograph[20:50, 20:50] = 90
    Image.fromarray(photograph).save(tmp_path / "ball.png")
    checkpoint, query = folder / "run" / "checkpoint.pt", ["--query", tmp_path / "ball.png"]
    first = invoke(checkpoint, "--reference", tmp_path / "ball.stl", *query, "--out", tmp_path / "a", "--smooth", 2)
    assert first.exit_code == 0, first.output
    views = tmp_path / "a" / "reference" / "views.h5"
    second = invoke(checkpoint, "--reference", views, *query, "--out", tmp_path / "b")
    assert second.exit_code == 0, second.output
    a, b = (json.loads((tmp_path / out / "predictions.json").read_text())["predictions"] for out in ("a", "b"))
    assert a == b
