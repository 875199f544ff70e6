"""A query beside the reference that its camera sees, as a picture."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from pipeline.pose.silhouette import rim

BOX, OUTLINE = (220, 60, 30), (20, 110, 230)
SCALE = 2  # edge in those of the query


def aligned_panel(
    query: UInt8[np.ndarray, "size size 3"],
    reference: Bool[np.ndarray, "size size"] | None,
    changed: Float[np.ndarray, "size size"],
) -> Image.Image:
    """The query with the reference's outline in the found camera, and in red what has more likely changed than not."""
    share = np.clip(2 * changed - 1, 0, 1)[..., None]
    image = query * (1 - share) + np.array(BOX) * share
    size = SCALE * len(image)
    panel = Image.fromarray(image.round().astype(np.uint8)).resize((size, size))
    if reference is not None:
        mask = np.asarray(Image.fromarray(reference.astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST))
        pixels = np.asarray(panel).copy()
        pixels[tuple(rim(mask > 0).T)] = OUTLINE
        panel = Image.fromarray(pixels)
    return panel
