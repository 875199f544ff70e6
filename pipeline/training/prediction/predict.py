"""A model's verdict on one query, given the reference views of the object's shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import nn

from pipeline.errors import PipelineError
from pipeline.shards.schema import ShapeRecord
from pipeline.training.config import TrainingConfig
from pipeline.training.data import patch_cover
from pipeline.training.evaluation.correspondence import view_scores
from pipeline.training.evaluation.pictures import draw_matches
from pipeline.training.models.interface import Inputs, Prediction
from pipeline.training.precision import forward, pick_precision
from pipeline.training.prediction.photograph import Query

BOX = (220, 60, 30)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a model says of a photograph.

    score: probability of an anomaly; box: [x, y, width, height] in pixels of the photograph, None without a box head;
    view: number of the reference view that shows the object best, None for models that match nothing; picture: the
    photograph with score and box, and beside it the query with its matches in the best views.
    """

    score: float
    box: NDArray[np.float64] | None
    view: int | None
    picture: Image.Image


@torch.no_grad()
def judge(model: nn.Module, config: TrainingConfig, shape: ShapeRecord, query: Query, device: torch.device) -> Verdict:
    """Raises PipelineError where query and views are of different sizes."""
    size = query.image.shape[0]
    if shape.image.shape[1:] != (size, size):
        raise PipelineError(
            f"the reference views of {shape.id} are {shape.image.shape[1]}x{shape.image.shape[2]}, the model was "
            f"trained on {size}x{size}: draw them with `l3d-gen --mesh FILE --set views.resolution={size}`"
        )
    arrays = (query.image.transpose(2, 0, 1), query.mask, shape.image, shape.patch_xyz, shape.patch_valid)
    inputs = Inputs(*(torch.from_numpy(np.ascontiguousarray(array))[None].to(device) for array in arrays))
    prediction = forward(model, inputs, pick_precision(config.precision, device))
    score = float(prediction.logit.sigmoid())
    box = None
    if prediction.box is not None:
        cx, cy, w, h = (prediction.box[0].double().cpu().numpy() * size).tolist()
        box = query.framing.to_photograph(np.array([cx - w / 2, cy - h / 2, w, h]), size)
    panel = _photograph_panel(query, score, box)
    if prediction.similarity is None:
        return Verdict(score, box, None, panel)
    view, matches = _matches(prediction, shape, query)
    return Verdict(score, box, view, _side_by_side(panel, matches))


def _matches(prediction: Prediction, shape: ShapeRecord, query: Query) -> tuple[int, Image.Image]:
    assert prediction.similarity is not None
    valid = shape.patch_valid.reshape(len(shape.patch_valid), -1)
    similarity = prediction.similarity[0].unflatten(-1, valid.shape).cpu().numpy()
    patches = np.flatnonzero(patch_cover(query.mask) >= 0.5)
    view = int(np.argmax(view_scores(similarity, valid, patches)))
    return view, draw_matches(query.image, shape.image, similarity, valid, patches, np.zeros_like(valid))


def _photograph_panel(query: Query, score: float, box: NDArray[np.float64] | None) -> Image.Image:
    panel = Image.fromarray(query.photograph.pixels)
    draw = ImageDraw.Draw(panel)
    width = max(1, panel.height // 150)
    if box is not None and score > 0.5:
        x, y, w, h = box.tolist()
        draw.rectangle((x, y, x + w, y + h), outline=BOX, width=width)
    draw.text((4, 4), f"{score:.2f}", fill=BOX if score > 0.5 else "black", font_size=max(12, panel.height // 16))
    return panel


def _side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    scaled = left.resize((max(1, round(left.width * right.height / left.height)), right.height))
    both = Image.new("RGB", (scaled.width + 8 + right.width, right.height), "white")
    both.paste(scaled, (0, 0))
    both.paste(right, (scaled.width + 8, 0))
    return both
