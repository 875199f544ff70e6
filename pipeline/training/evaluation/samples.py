"""A grid of what a model says of a few samples, to be looked at while it learns."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from pipeline.training.boxes import corners
from pipeline.training.config import TrainingConfig
from pipeline.training.data import ShardDataset, load_batches
from pipeline.training.index import SplitIndex
from pipeline.training.models.interface import Model
from pipeline.training.precision import forward, pick_precision

SAMPLES, COLUMNS = 12, 4
TRUE, PREDICTED = (0, 150, 60), (220, 60, 30)
CAPTION = 14  # pixels below each image


@torch.no_grad()
def sample_grid(model: Model, index: SplitIndex, config: TrainingConfig, device: torch.device) -> Image.Image:
    """A few queries, evenly over the split, with true (green) and predicted (red) boxes of anomalies and scores."""
    rows = np.unique(np.linspace(0, len(index) - 1, SAMPLES).astype(np.int64))
    training = model.training
    model.eval()
    dtype = pick_precision(config.precision, device)
    dataset = ShardDataset(index, config, augmented=False)
    tiles = []
    keys = [[(0, int(row), int(row))] for row in rows]
    for row, batch in zip(rows, load_batches(dataset, keys, 0, device), strict=True):
        assert batch.samples is not None  # only a tolerant dataset leaves samples out
        prediction = forward(model, batch.samples.inputs, dtype)
        box = None if prediction.box is None else prediction.box[0]
        name = index.type_names[int(index.anomaly_type[row])]
        score = float(prediction.logit.sigmoid())
        tiles.append(_tile(batch.samples.inputs.image[0], name, score, box, batch.samples.box[0]))
    model.train(training)
    return grid(tiles, COLUMNS)


def _tile(
    image: UInt8[Tensor, "3 height width"],
    name: str,
    score: float,
    predicted: Float[Tensor, " 4"] | None,
    true: Float[Tensor, " 4"],
) -> Image.Image:
    height, width = image.shape[1:]
    tile = Image.new("RGB", (width, height + CAPTION), "white")
    tile.paste(Image.fromarray(image.permute(1, 2, 0).cpu().numpy()))
    draw = ImageDraw.Draw(tile)
    if true[2] > 0:
        for box, colour in ((true, TRUE), (predicted, PREDICTED)):
            if box is not None:
                scaled = corners(box).cpu() * torch.tensor([width, height] * 2)
                draw.rectangle(scaled.tolist(), outline=colour)
    right = (score > 0.5) == (true[2] > 0)
    draw.text((2, height + 1), f"{score:.2f} {name}", fill=TRUE if right else PREDICTED)
    return tile


def grid(tiles: list[Image.Image], columns: int, gap: int = 0) -> Image.Image:
    """Pictures of one size, row by row."""
    width, height = (edge + gap for edge in tiles[0].size)
    whole = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height), "white")
    for number, tile in enumerate(tiles):
        whole.paste(tile, (number % columns * width, number // columns * height))
    return whole
