"""A detection says what the model said, in the photograph's terms; any kind of model will do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.format.reader import find_reference
from pipeline.format.schema import ShapeRecord
from pipeline.training.config import ContrastiveConfig, LightFieldConfig, ModelConfig, QueryOnlyConfig, ViTConfig
from pipeline.training.models.build import new_model
from pipeline.training.models.interface import Inputs, Model, Prediction
from pipeline.training.prediction.predict import Detection, judge, look_at
from pipeline.training.prediction.query import as_query
from tests.training.prediction.photographs import photograph
from tests.training.synthetic import SIZE, TINY, VIEWS

CPU = torch.device("cpu")
PATCHES = (SIZE // 8) ** 2


class Told(Model):
    """Says a box, and that every patch matches best in view 2, by ``similarity``."""

    def __init__(self, similarity: float) -> None:
        super().__init__()
        self.similarity = similarity

    def forward(self, inputs: Inputs, seen: tuple[torch.Tensor, ...] = ()) -> Prediction:
        views = torch.zeros(VIEWS, PATCHES, 1)
        views[2] = self.similarity
        box = torch.tensor([[0.5, 0.525, 0.4, 0.82]])
        query = torch.ones(1, PATCHES, 1)
        return Prediction(torch.tensor([2.0]), box, query_descriptors=query, view_descriptors=views)


@pytest.fixture(scope="module")
def shape(dataset: Path) -> ShapeRecord:
    return find_reference(dataset, "test1")


def judged(model: Model, shape: ShapeRecord, size: int = SIZE) -> Detection:
    return judge(model.eval(), TINY, look_at(model, TINY, shape, CPU), as_query(photograph(), size), CPU)


def test_score_box_and_best_view_are_the_models_in_the_photographs_pixels(shape: ShapeRecord) -> None:
    poses = shape.world_to_camera.copy()
    poses[2] = [[0, 0, -1, 0], [0, -1, 0, 0], [-1, 0, 0, 2], [0, 0, 0, 1]]  # from +X, upright: azimuth 90 degrees
    detection = judged(Told(0.75), replace(shape, world_to_camera=poses))
    assert detection.score == pytest.approx(1 / (1 + np.exp(-2))) and detection.anomalous
    # The object, 50 pixels high at (120, 65), is framed by 50 / 0.82 pixels with its centre at (0.5, 0.525).
    assert detection.box is not None
    np.testing.assert_allclose(detection.box, [120 - 0.2 * 50 / 0.82, 40, 0.4 * 50 / 0.82, 50], atol=1e-4)
    assert detection.view is not None
    assert detection.view.number == 2 and detection.view.similarity == pytest.approx(0.75)
    assert (detection.view.azimuth, detection.view.elevation) == pytest.approx((90, 0))


def test_a_view_that_shows_nothing_is_never_the_best(shape: ShapeRecord) -> None:
    valid = shape.patch_valid.copy()
    valid[2] = False
    detection = judged(Told(0.75), replace(shape, patch_valid=valid))
    assert detection.view is not None and detection.view.number == 0 and detection.view.similarity == 0
    assert judged(Told(0.75), replace(shape, patch_valid=np.zeros_like(valid))).view is None


MODELS = [
    TINY.model,
    TINY.model.model_copy(update={"box_head": False}),
    QueryOnlyConfig(dim=16, encoder_width=8, blocks=0),
    QueryOnlyConfig(dim=16, encoder_width=8, heads=2, blocks=1, feed_forward=16, patch_head=True),
    ViTConfig(dim=16, heads=2, blocks=1, feed_forward=16),
    ContrastiveConfig(dim=16, encoder_width=8, projector_hidden=16, projector_dim=8),
    LightFieldConfig(),
]


@pytest.mark.parametrize("config", MODELS, ids=lambda config: f"{config.kind}-{getattr(config, 'box_head', None)}")
def test_any_model_gives_what_it_has(config: ModelConfig, shape: ShapeRecord) -> None:
    torch.manual_seed(0)
    model = new_model(config).eval()
    detection = judged(model, shape)
    assert 0 <= detection.score <= 1
    assert (detection.box is not None) == bool(getattr(config, "box_head", False))
    assert (detection.view is not None) == (config.kind == "cmt")
    assert detection.picture.height == 2 * SIZE
    unseen = replace(look_at(model, TINY, shape, CPU), seen=())
    assert detection.score == pytest.approx(
        judge(model, TINY, unseen, as_query(photograph(), SIZE), CPU).score, rel=1e-4
    )


def test_views_of_another_size_are_refused_with_the_way_out(shape: ShapeRecord) -> None:
    with pytest.raises(PipelineError, match=r"test1 are 64 x 64, the query 128 x 128.*resolution=128.*--resolution 64"):
        judged(Told(0.5), shape, 128)
