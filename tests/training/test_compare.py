"""Render and compare from shards to words: chairs of boxes, some of which lack a part or have it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from pipeline.cli.evaluate import main as evaluate
from pipeline.errors import PipelineError
from pipeline.format.reader import Shard
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.evaluation.evaluate import evaluate_checkpoint, predict
from pipeline.training.evaluation.metrics import roc_auc
from pipeline.training.evaluation.samples import TRUE
from pipeline.training.evaluation.worst import worst_rows
from pipeline.training.index import index_split
from pipeline.training.prediction.photograph import Photograph, read_photograph
from pipeline.training.prediction.predict import judge, look_at
from pipeline.training.prediction.query import as_query
from pipeline.training.train import train
from tests.training.box_chairs import SIZE, TINY, TINY_COMPARE, write_box_chairs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_chairs(tmp_path_factory.mktemp("chairs"), {"train": (8, 14), "test": (1, 8)})


@pytest.fixture(scope="module")
def checkpoint(chairs: Path) -> Path:
    return train(chairs, chairs / "run", TINY)


def test_it_finds_camera_anomaly_and_part_of_chairs_that_it_never_saw(chairs: Path, checkpoint: Path) -> None:
    found = evaluate_checkpoint(checkpoint, chairs, "test", "cpu", workers=0).evaluation.overall
    assert found.auc is not None and found.auc > 0.8
    assert found.pose is not None and found.pose > 0.8
    assert found.part is not None and found.part > 0.6
    assert found.map_ap is not None and found.map_ap > 0.4
    assert found.type is not None and found.box_ap is not None
    told = evaluate_checkpoint(checkpoint, chairs, "test", "cpu", workers=0, cameras="true").evaluation.overall
    assert told.pose == 1.0 and told.auc is not None and told.auc > 0.9


def test_without_training_it_is_found_by_colours(chairs: Path, tmp_path: Path) -> None:
    judged = evaluate_checkpoint(Path("untrained"), chairs, "test", "cpu", workers=0)
    found = judged.evaluation.overall
    assert judged.name == "untrained"
    assert found.auc is not None and found.auc > 0.8 and found.pose is not None and found.pose > 0.8
    assert found.map_ap is not None and found.map_ap > 0.3 and found.type is None
    saved = load_checkpoint(Path("untrained"))
    model = restore_model(saved, Path("untrained")).eval()
    with Shard(chairs / "shards" / "test-00000.h5") as shard:
        shape, queries = shard.intact(0), shard.shape(0).queries
    lacking = max((query for query in queries if query.type_name == "missing"), key=lambda query: query.mask_old.sum())
    Image.fromarray(lacking.image).save(tmp_path / "photo.png")
    query = as_query(read_photograph(tmp_path / "photo.png", None), SIZE)
    detection = judge(model, saved.config, look_at(model, saved.config, shape, CPU), query, CPU)
    assert detection.anomalous and detection.type is None
    assert detection.part == lacking.part_label.split("/")[-1].replace("_", " ")


def test_a_photograph_gets_words_and_a_picture(chairs: Path, checkpoint: Path, tmp_path: Path) -> None:
    saved = load_checkpoint(checkpoint)
    model = restore_model(saved, checkpoint).eval()
    with Shard(chairs / "shards" / "test-00000.h5") as shard:
        shape, queries = shard.intact(0), shard.shape(0).queries
    # One that lacks much, and one that lacks nothing.
    lacking = max((query for query in queries if query.type_name == "missing"), key=lambda query: query.mask_old.sum())
    reference = look_at(model, saved.config, shape, CPU)
    detections = []
    for number, query in enumerate((lacking, queries[0])):
        Image.fromarray(query.image).save(tmp_path / f"{number}.png")
        seen = as_query(read_photograph(tmp_path / f"{number}.png", None), SIZE)
        detections.append(judge(model, saved.config, reference, seen, CPU))
    missing, normal = detections
    assert missing.anomalous and not normal.anomalous
    assert missing.part is not None and missing.part == lacking.part_label.split("/")[-1].replace("_", " ")
    assert missing.type in ("missing", "positional") and missing.box is not None
    assert normal.part is None and normal.type is None
    for detection in detections:
        assert detection.camera is not None and detection.camera.fits and detection.view is None
        picture = np.asarray(detection.picture)
        assert picture.shape[0] == 2 * SIZE and picture.shape[1] > 4 * SIZE


def test_where_it_is_most_wrong_is_drawn_beside_the_truth(chairs: Path, checkpoint: Path, tmp_path: Path) -> None:
    arguments = [checkpoint, chairs, "--out", tmp_path, "--pictures", 8, "--workers", 0, "--bootstrap", 0]
    result = CliRunner().invoke(evaluate, [*map(str, arguments), "--cameras", "true"])
    assert result.exit_code == 0, result.output
    sheet = np.asarray(Image.open(tmp_path / "run" / "worst.png"))
    scores = evaluate_checkpoint(checkpoint, chairs, "test", "cpu", workers=0, cameras="true").scores
    tiles = [tile for row in np.split(sheet, 4) for tile in np.split(row, 2, axis=1)]
    with Shard(chairs / "shards" / "test-00000.h5") as shard:
        for row, tile in zip(worst_rows(scores, 8), tiles, strict=True):
            query = shard.query(int(row))
            truth = tile[: 2 * SIZE : 2, 6 * SIZE : 8 * SIZE : 2]
            changed = (query.mask_old > 0) | (query.mask_new > 0)
            np.testing.assert_array_equal((truth == TRUE).all(axis=-1), changed)
            np.testing.assert_array_equal(truth[~changed], query.image[~changed])


def test_what_views_show_may_take_the_place_of_the_mesh(chairs: Path, checkpoint: Path) -> None:
    """Even for a model that learnt from meshes."""
    saved = load_checkpoint(checkpoint)
    by_views = TINY_COMPARE.model_copy(update={"reference": "views"})
    config = saved.config.model_copy(update={"model": by_views})
    scores = predict(restore_model(saved, checkpoint), index_split(chairs, "test"), config, CPU, "found")
    auc = roc_auc(scores.probability, scores.label)
    assert auc is not None and auc > 0.75
    assert scores.pose_error is not None and np.median(scores.pose_error) < 5.0
    assert scores.part_right is not None and np.isnan(scores.part_right).all()  # they do not tell parts apart


def test_what_it_cannot_compare_with_is_refused_with_the_way_out(
    chairs: Path, checkpoint: Path, tmp_path: Path
) -> None:
    saved = load_checkpoint(checkpoint)
    model = restore_model(saved, checkpoint).eval()
    with Shard(chairs / "shards" / "test-00000.h5") as shard:
        shape = shard.reference(0)
    with pytest.raises(PipelineError, match=r"compares with the mesh, which the reference views of test0 lack: give a"):
        look_at(model, saved.config, shape, CPU)
    by_views = saved.config.model_copy(update={"model": TINY_COMPARE.model_copy(update={"reference": "views"})})
    with Shard(chairs / "shards" / "test-00000.h5") as shard:
        whole, query = shard.intact(0), next(q for q in shard.shape(0).queries if q.type_name == "missing")
    cut = Photograph(tmp_path, query.image, query.object_mask > 127, "mask")
    told = judge(model, by_views, look_at(model, by_views, whole, CPU), as_query(cut, SIZE), CPU)
    assert told.part is None and told.camera is not None  # the ids of its parts are of its mesh, not of its views
    with pytest.raises(PipelineError, match="compares with the depth of views, which those of test0 lack"):
        look_at(model, by_views, replace(shape, depth=np.zeros_like(shape.depth)), CPU)
