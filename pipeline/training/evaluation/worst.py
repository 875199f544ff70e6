"""Where a model that compares is most wrong: what it saw, what it said and what is true, to be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from PIL import Image, ImageDraw

from pipeline.training.aligning.cameras import Sighting
from pipeline.training.aligning.panel import BOX, SCALE, aligned_panel
from pipeline.training.boxes import corners
from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import Comparing
from pipeline.training.data import ShardDataset, load_batches
from pipeline.training.device import pick_device
from pipeline.training.evaluation.comparison import Comparison
from pipeline.training.evaluation.metrics import CameraSource, Scores
from pipeline.training.evaluation.pictures import captioned
from pipeline.training.evaluation.samples import TRUE, grid
from pipeline.training.index import SplitIndex
from pipeline.training.precision import forward, pick_precision

COLUMNS = 2
GAP = 8


def worst_rows(scores: Scores, count: int) -> Int64[np.ndarray, " row"]:
    """The samples whose probability is furthest from their label, the worst first.

    >>> kinds = np.array([1, 0, 1, 0])
    >>> said = Scores(np.array([0.9, 0.8, 0.1, 0.2]), kinds, np.array([""] * 4), np.arange(4), ("normal", "broken"))
    >>> worst_rows(said, 2).tolist()
    [2, 1]
    """
    return np.argsort(-np.abs(scores.probability - scores.label), kind="stable")[:count]


@torch.no_grad()
def worst_sheet(
    checkpoint: Path, index: SplitIndex, scores: Scores, count: int, device: str, cameras: CameraSource
) -> Image.Image:
    """The ``worst_rows`` in two columns. Of each: the query with the true box in green and, where it was called
    anomalous, the predicted one in red; the reference from the camera that was found; the query with that reference's
    outline in blue and what the model takes for changed in red; and what changed indeed, in green.
    """
    saved = load_checkpoint(checkpoint)
    assert isinstance(saved.config.model, Comparing)
    target = pick_device(device)
    model = restore_model(saved, checkpoint).to(target).eval()
    dtype = pick_precision(saved.config.precision, target)
    comparison = Comparison(model, index, saved.config.model, cameras, dtype)
    rows = worst_rows(scores, count).tolist()
    dataset = ShardDataset(index, saved.config, augmented=False)
    tiles = []
    for row, batch in zip(rows, load_batches(dataset, [[(0, row, row)] for row in rows], 0, target), strict=True):
        assert batch.samples is not None  # only a tolerant dataset leaves samples out
        inputs, sightings = comparison.look(batch.samples.inputs, [row])
        prediction = comparison.boxed(forward(model, inputs, dtype), sightings)
        assert prediction.maps is not None and prediction.box is not None
        score = float(prediction.logit.sigmoid())
        tile = _tile(
            inputs.image[0].permute(1, 2, 0).cpu().numpy(),
            sightings[0],
            prediction.maps[0, 1:].amax(dim=0).sigmoid().cpu().numpy(),
            (batch.samples.places[0] > 127).any(dim=0).cpu().numpy(),
            corners(batch.samples.box)[0].cpu().double().numpy(),
            corners(prediction.box)[0].cpu().double().numpy() if score > 0.5 else None,
        )
        name = " ".join((index.type_names[int(index.anomaly_type[row])], str(index.part[row]))).strip()
        changed = "" if scores.changed is None or not scores.label[row] else f", {scores.changed[row]:.2%} changed"
        tiles.append(captioned(tile, f"{name}, scored {score:.2f}{changed}"))
    return grid(tiles, COLUMNS, GAP)


def _tile(
    image: UInt8[np.ndarray, "height width 3"],
    sighting: Sighting | None,
    found: Float[np.ndarray, "height width"],
    changed: Bool[np.ndarray, "height width"],
    true_box: Float64[np.ndarray, " 4"],
    box: Float64[np.ndarray, " 4"] | None,
) -> Image.Image:
    """Four panels side by side. Boxes: (left, top, right, bottom) in shares of the image."""
    height, width = image.shape[:2]
    query = Image.fromarray(image).resize((SCALE * width, SCALE * height), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(query)
    for corner, colour in ((true_box, TRUE), (box, BOX)):
        if corner is not None and corner[2] > corner[0]:
            draw.rectangle((corner * np.tile(query.size, 2)).tolist(), outline=colour)
    there = None if sighting is None else sighting.surface.part_ids > 0
    truth = np.where(changed[..., None], TRUE, image).astype(np.uint8)
    panels = [query, _shaded(sighting, query.size), aligned_panel(image, there, found), Image.fromarray(truth)]
    whole = Image.new("RGB", (len(panels) * query.width, query.height), "white")
    for place, panel in enumerate(panels):
        whole.paste(panel.resize(query.size, Image.Resampling.NEAREST), (place * query.width, 0))
    return whole


def _shaded(sighting: Sighting | None, size: tuple[int, int]) -> Image.Image:
    """The reference as a light beside the camera would show it."""
    if sighting is None:
        return Image.new("L", size, "white")
    facing = np.clip(-sighting.surface.normals[..., 2], 0.0, 1.0)
    shades = np.where(sighting.surface.part_ids > 0, 60 + 160 * facing, 255).astype(np.uint8)
    return Image.fromarray(shades).resize(size)
