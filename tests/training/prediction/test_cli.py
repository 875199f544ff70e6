"""l3d-predict as a user meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from click.testing import CliRunner, Result
from PIL import Image

from pipeline.cli import predict as predict_command
from pipeline.cli.predict import main
from pipeline.format.reader import Shard
from pipeline.format.views_file import read_views, write_views
from pipeline.pose.pose import Pose, angle_between
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.prediction import camera
from pipeline.training.prediction.photograph import read_photograph
from pipeline.training.prediction.predict import Detection, NotJudged
from pipeline.training.prediction.query import Query
from pipeline.training.train import train
from tests.pose.scenes import CHAIR, mesh_of, round_table, scene_of, silhouette
from tests.training.synthetic import SIZE, TINY, VIEWS


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


@pytest.fixture(autouse=True)
def most_ask_for_no_camera(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second a photograph: only tests that use ``cameras`` look for it."""
    if "cameras" not in request.fixturenames:
        monkeypatch.setattr(camera, "is_installed", lambda package: package != "embreex")


@pytest.fixture
def cameras() -> None:
    """That of each photograph is looked for."""


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def usual(folder: Path, *queries: str) -> list[object]:
    photographs = [part for name in queries for part in ("--query", folder / name)]
    return [folder / "run" / "checkpoint.pt", "--reference", folder / "views.h5", *photographs]


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    (line,) = result.stderr.strip().splitlines()
    assert [word for word in words if word not in line] == []


def predictions(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "predictions.json").read_text())["predictions"]
    return found


def test_each_photograph_gets_score_box_view_and_picture(folder: Path, tmp_path: Path) -> None:
    result = invoke(*usual(folder, "query0.png", "query1.png"), "--out", tmp_path)
    assert result.exit_code == 0, result.output
    found = predictions(tmp_path)
    assert [Path(item["photograph"]).name for item in found] == ["query0.png", "query1.png"]
    for item in found:
        assert 0 <= item["score"] <= 1 and item["anomalous"] == (item["score"] > 0.5)
        assert item["object_by"] == "white" and len(item["box"]) == 4
        assert item["view"].keys() == {"number", "azimuth", "elevation", "similarity"}
        assert item["view"]["number"] in range(4)
        with Image.open(item["picture"]) as picture:
            assert picture.width > 5 * SIZE
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == [str(folder / "query0.png"), str(folder / "query1.png")]
    assert f"score {found[1]['score']:.3f}" in lines[1]
    alone = invoke(*usual(folder, "query1.png"), "--out", tmp_path / "alone", "--json")
    assert alone.exit_code == 0
    printed = json.loads(alone.stdout)
    assert printed == json.loads((tmp_path / "alone" / "predictions.json").read_text())
    assert printed["checkpoint"] == str(folder / "run" / "checkpoint.pt") and printed["resolution"] == SIZE
    del printed["predictions"][0]["picture"], found[1]["picture"]
    assert printed["predictions"] == found[1:]


def test_a_photograph_of_which_nothing_can_be_said_does_not_stop_the_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = predict_command.judge

    def failing_once(model: Any, config: Any, reference: Any, query: Query, device: Any) -> Detection:
        if query.photograph.path.name == "query0.png":
            raise NotJudged("no detection in query0.png: it is empty")
        return real(model, config, reference, query, device)

    monkeypatch.setattr(predict_command, "judge", failing_once)
    result = invoke(*usual(folder, "query0.png", "query1.png"), "--out", tmp_path)
    refused(result, "no detection in query0.png: it is empty")
    first, second = predictions(tmp_path)
    assert first == {"photograph": str(folder / "query0.png"), "error": "no detection in query0.png: it is empty"}
    assert 0 <= second["score"] <= 1 and Path(second["picture"]).exists()


