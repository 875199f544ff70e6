"""Pictures of what was found in a photograph."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from PIL import Image, ImageDraw

from pipeline.training.aligning.panel import BOX, SCALE
from pipeline.training.prediction.query import Query

GAP = 8  # pixels between halves


def photograph_panel(query: Query, score: float, box: Float64[np.ndarray, " 4"] | None) -> Image.Image:
    """The photograph, as high as the panel beside it, with what was found."""
    photograph = Image.fromarray(query.photograph.pixels)
    height = SCALE * query.image.shape[0]
    scale = height / photograph.height
    panel = photograph.resize((max(1, round(photograph.width * scale)), height))
    draw = ImageDraw.Draw(panel)
    colour = BOX if score > 0.5 else "black"
    if box is not None and score > 0.5:
        x, y, w, h = (box * scale).tolist()
        draw.rectangle((x, y, x + w, y + h), outline=BOX, width=max(1, height // 150))
    font, text = max(12, height // 12), f"{score:.2f}"
    draw.rectangle(draw.textbbox((4, 4), text, font_size=font), fill="white")
    draw.text((4, 4), text, fill=colour, font_size=font)
    return panel


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    both = Image.new("RGB", (left.width + GAP + right.width, right.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    return both
