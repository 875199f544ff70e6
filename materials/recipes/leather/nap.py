"""Leather with a nap: suede and nubuck, hair-on hide."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Hex, Share
from materials.recipes.leather.hide import clouds, dyed

__all__ = ["cowhide", "suede"]


def suede(canvas: Canvas, *, color: Hex, nap: Share = 0.5, length: Share = 0.5) -> SVBRDF:
    """Sueded leather, darker and lighter where it was stroked (``nap``); a short ``length`` of fibre is nubuck."""
    fibre = fractal(canvas, low=70 - 46 * length, falloff=0.2)
    hand = fractal(canvas, low=2, high=24, falloff=1.3, stretch=(1.0, 2.2))
    # A stroke lays the nap flat up to a clear edge.
    stroke = np.tanh(1.3 * hand)
    density = -0.20 * nap * stroke + 0.08 * clouds(canvas) + (0.02 + 0.06 * length) * fibre
    rough = np.clip(0.84 + 0.06 * length + 0.03 * fibre + 0.04 * nap * stroke, 0.0, 1.0)
    height = (0.0002 + 0.0005 * length) * fibre + 0.002 * nap * hand
    return SVBRDF(dyed(linear(color), density), rough, height, canvas.constant(0.0))


def cowhide(
    canvas: Canvas,
    *,
    color: Hex,
    patch: Hex,
    share: Share = 0.5,
    stripes: Annotated[float, Field(ge=1.0, le=6.0)] = 1.0,
) -> SVBRDF:
    """Hide with its hair on: a ``share`` of it in patches of another colour, or with ``stripes`` > 1 brindled."""
    hair = fractal(canvas, low=18, falloff=0.3, stretch=(1.0, 6.0))
    field = fractal(canvas, low=2.0 + stripes, high=8.0 + 6.0 * stripes, falloff=1.9, stretch=(1.0, stripes))
    # Hairs of one colour lie over the border of the other.
    edge = field + 0.10 * hair + 2.4 * (share - 0.5)
    dyes = mix(linear(color), linear(patch), smoothstep(-0.12 * stripes, 0.12 * stripes, edge))
    whorl = fractal(canvas, low=1, high=10, falloff=1.4)
    tinted = dyed(dyes, 0.13 * hair + 0.07 * whorl)
    rough = np.clip(0.62 + 0.04 * hair, 0.0, 1.0)
    return SVBRDF(tinted, rough, 0.0011 * hair + 0.003 * whorl, canvas.constant(0.0))
