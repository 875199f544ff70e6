"""What a model matches and attends to: the query beside the views that it draws from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.training.checkpoint import load_checkpoint, restore_model
from pipeline.training.data import ShardDataset, load_batches, patch_cover
from pipeline.training.device import pick_device
from pipeline.training.evaluation.correspondence import view_scores
from pipeline.training.index import SplitIndex
from pipeline.training.models.attention import select_keys
from pipeline.training.models.encoder import STRIDE
from pipeline.training.precision import forward, pick_precision
from pipeline.training.truth import patch_centres

VIEWS, LINES, SCALE, GAP = 4, 12, 2, 8
TOK_KEYS = 100  # view patches that are marked as [tok]'s
MARK = (255, 120, 0)
PALETTE = ((230, 25, 75), (60, 180, 75), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 160, 160))


@torch.no_grad()
def match_pictures(checkpoint: Path, index: SplitIndex, count: int, device: str) -> list[Image.Image]:
    """For a few samples, evenly over the split: the query beside the views that show it best by M (Eq. 12).

    Lines join patches of the query with their best matches in the first of the views; orange squares are the view
    patches that [tok] attends to. Empty for a model that matches nothing.
    """
    saved = load_checkpoint(checkpoint)
    target = pick_device(device)
    model = restore_model(saved, checkpoint).to(target).eval()
    dataset = ShardDataset(index, saved.config, augmented=False)
    dtype = pick_precision(saved.config.precision, target)
    rows = np.unique(np.linspace(0, len(index) - 1, count).astype(np.int64))
    pictures = []
    for batch in load_batches(dataset, [[(0, int(row))] for row in rows], 0, target):
        assert batch.samples is not None  # only a tolerant dataset leaves samples out
        inputs = batch.samples.inputs
        prediction = forward(model, inputs, dtype)
        if prediction.similarity is None:
            return []
        valid = inputs.patch_valid.flatten(1)
        tok = select_keys(prediction.similarity, valid, getattr(saved.config.model, "top_k", TOK_KEYS))
        attended = np.zeros(valid.shape[1], dtype=bool)
        attended[tok.rows[0, 0][tok.kept[0, 0]].cpu().numpy()] = True
        views = inputs.patch_valid.shape[1]
        pictures.append(
            draw_matches(
                inputs.image[0].permute(1, 2, 0).cpu().numpy(),
                inputs.views[0].cpu().numpy(),
                prediction.similarity[0].unflatten(-1, (views, -1)).cpu().numpy(),
                inputs.patch_valid[0].flatten(1).cpu().numpy(),
                np.flatnonzero(patch_cover(inputs.object_mask[0].cpu().numpy()) >= 0.5),
                attended.reshape(views, -1),
            )
        )
    return pictures


def draw_matches(
    query: NDArray[np.uint8],
    views: NDArray[np.uint8],
    similarity: NDArray[np.float32],
    valid: NDArray[np.bool_],
    patches: NDArray[np.int64],
    attended: NDArray[np.bool_],
) -> Image.Image:
    """One picture: query (H, W, 3), then the best of views (n, H, W).

    similarity: (t, n, h w); valid and attended: (n, h w); patches: (p,) of the query's object.
    """
    height, width = query.shape[:2]
    shown = np.argsort(-view_scores(similarity, valid, patches), kind="stable")[:VIEWS]
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
    if valid[shown[0]].any():
        some = patches[np.unique(np.linspace(0, len(patches) - 1, LINES).astype(np.int64))] if len(patches) else patches
        matched = np.where(valid[shown[0]], similarity[some, shown[0]], -np.inf).argmax(-1)
        ends = (patch_centres(cells, (height, width)) * SCALE for cells in (some, matched))
        for number, (start, end) in enumerate(zip(*ends, strict=True)):
            colour = PALETTE[number % len(PALETTE)]
            line = (start[0], start[1], step + end[0], end[1])
            draw.line(line, fill=colour, width=1)
            for x, y in (line[:2], line[2:]):
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    return canvas