@pytest.mark.usefixtures("cameras")
def test_where_photographs_were_taken_from_is_found(folder: Path, tmp_path: Path) -> None:
    chair, table = scene_of(CHAIR), round_table()
    true, shown = Pose(131.9, 27.6, focal=1.1), {"seen": chair, "other": table}
    for name, scene in shown.items():
        mask = silhouette(scene, true, 300)
        Image.fromarray(np.where(mask, 60, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    views = read_views(folder / "views.h5")
    camera = Pose(0.0, 30.0, focal=1.1).camera(SIZE)
    K, world_to_camera = (np.tile(x.astype(np.float32), (VIEWS, 1, 1)) for x in (camera.K, camera.world_to_camera))
    views = replace(views, mesh=mesh_of(CHAIR), K=K, world_to_camera=world_to_camera)
    write_views(tmp_path / "views.h5", views, "{}", 1)
    queries = [part for name in shown for part in ("--query", tmp_path / f"{name}.png")]
    checkpoint = folder / "run" / "checkpoint.pt"
    result = invoke(checkpoint, "--reference", tmp_path / "views.h5", *queries, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    seen, other = (item["camera"] for item in predictions(tmp_path))
    assert angle_between(Pose(seen["azimuth"], seen["elevation"]), true) < 4.0
    assert seen["fits"] and seen["alike"] == 1
    assert not other["fits"] and other["agreement"] < 0.5 < seen["agreement"]
    first, last, _ = result.stdout.splitlines()
    assert f"seen from azimuth {seen['azimuth']:.0f}, elevation" in first
    assert "is this the right reference?" in last


@pytest.mark.usefixtures("cameras")
def test_of_a_mesh_nothing_is_drawn_for_models_that_compare_with_it(tmp_path: Path) -> None:
    mesh, true = mesh_of(CHAIR), Pose(131.9, 27.6, focal=1.1)
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(tmp_path / "chair.glb")
    Image.fromarray(np.where(silhouette(scene_of(CHAIR), true, 300), 60, 255).astype(np.uint8)).save(tmp_path / "a.png")
    result = invoke(
        "untrained", "--reference", tmp_path / "chair.glb", "--query", tmp_path / "a.png", "--out", tmp_path
    )
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "reference").exists()
    camera = predictions(tmp_path)[0]["camera"]
    assert camera["fits"] and angle_between(Pose(camera["azimuth"], camera["elevation"]), true) < 4.0


def test_where_nothing_casts_rays_no_camera_is_found(folder: Path, tmp_path: Path) -> None:
    assert invoke(*usual(folder, "query0.png"), "--out", tmp_path).exit_code == 0
    assert predictions(tmp_path)[0]["camera"] is None


def test_views_are_encoded_once_for_all_photographs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, forward = [], ResNet18FPN.forward

    def noting(encoder: ResNet18FPN, images: torch.Tensor) -> torch.Tensor:
        encoded.append(len(images))
        return forward(encoder, images)

    monkeypatch.setattr(ResNet18FPN, "forward", noting)
    assert invoke(*usual(folder, "query0.png", "query1.png"), "--out", tmp_path).exit_code == 0
    assert encoded == [VIEWS, 1, 1]


@pytest.mark.usefixtures("cameras")
def test_views_file_its_folder_and_the_shape_of_a_dataset_are_the_same_reference(
    folder: Path, dataset: Path, tmp_path: Path
) -> None:
    checkpoint, _, views, *query = usual(folder, "query0.png")
    scores, found = [], []
    for reference in (views, folder, f"{dataset}#test0"):
        result = invoke(checkpoint, "--reference", reference, *query, "--out", tmp_path)
        assert result.exit_code == 0, result.output
        scores.append(predictions(tmp_path)[0]["score"])
        found.append(predictions(tmp_path)[0]["camera"])
    assert scores[0] == scores[1] == scores[2]
    assert found[0] is not None and found[0] == found[1] == found[2]


def test_names_may_be_alike_and_photographs_are_never_written_over(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(folder / "query0.png", tmp_path / name / "photo.png")
    before = (tmp_path / "a" / "photo.png").read_bytes()
    both = ["--query", tmp_path / "a" / "photo.png", "--query", tmp_path / "b" / "photo.png"]
    result = invoke(*usual(folder), *both, "--out", tmp_path / "a")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a" / "photo.png").read_bytes() == before
    assert len({item["picture"] for item in predictions(tmp_path / "a")}) == 2


@pytest.mark.parametrize("letter", ["a", "\u00e4", "\u6905"])
def test_long_names_lose_no_results(folder: Path, tmp_path: Path, letter: str) -> None:
    longest = 240 // len(letter.encode())
    names = [f"{letter * (longest - 1)}{number}.png" for number in range(2)]
    for name in names:
        shutil.copy(folder / "query0.png", tmp_path / name)
    queries = [part for name in names for part in ("--query", tmp_path / name)]
    result = invoke(*usual(folder, "query0.png"), *queries, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    found = predictions(tmp_path / "out")
    assert [Path(item["photograph"]).name for item in found] == ["query0.png", *names]
    pictures = [Path(item["picture"]) for item in found]
    assert len(set(pictures)) == 3 and all(picture.is_file() for picture in pictures)
    assert pictures[1].name.startswith(f"001_{letter * 30}")


def test_a_picture_that_cannot_be_written_loses_no_prediction(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "000_query0.png" / "in the way").mkdir(parents=True)
    result = invoke(*usual(folder, "query0.png", "query1.png"), "--out", tmp_path)
    assert result.exit_code == 1 and f"picture {tmp_path / '000_query0.png'} is missing" in result.stderr
    first, second = predictions(tmp_path)
    assert first["picture"] is None and 0 <= first["score"] <= 1
    assert Path(second["picture"]).is_file()


def test_bad_calls_are_one_clear_line(folder: Path, dataset: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "out"]
    query = ["--query", folder / "query0.png"]
    checkpoint = folder / "run" / "checkpoint.pt"
    refused(invoke(*usual(folder, "query0.png", "query1.png"), "--mask", folder / "query0.png", *out), "1 --mask for 2")
    refused(invoke(*usual(folder, "none.png"), *out), "none.png is missing")
    refused(invoke(folder / "query0.png", *usual(folder, "query0.png")[1:], *out), "query0.png", "not a whole PyTorch")
    (tmp_path / "mesh.xyz").write_text("")
    wrong = invoke(checkpoint, "--reference", tmp_path / "mesh.xyz", *query, *out)
    refused(wrong, "mesh.xyz", ".glb, .gltf, .obj, .ply, .stl")
    refused(invoke(checkpoint, "--reference", f"{dataset}#7", *query, *out), "no shape '7'; it has 6", "train0")
    refused(invoke(checkpoint, "--reference", dataset, *query, *out), "has no views.h5", f"{dataset}#SHAPE_ID")
    refused(invoke(checkpoint, "--reference", tmp_path / "gone.h5", *query, *out), "gone.h5 is missing")
    refused(invoke(*usual(folder, "query0.png"), "--resolution", 128, *out), "--resolution 64")
    assert not (tmp_path / "out").exists()


def _nan(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.full_like(value, float("nan")) for name, value in weights.items() if value.is_floating_point()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: {key: c[key] for key in ("format", "version", "model")}, ("is not whole", "config: Field required")),
        (lambda c: {**c, "config": None}, ("is not whole", "config: ")),
        (lambda c: {**c, "config": {**c["config"], "model": 3}}, ("config from", "model = 3")),
        (
            lambda c: {key: value for key, value in c.items() if key != "reference_views"},
            ("is not whole", "reference_views: Field required"),
        ),
        (lambda c: {**c, "model": [1, 2]}, ("is not whole", "model: ")),
        (lambda c: {**c, "model": {**c["model"], "tok": "x"}}, ("do not fit the model", "tok")),
        (lambda c: {**c, "size": 64}, ("is not whole", "size: ")),
        (lambda c: {**c, "step": "soon"}, ("is not whole", "step: ")),
        (lambda c: {**c, "extra": 1}, ("is not whole", "extra: ")),
        (lambda c: {**c, "version": torch.ones(2)}, ("version", "train again")),
        (
            lambda c: {**c, "model": {**c["model"], **_nan(c["model"])}},
            ("weights are not finite", "earlier checkpoint"),
        ),
        (lambda c: {**c, "average": {**c["model"], **_nan(c["model"])}}, ("weights are not finite",)),
        (lambda c: {**c, "model": {**c["model"], **_nan(c["model"])}, "average": c["model"]}, ("are not finite",)),
    ],
)
def test_an_odd_checkpoint_gives_one_clear_line_and_no_detection(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], words: tuple[str, ...]
) -> None:
    """shared/data/cases/checkpoint_odd and its kin."""
    content = torch.load(folder / "run" / "best.pt", weights_only=True)
    torch.save(change(content), tmp_path / "odd.pt")
    result = invoke(tmp_path / "odd.pt", *usual(folder, "query0.png")[1:], "--out", tmp_path / "out")
    refused(result, "odd.pt", *words)
    assert result.stdout == "" and not (tmp_path / "out").exists()


def test_a_prediction_that_is_not_finite_is_no_detection(folder: Path, tmp_path: Path) -> None:
    content = torch.load(folder / "run" / "best.pt", weights_only=True)
    content["model"]["classify.image.weight"][:, ::2] = 3e38
    content["model"]["classify.image.weight"][:, 1::2] = -3e38
    torch.save(content, tmp_path / "large.pt")
    result = invoke(tmp_path / "large.pt", *usual(folder, "query0.png")[1:], "--out", tmp_path / "out")
    refused(result, "no detection in", "query0.png", "not finite", "train again")
    (found,) = predictions(tmp_path / "out")
    assert found.keys() == {"photograph", "error"} and "not finite" in found["error"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.json"]


@pytest.mark.parametrize("option", [("--up", "z"), ("--smooth", "3"), ("--set", "render.samples=4")])
def test_options_of_meshes_are_refused_with_views(folder: Path, tmp_path: Path, option: tuple[str, str]) -> None:
    result = invoke(*usual(folder, "query0.png"), *option, "--out", tmp_path / "out")
    assert result.exit_code == 2 and f"{option[0]} is for meshes" in result.stderr
    assert not (tmp_path / "out").exists()


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
    ball = trimesh.creation.icosphere(subdivisions=3).apply_scale([0.7, 0.7, 1.0])  # seen from the front, off the edges
    ball.export(tmp_path / "ball.stl")
    photograph = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    photograph[20:50, 20:50] = 90
    Image.fromarray(photograph).save(tmp_path / "ball.png")
    checkpoint, query = folder / "run" / "checkpoint.pt", ["--query", tmp_path / "ball.png"]
    first = invoke(checkpoint, "--reference", tmp_path / "ball.stl", *query, "--out", tmp_path / "a", "--smooth", 2)
    assert first.exit_code == 0, first.output
    views = tmp_path / "a" / "reference" / "views.h5"
    assert f"--reference {views} takes them again" in first.stderr
    second = invoke(checkpoint, "--reference", views, *query, "--out", tmp_path / "b")
    assert second.exit_code == 0, second.output
    a, b = (predictions(tmp_path / out)[0] for out in ("a", "b"))
    assert a | {"picture": ""} == b | {"picture": ""}
    _what_is_drawn_is_cut_out_as_it_was_drawn(views, tmp_path / "drawn.png")


def _what_is_drawn_is_cut_out_as_it_was_drawn(views: Path, place: Path) -> None:
    """By its white border, by a mask and by alpha, which know the part ids of the rendered view. In wood's colour."""
    drawn = read_views(views)
    truth = drawn.part_ids[0] > 0
    tint = np.where(truth[..., None], [0.8, 0.6, 0.4], 1.0)
    pixels = (drawn.image[0][..., None] * tint).astype(np.uint8)
    Image.fromarray(pixels).save(place)
    Image.fromarray(truth).save(place.with_name("mask.png"))
    Image.fromarray(np.dstack([pixels, truth * np.uint8(255)])).save(place.with_name("alpha.png"))
    by_white = read_photograph(place, None)
    by_mask = read_photograph(place, place.with_name("mask.png"))
    by_alpha = read_photograph(place.with_name("alpha.png"), None)
    assert np.array_equal(by_mask.mask, truth) and np.array_equal(by_alpha.mask, truth)
    assert by_white.cut_by == "white"
    assert (by_white.mask & truth).sum() > 0.9 * (by_white.mask | truth).sum()
