"""Padded or bent plywood panels, as seats and backs of metal and folding chairs."""

from __future__ import annotations

import numpy as np

from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.backs import HARD_BACK, SOFT_BACK
from pipeline.shapes.synthetic.curves import UP, Points, rounded_rectangle
from pipeline.shapes.synthetic.seats import HARD_SEAT, SOFT_SEAT
from pipeline.shapes.synthetic.solids import deformed, pad, placed
from pipeline.shapes.synthetic.upholstery import curved


def seat_panel(
    chair: Assembly, draw: np.random.Generator, size: tuple[float, float], middle: Points, tilt: float
) -> None:
    """A padded or a bent plywood seat of (width, depth)."""
    soft = draw.random() < 0.5
    thick = draw.uniform(0.035, 0.05) if soft else 0.014
    panel = pad(rounded_rectangle(*size, 0.06, 7, 6), thick, 0.4 * thick, (0.0, 0.012 if soft else 0.0))

    def bend(v: Points) -> Points:
        ends = 0.02 * np.clip(2 * np.abs(v[:, 2]) / size[1] - 0.55, 0, 1) ** 2 * 4
        drop = np.where(v[:, 2] > 0, -ends, 0.6 * ends)
        return v + np.outer(drop, UP)

    chair.add(SOFT_SEAT if soft else HARD_SEAT, placed(deformed(panel, bend), middle, tilt))


def back_panel(
    chair: Assembly, draw: np.random.Generator, size: tuple[float, float], middle: Points, pitch: float, bend: float
) -> None:
    """A padded or plywood back panel of (width, height); its edges pass through ``middle``'s plane."""
    soft = draw.random() < 0.5
    thick = draw.uniform(0.03, 0.04) if soft else 0.012
    outline = rounded_rectangle(*size, draw.uniform(0.03, 0.07), 7, 7)
    panel = pad(outline, thick, 0.4 * thick, (0.0, 0.008 if soft else 0.0), "back")
    panel = placed(curved(panel, size[0] / 2, bend), (0, 0, -bend))
    chair.add(SOFT_BACK if soft else HARD_BACK, placed(panel, middle, pitch))
