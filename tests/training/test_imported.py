"""Training sees the same samples in an imported dataset, but for the object's mask, which is estimated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.exchange.brokenchairs.exporting import export_brokenchairs
from pipeline.exchange.brokenchairs.importing import import_brokenchairs
from pipeline.format.silhouette import object_estimate
from pipeline.training.data import ShardDataset
from pipeline.training.evaluation.evaluate import evaluate_checkpoint
from pipeline.training.index import index_split
from pipeline.training.train import train
from tests.sample_shards import make_shape, write_dataset
from tests.training.synthetic import TINY

KINDS = ("normal", "positional", "broken", "missing", "several")


def test_samples_of_an_imported_dataset_are_the_original_ones(tmp_path: Path) -> None:
    shape = make_shape("7", [(kind, 20) for kind in KINDS], resolution=64)
    original = write_dataset(tmp_path / "original", {"train": [shape]})
    export_brokenchairs(original, tmp_path / "export")
    import_brokenchairs(tmp_path / "export", tmp_path / "imported", jobs=1, limit=None)
    before, after = (
        ShardDataset(index_split(folder, "train"), TINY, augmented=False)
        for folder in (original, tmp_path / "imported")
    )
    assert len(before.index) == len(after.index) == len(KINDS)
    for item in range(len(KINDS)):
        one, other = before.sample((0, item, item)), after.sample((0, item, item))
        assert torch.equal(one.inputs.image, other.inputs.image)
        assert all(map(torch.equal, one.inputs.views, other.inputs.views))
        assert torch.equal(one.label, other.label)
        assert torch.equal(one.box, other.box)
        assert after.index.type_names[other.anomaly_type] == before.index.type_names[one.anomaly_type]
        estimate = object_estimate(one.inputs.image.permute(1, 2, 0).numpy())
        assert np.array_equal(other.inputs.object_mask, estimate)
        assert other.match_valid.any()
    with pytest.raises(PipelineError, match=r"query_labels = exact needs depth, which .*train-00000\.h5 does not tell"):
        ShardDataset(after.index, TINY.model_copy(update={"query_labels": "exact"}), augmented=True)
    config = TINY.model_copy(update={"reference_views": 2})
    last = train(tmp_path / "imported", tmp_path / "run", config)
    overall = evaluate_checkpoint(last, tmp_path / "imported", "train", "cpu", 0).evaluation.overall
    assert overall.auc is not None and overall.closest_view is not None and overall.pck is None
