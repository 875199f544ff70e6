"""Wood whose surface was changed: painted, worn, weathered, charred."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.wood.grain import Cut, growth_phase, lay, ring_profile

__all__ = ["charred", "painted_wood", "weathered", "worn_paint"]


def painted_wood(
    canvas: Canvas,
    *,
    color: Hex,
    grain: Share = 0.5,
    open_pores: Share = 0.0,
    brush: Share = 0.5,
    boards: Count = 1,
    roughness: Share = 0.5,
) -> SVBRDF:
    """Paint over wood: the ``grain`` shows in the relief and, thinly, in the colour, as do ``open_pores``.

    ``brush``: marks of the brush along the grain; grooves part ``boards`` if there are several.
    """
    pieces = lay(canvas, max(boards, 2))
    ring = ring_profile(growth_phase(canvas, pieces, 36, "flat"), "ring_porous")
    fibre = fractal(canvas, low=6, falloff=0.4, stretch=(1, 20))
    stroke = brush * fractal(canvas, low=3, falloff=0.6, stretch=(1, 10))
    cloud = fractal(canvas, low=1, high=8, falloff=0.8)
    pore = open_pores * smoothstep(0.6, 1.7, fractal(canvas, low=24, falloff=0.0, stretch=(1, 12)) + 0.8 * ring)
    groove = smoothstep(0.008, 0.002, pieces.edge) if boards > 1 else canvas.constant(0.0)
    tone = 1.0 + grain * (0.12 * (0.4 - ring) + 0.03 * fibre) + 0.03 * stroke + 0.02 * cloud
    tone = tone * (1.0 - 0.35 * pore) * (1.0 - 0.45 * groove)
    height = grain * (0.0006 * ring + 0.0003 * fibre) + 0.0004 * stroke - 0.0016 * pore - 0.006 * groove
    return SVBRDF(linear(color) * tone[..., None], roughness + 0.04 * stroke, height, canvas.constant(0.0))


def worn_paint(
    canvas: Canvas,
    *,
    color: Hex,
    light: Hex,
    dark: Hex,
    wear: Share = 0.4,
    under: Hex | None = None,
    boards: Count = 3,
    roughness: Share = 0.6,
) -> SVBRDF:
    """Old paint worn through to the wood (``light``, ``dark``), by way of an older coat if there is one ``under``."""
    pieces = lay(canvas, boards)
    ring = ring_profile(growth_phase(canvas, pieces, 36, "flat"), "softwood")
    fibre = fractal(canvas, low=8, falloff=0.4, stretch=(1, 14))
    rubbed = fractal(canvas, low=2, high=40, falloff=0.8, stretch=(1, 2.5))
    edge = np.exp(-((pieces.edge / 0.012) ** 2))
    thin = rubbed + 0.45 * fibre + 0.7 * ring + 0.9 * edge
    limit = 2.3 - 2.4 * wear
    bare = smoothstep(limit, limit + 0.25, thin)
    wood = mix(linear(light), linear(dark), np.clip(0.7 * ring + 0.12 * fibre + 0.2 * rubbed, 0.0, 1.2))
    if under is not None:
        primer = smoothstep(limit + 0.9, limit + 0.6, thin)
        wood = mix(wood, linear(under), primer)
    grime = 0.06 * fractal(canvas, low=1, high=20, falloff=0.8) + 0.03 * fibre
    paint = linear(color) * (1.0 + grime)[..., None]
    groove = smoothstep(0.004, 0.001, pieces.edge)
    tone = (1.0 - 0.5 * groove)[..., None]
    height = 0.0011 * (1.0 - bare) + 0.0004 * ring + 0.0003 * fibre - 0.003 * groove
    return SVBRDF(mix(paint, wood, bare) * tone, roughness + 0.15 * bare, height, canvas.constant(0.0))


def weathered(
    canvas: Canvas,
    *,
    light: Hex,
    dark: Hex,
    boards: Count = 4,
    cut: Cut = "flat",
    stain: Hex | None = None,
    cracks: Share = 0.4,
    roughness: Share = 0.85,
) -> SVBRDF:
    """Wood gone grey outdoors: hard late wood stands out of washed fibres; drying cracks; patches of ``stain``."""
    pieces = lay(canvas, boards, uneven=0.1)
    ring = ring_profile(growth_phase(canvas, pieces, 44, cut), "softwood")
    fibre = fractal(canvas, low=10, falloff=0.3, stretch=(1, 18))
    cloud = fractal(canvas, low=1, high=14, falloff=0.8, stretch=(1, 3))
    crack = cracks * smoothstep(1.7, 2.4, fractal(canvas, low=8, high=110, falloff=0.3, stretch=(1, 26)) + 0.5 * ring)
    groove = smoothstep(0.007, 0.002, pieces.edge)
    color = mix(linear(light), linear(dark), np.clip(0.55 * ring + 0.14 * fibre + 0.2 * cloud + 0.15, 0.0, 1.2))
    if stain is not None:
        color = mix(color, linear(stain), 0.7 * smoothstep(0.0, 1.6, fractal(canvas, 1, 30, 0.9, (1, 2))))
    lot = pieces.each(np.exp(canvas.draw.normal(0.0, 0.13, boards)))
    color = color * (lot * (1.0 - 0.75 * crack) * (1.0 - 0.7 * groove))[..., None]
    height = 0.0013 * ring + 0.0006 * fibre - 0.003 * crack - 0.006 * groove
    return SVBRDF(color, roughness + 0.03 * fibre, height, canvas.constant(0.0))


def charred(
    canvas: Canvas, *, color: Hex, scale: Hex, scales: Count = 12, depth: Share = 0.6, roughness: Share = 0.6
) -> SVBRDF:
    """Burnt cladding (shou sugi ban): scales of char, ``scales`` across, longer along the grain, between cracks."""
    pieces = lay(canvas, 4)
    fibre = fractal(canvas, low=10, falloff=0.3, stretch=(1, 14))
    stray = [0.5 / scales * fractal(canvas, low=4, high=60, falloff=0.9) for _ in range(2)]
    # Pressed together along v, the same number of cells would be square again: the cells come out 2 : 1.
    cell = worley(canvas.draw, 2 * canvas.u + stray[0], canvas.v + stray[1], scales)
    crack = depth * smoothstep(0.22, 0.02, cell.border)
    groove = smoothstep(0.008, 0.002, pieces.edge)
    ring = ring_profile(growth_phase(canvas, pieces, 36, "flat"), "softwood")
    sheen = canvas.draw.uniform(0.0, 1.0, scales**2)[cell.index]
    share = np.clip(0.45 * sheen + 0.3 * ring + 0.12 * fibre, 0.0, 1.1)
    color_map = mix(linear(color), linear(scale), share) * ((1.0 - 0.6 * crack) * (1.0 - 0.5 * groove))[..., None]
    height = 0.0008 * ring + 0.0005 * fibre - 0.0035 * crack - 0.006 * groove
    return SVBRDF(color_map, roughness - 0.15 * sheen + 0.2 * crack, height, canvas.constant(0.0))
