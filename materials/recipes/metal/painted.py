"""Painted metal: to light it is a dielectric, so metallic is 0 wherever the paint holds."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.marks import covered, scratches
from materials.recipes.metal.aged import rust_color
from materials.recipes.metal.bare import smudges

__all__ = ["chipped", "enamelled", "hammertone", "powder_coated"]


def powder_coated(
    canvas: Canvas, *, color: Hex, texture: Share = 0.2, grain: Count = 40, fleck: Share = 0.0, roughness: Share = 0.5
) -> SVBRDF:
    """Baked powder, from slight orange peel (``texture`` 0) to a sandy structure of ``grain`` bumps across a tile.

    ``fleck``: how much the pigment sparkles, as in metallic and granite colours.
    """
    peel = fractal(canvas, low=0.6 * grain, high=1.6 * grain, falloff=0.4)
    bumps = peel if texture < 0.5 else np.tanh(1.5 * peel)
    fine = fractal(canvas, low=60, falloff=0.0)
    film = fractal(canvas, low=1, high=8, falloff=0.8)
    rubbed = smudges(canvas)
    tone = 1.0 + (0.012 + 0.06 * texture) * bumps + 0.025 * film + 0.16 * fleck * fine + 0.02 * rubbed
    height = (0.003 + 0.05 * texture) / grain * bumps
    gloss = roughness + 0.02 * bumps + 0.02 * film - 0.06 * rubbed
    return SVBRDF(linear(color) * tone[..., None], gloss, height, canvas.constant(0.0))


def enamelled(canvas: Canvas, *, color: Hex, peel: Share = 0.4, roughness: Share = 0.2) -> SVBRDF:
    """Sprayed gloss lacquer that flowed out in long waves (``peel``), with fine wash scratches and dust nibs."""
    wave = fractal(canvas, low=6, high=36, falloff=0.7)
    depth = fractal(canvas, low=1, high=5, falloff=1.0)
    scratch = scratches(canvas, 0.5)
    nibs = smoothstep(3.0, 3.6, fractal(canvas, low=40, falloff=0.0))
    tone = 1.0 + 0.03 * depth + 0.06 * scratch
    gloss = roughness + 0.02 * wave + 0.2 * scratch + 0.03 * depth
    height = 0.0011 * peel * wave + 0.0008 * nibs
    return SVBRDF(linear(color) * tone[..., None], gloss, height, canvas.constant(0.0))


def hammertone(canvas: Canvas, *, color: Hex, cells: Count = 34, roughness: Share = 0.3) -> SVBRDF:
    """Hammer-effect enamel: the paint draws back into glossy craters full of aluminium flake."""
    u, v = (x + 0.2 / cells * fractal(canvas, low=cells / 3, high=cells, falloff=0.8) for x in (canvas.u, canvas.v))
    found = worley(canvas.draw, u, v, cells)
    dome = smoothstep(0.0, 0.55, found.border)
    shade = canvas.draw.normal(0.0, 0.06, cells**2)[found.index]
    swirl = fractal(canvas, low=2, high=20, falloff=0.9)
    tone = 0.62 + 0.5 * dome + shade + 0.05 * swirl
    return SVBRDF(
        linear(color) * tone[..., None], roughness + 0.12 * (1 - dome), -0.1 / cells * dome, canvas.constant(0.0)
    )


def chipped(
    canvas: Canvas,
    *,
    color: Hex,
    primer: Hex = "#8c8c88",
    wear: Share = 0.08,
    rust: Share = 0.5,
    roughness: Share = 0.45,
) -> SVBRDF:
    """Old paint knocked off a share ``wear`` of the steel, over ``primer``; ``rust`` of the bare spots went brown."""
    spread = 0.9 * fractal(canvas, low=2, falloff=1.1) + 0.44 * fractal(canvas, low=8, falloff=0.8)
    bare = covered(spread, wear, soft=0.1)
    lost = np.maximum(covered(spread, 1.5 * wear, soft=0.1), smoothstep(0.1, 0.35, scratches(canvas, 0.45)))
    brown = covered(fractal(canvas, low=3, high=40, falloff=0.7), rust, soft=0.4) * bare
    halo = covered(spread, min(wear * 3.0, 1.0), soft=0.5) * rust
    faded = fractal(canvas, low=1, high=24, falloff=1.0)
    paint = mix(linear(color) * (1.0 + 0.06 * faded)[..., None], linear("#7d4a2a"), 0.28 * halo)
    steel = mix(linear("#8d8b88"), rust_color(canvas, 0.5), brown)
    base = mix(mix(paint, linear(primer), lost), steel, bare)
    gloss = roughness + 0.05 * faded + 0.15 * lost + 0.25 * brown
    return SVBRDF(base, gloss, -0.0012 * np.maximum(lost, bare), bare * (1.0 - brown))
