"""What a split's predictions are, in whatever batches they are made."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.format.reader import Shard
from pipeline.training.checkpoint import load_checkpoint, save_checkpoint
from pipeline.training.data import ShardDataset, collate
from pipeline.training.evaluation.evaluate import Judged, changed_shares, evaluate_checkpoint, predict
from pipeline.training.index import index_split
from pipeline.training.models.build import build_model
from pipeline.training.train import train
from tests.training.box_chairs import write_box_chairs
from tests.training.synthetic import TINY, VIEWS


def in_batches(size: int, checkpoint: Path, dataset: Path) -> Judged:
    """The test split, by a copy of the checkpoint."""
    saved = load_checkpoint(checkpoint)
    copy = checkpoint.with_name(f"{size}.pt")
    save_checkpoint(replace(saved, config=saved.config.model_copy(update={"eval_batch": size})), copy)
    return evaluate_checkpoint(copy, dataset, "test", "cpu", 0)


def test_what_an_anomaly_changes_is_where_one_of_its_masks_alone_is_set(tmp_path: Path) -> None:
    index = index_split(write_box_chairs(tmp_path, {"train": (1, 4)}), "train")
    with Shard(index.files[0]) as shard:
        queries = [shard.query(row) for row in range(shard.query_count)]
    expected = [float(np.mean((q.mask_old > 0) ^ (q.mask_new > 0))) if q.label else 0.0 for q in queries]
    assert max(expected) > 0
    np.testing.assert_allclose(changed_shares(index), expected)


def test_scores_and_metrics_do_not_depend_on_the_batch_size(dataset: Path, tmp_path: Path) -> None:
    last = train(dataset, tmp_path, TINY)
    whole, single = (in_batches(size, last, dataset) for size in (8, 1))
    assert whole.scores.probability == pytest.approx(single.scores.probability, abs=1e-5)
    assert whole.scores.anomaly_type.tolist() == [0, 1, 0, 2] * 2
    for name in ("box_iou", "closest", "pck"):
        assert np.isfinite(getattr(whole.scores, name)).all()
        assert getattr(whole.scores, name) == pytest.approx(getattr(single.scores, name), abs=1e-5)
    one, other = (asdict(found.evaluation.overall) for found in (whole, single))
    assert one.pop("pck") == pytest.approx(other.pop("pck"))
    assert one == pytest.approx(other) and one["auc"] is not None


@pytest.mark.parametrize("eval_batch", [1, 3, 8])
def test_the_views_of_a_shape_are_encoded_once_and_every_query_sees_its_own(dataset: Path, eval_batch: int) -> None:
    """Two shapes of four queries each."""
    config, index = TINY.model_copy(update={"eval_batch": eval_batch}), index_split(dataset, "test")
    samples = ShardDataset(index, config, augmented=False)
    model, encoded = build_model(config).eval(), []
    with torch.no_grad():
        alone = [float(model(collate([samples.sample((0, i, i))]).inputs).logit.sigmoid()) for i in range(8)]
    model.get_submodule("encoder").register_forward_pre_hook(lambda _, arguments: encoded.append(len(arguments[0])))
    scores = predict(model.train(), index, config, torch.device("cpu"))
    assert sum(encoded) == 2 * VIEWS + 8 and len(encoded) == 2 + 2 * -(-4 // eval_batch)
    assert scores.probability == pytest.approx(np.array(alone), abs=1e-6)
    assert len(set(scores.probability.round(5))) == 8
    assert model.training
