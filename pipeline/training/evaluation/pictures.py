"""What a model matches and attends to: the query beside the views that it draws from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.config import AnyModelConfig, CMTConfig
from pipeline.training.data import ShardDataset, load_batches, patch_cover
from pipeline.training.device import pick_device
from pipeline.training.evaluation.correspondence import Truth, ViewMatches, view_matches, view_scores
from pipeline.training.evaluation.metrics import PCK_SHARES
from pipeline.training.index import SplitIndex
from pipeline.training.models.attention import select_keys
from pipeline.training.models.encoder import STRIDE
from pipeline.training.models.interface import Inputs
from pipeline.training.precision import forward, pick_precision
from pipeline.training.truth import patch_centres

VIEWS, LINES, SCALE, GAP = 4, 12, 2, 8
MARK = (255, 120, 0)
RIGHT, WRONG, UNKNOWN = (0, 150, 60), (220, 40, 40), (150, 150, 150)
CAPTION = 14  # pixels below
PALETTE = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 160, 160))


@torch.no_grad()
def match_pictures(checkpoint: Path, index: SplitIndex, count: int, device: str) -> list[Image.Image]:
    """For a few samples, evenly over the split: the query beside the views that show it best by M (Eq. 12).

    Lines join patches of the query with their best matches in the first of the views: green within the middle
    tolerance of PCK, red beyond it, gray where the truth is not known. Orange squares are the view patches that [tok]
    attends to, where it does not attend to all. Empty for a model that matches nothing.
    """
    saved = load_checkpoint(checkpoint)
    target = pick_device(device)
    model = restore_model(saved, checkpoint).to(target).eval()
    dataset = ShardDataset(index, saved.config, augmented=False)
    dtype = pick_precision(saved.config.precision, target)
    rows = np.unique(np.linspace(0, len(index) - 1, count).astype(np.int64))
    pictures, truth = [], Truth(index)
    for row, batch in zip(
        rows.tolist(), load_batches(dataset, [[(0, int(row), int(row))] for row in rows], 0, target), strict=True
    ):
        assert batch.samples is not None  # only a tolerant dataset leaves samples out
        inputs = batch.samples.inputs
        prediction = forward(model, inputs, dtype)
        if prediction.query_descriptors is None or prediction.view_descriptors is None:
            return []
        descriptors = prediction.query_descriptors, prediction.view_descriptors
        (matches,) = view_matches(*descriptors, inputs)
        patches = np.flatnonzero(patch_cover(inputs.object_mask[0].cpu().numpy()) >= 0.5)
        errors = truth.errors(row, int(np.argmax(view_scores(matches, patches))), matches, patches)
        picture = draw_matches(
            inputs.image[0].permute(1, 2, 0).cpu().numpy(),
            inputs.views.image[inputs.chosen[0]].cpu().numpy(),
            matches,
            patches,
            _attended(*descriptors, inputs, saved.config.model),
            errors,
        )
        name = index.type_names[int(index.anomaly_type[row])]
        pictures.append(captioned(picture, f"{name}, scored {float(prediction.logit.sigmoid()):.2f}"))
    return pictures


def _attended(
    query: Float[Tensor, "1 patch descriptor"],
    views: Float[Tensor, "view patch descriptor"],
    inputs: Inputs,
    model: AnyModelConfig,
) -> Bool[np.ndarray, "chosen patch"]:
    """The view patches that [tok] chooses to see in a batch of one, none where it sees all."""
    valid = inputs.views.patch_valid.flatten(1)
    attended = np.zeros(inputs.chosen.shape[1] * valid.shape[1], dtype=bool)
    if isinstance(model, CMTConfig) and model.guided and not model.tok_sees_all:
        kept = select_keys(query, views, valid, inputs.chosen, model.top_k)
        attended[kept.rows[0, 0][kept.kept[0, 0]].cpu().numpy()] = True
    return attended.reshape(inputs.chosen.shape[1], -1)


def draw_matches(
    query: UInt8[np.ndarray, "height width 3"],
    views: UInt8[np.ndarray, "view height width"],
    matches: ViewMatches,
    patches: Int64[np.ndarray, " point"],
    attended: Bool[np.ndarray, "view patch"],
    errors: Float64[np.ndarray, " point"] | None = None,
) -> Image.Image:
    """One picture: the query, then the best of the views, with some matches in the first of them.

    patches: of the query's object; attended: view patches to mark; errors: of the matches in the best view, as
    ``Truth.errors`` has them; without them colours only tell lines apart.
    """
    height, width = query.shape[:2]
    shown = np.argsort(-view_scores(matches, patches), kind="stable")[:VIEWS]
    step = width * SCALE + GAP
    canvas = Image.new("RGB", (step * (1 + len(shown)), height * SCALE), "white")
    draw = ImageDraw.Draw(canvas)
    canvas.paste(Image.fromarray(query).resize((width * SCALE, height * SCALE)), (0, 0))
    for place, view in enumerate(shown, start=1):
        canvas.paste(Image.fromarray(views[view]).resize((width * SCALE, height * SCALE)), (place * step, 0))
        for x, y in patch_centres(np.flatnonzero(attended[view]), (height, width)) * SCALE:
            half = STRIDE * SCALE / 2 - 1
            corner = place * step + x
            draw.rectangle((corner - half, y - half, corner + half, y + half), outline=MARK)
    if len(patches) and np.isfinite(matches.similarity[0, shown[0]]):
        some = np.unique(np.linspace(0, len(patches) - 1, LINES).astype(np.int64))
        cells = patches[some], matches.patch[patches[some], shown[0]]
        ends = (patch_centres(own, (height, width)) * SCALE for own in cells)
        for number, (start, end) in enumerate(zip(*ends, strict=True)):
            colour = PALETTE[number % len(PALETTE)] if errors is None else _colour(errors[some[number]])
            line = (start[0], start[1], step + end[0], end[1])
            draw.line(line, fill=colour, width=1)
            for x, y in (line[:2], line[2:]):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    return canvas


def _colour(error: float) -> tuple[int, int, int]:
    if np.isnan(error):
        return UNKNOWN
    return RIGHT if error <= PCK_SHARES[1] else WRONG


def captioned(picture: Image.Image, text: str) -> Image.Image:
    """With a line of text below."""
    below = Image.new("RGB", (picture.width, picture.height + CAPTION), "white")
    below.paste(picture)
    ImageDraw.Draw(below).text((2, picture.height), text, fill="black")
    return below
