"""Leather that was worked on: embossed, quilted, plaited, perforated, pieced together; and its imitations."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from materials.color import FloatMap, linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.leather.hide import crease_net, dyed, fine_grain, hide, raised, stitches, wandering_cells
from materials.recipes.weaving import Draft, interlace

__all__ = ["crocodile", "ostrich", "patchwork", "perforated", "plaited", "stitched", "vinyl"]

Seams = Literal["diamond", "channel", "biscuit"]
Emboss = Literal["skin", "lychee", "saffiano"]


def stitched(
    canvas: Canvas,
    *,
    color: Hex,
    thread: Hex,
    seams: Seams = "diamond",
    cells: Count = 6,
    puff: Share = 0.5,
    roughness: Share = 0.4,
) -> SVBRDF:
    """Padded leather, stitched through along ``seams``: ``cells`` diamonds, channels or squares across a tile."""
    if seams == "diamond":
        places = ((canvas.u + canvas.v) * cells, (canvas.u - canvas.v) * cells)
    else:
        places = (canvas.u * cells, canvas.v * cells)
    sewn = places[:1] if seams == "channel" else places
    offsets = [(x + 0.5) % 1.0 - 0.5 for x in sewn]
    distance = np.min(np.abs(offsets), axis=0)
    pad = np.prod([np.sqrt(np.abs(np.sin(np.pi * x))) for x in sewn], axis=0)
    thickness = 0.004 * cells
    threads = [
        stitches(offset, along * 72 / cells, thickness)
        for offset, along in zip(offsets, (places[1], places[0]), strict=False)
    ]
    sewing = np.max(threads, axis=0)
    # Leather puckers beside a seam.
    pucker = fractal(canvas, low=14, high=60, falloff=0.8) * smoothstep(0.35, 0.0, distance)
    shade = 0.5 * smoothstep(2.2 * thickness, 0.0, distance)
    skin = fine_grain(canvas, 0.5)
    base = mix(dyed(linear(color), shade + 0.5 * (1.0 - pad) ** 2), linear(thread), 0.9 * sewing)
    surface = hide(canvas, base, np.clip(roughness + 0.25 * sewing, 0.0, 1.0), skin, 0.0006, 0.3)
    return raised(surface, (0.03 + 0.16 * puff) / cells * pad + 0.0012 * pucker + 0.0016 * sewing)


def plaited(
    canvas: Canvas,
    *,
    colors: Palette,
    draft: Draft = "plain",
    straps: Count = 16,
    roughness: Share = 0.42,
) -> SVBRDF:
    """Flat leather straps woven into a seat: ``straps`` each way, the first of ``colors`` along v, the last along u."""
    weave = interlace(canvas, draft, straps, wobble=0.05)
    flat = smoothstep(0.0, 0.75, weave.height)
    tones = canvas.draw.normal(0.0, 0.10, (2, straps))
    lengthwise = weave.warp_on_top[..., None]
    colour = np.where(lengthwise, linear(colors[0]), linear(colors[-1]))
    density = np.where(weave.warp_on_top, tones[0][weave.warp], tones[1][weave.weft])
    # A strap darkens towards its cut edges and where it dives under another.
    base = dyed(colour, density + 2.2 * (1.0 - flat))
    skin = fine_grain(canvas, 0.4)
    return raised(hide(canvas, base, roughness, skin, 0.0008, 0.5), 0.22 / straps * flat)


def perforated(
    canvas: Canvas,
    *,
    color: Hex,
    holes: Count = 32,
    open_share: Annotated[float, Field(gt=0.0, le=0.4)] = 0.12,
    roughness: Share = 0.42,
) -> SVBRDF:
    """Punched with round holes in staggered rows, ``holes`` a row; ``open_share`` of the area is open."""
    grids = [np.hypot(*((x * holes + shift + 0.5) % 1.0 - 0.5 for x in (canvas.u, canvas.v))) for shift in (0.0, 0.5)]
    radius = np.sqrt(open_share / (2 * np.pi))
    solid = smoothstep(0.75 * radius, 1.3 * radius, np.minimum(*grids))
    skin = fine_grain(canvas, 0.5)
    base = linear(color) * (0.12 + 0.88 * solid)[..., None]
    surface = hide(canvas, base, np.clip(roughness + 0.4 * (1.0 - solid), 0.0, 1.0), skin, 0.0012, 0.4)
    swell = fractal(canvas, low=2, high=14, falloff=1.6)
    return raised(surface, 0.12 / holes * solid + 0.0015 * swell)


def crocodile(
    canvas: Canvas, *, color: Hex, groove: Hex, rows: Count = 16, columns: Count = 11, roughness: Share = 0.3
) -> SVBRDF:
    """Embossed with rows of rounded square scales, wider in the belly's middle (half a tile) than at its flanks."""
    bend = [fractal(canvas, low=2, high=24, falloff=1.0) for _ in range(2)]
    along = canvas.v * rows + 0.05 * bend[0]
    row = np.floor(along).astype(int) % rows
    start = canvas.draw.uniform(0.0, 1.0, rows)
    belly = 0.07 * columns * np.sin(2 * np.pi * canvas.u) / (2 * np.pi)
    across = canvas.u * columns - 5.0 * belly + start[row] + 0.05 * bend[1]
    edge = np.minimum(_to_edge(across), _to_edge(along))
    corner = np.hypot(*(np.maximum(0.25 - _to_edge(x), 0.0) for x in (across, along)))
    scale = smoothstep(0.27, 0.08, corner)
    wrinkle = crease_net(canvas, 50, 0.08)
    base = dyed(mix(linear(groove), linear(color), scale), 0.15 * wrinkle)
    surface = hide(canvas, base, roughness, 1.0 - 0.4 * (1.0 - scale), 0.0, 0.5)
    return raised(surface, 0.06 / columns * scale * (0.7 + 0.3 * smoothstep(0.0, 0.5, edge)) - 0.0006 * wrinkle)


def ostrich(canvas: Canvas, *, color: Hex, quill: Hex, quills: Count = 16, roughness: Share = 0.4) -> SVBRDF:
    """Embossed with quill bumps, ``quills`` across a tile, on softly creased skin."""
    cells = wandering_cells(canvas, quills, 0.05)
    size = canvas.draw.uniform(0.7, 1.2, quills**2)[cells.index]
    bump = smoothstep(0.34, 0.05, cells.nearest / size)
    follicle = smoothstep(0.13, 0.04, cells.nearest / size)
    skin = 1.0 - crease_net(canvas, 34, 0.08)
    base = mix(linear(color), linear(quill), np.clip(0.55 * bump + 0.45 * follicle, 0.0, 1.0))
    surface = hide(canvas, base, roughness, 0.7 + 0.3 * skin, 0.0022, 0.6)
    return raised(surface, (0.10 * bump - 0.05 * follicle) / quills)


def vinyl(canvas: Canvas, *, color: Hex, emboss: Emboss = "skin", count: Count = 56, roughness: Share = 0.4) -> SVBRDF:
    """Imitation leather: one even colour, rolled grain of ``count`` figures a tile, the same everywhere."""
    grain = _emboss(canvas, emboss, count)
    pull = fractal(canvas, low=2, high=10, falloff=1.5, stretch=(1.0, 2.0))
    base = dyed(linear(color), 0.22 * (1.0 - grain))
    surface = hide(canvas, base, roughness, grain, 0.16 / count, 0.05)
    return raised(surface, 0.0016 * pull)


def patchwork(canvas: Canvas, *, colors: Palette, thread: Hex, pieces: Count = 4, roughness: Share = 0.45) -> SVBRDF:
    """Rectangles of several hides, ``pieces`` rows of as many, turned in at their seams and sewn."""
    row = np.floor(canvas.v * pieces).astype(int)
    across = canvas.u * pieces + (row % 2) / 2 * (pieces % 2 == 0)
    column = np.floor(across).astype(int) % pieces
    order = np.stack([canvas.draw.permutation(np.arange(pieces) % len(colors)) for _ in range(pieces)])
    base = np.array([linear(c) for c in colors])[order[row, column]]
    base = dyed(base, canvas.draw.normal(0.0, 0.10, (pieces, pieces))[row, column])
    edges = (_to_edge(across), _to_edge(canvas.v * pieces))
    seam = smoothstep(0.0, 0.045, np.minimum(*edges))
    sewing = np.maximum(
        stitches(edges[0] - 0.07, canvas.v * 72, 0.014), stitches(edges[1] - 0.07, canvas.u * 72, 0.014)
    )
    base = mix(dyed(base, 0.9 * (1.0 - seam)), linear(thread), 0.8 * sewing)
    skin = fine_grain(canvas, 0.6)
    surface = hide(canvas, base, roughness, skin, 0.0018, 0.6)
    swell = fractal(canvas, low=3, high=20, falloff=1.4)
    return raised(surface, 0.0040 * seam + 0.0025 * swell + 0.0008 * sewing)


def _to_edge(place: FloatMap) -> FloatMap:
    """Distance from ``place`` to the nearest whole number."""
    return 0.5 - np.abs(place % 1.0 - 0.5)


def _emboss(canvas: Canvas, name: Emboss, count: int) -> FloatMap:
    """(n, n) in [0, 1] rolled grain: a net of creases, round lychee pebbles, or saffiano's crossed ribs."""
    if name == "skin":
        return 1.0 - crease_net(canvas, 0.8 * count, 0.10, stretch=(1.0, 1.4))
    if name == "lychee":
        return smoothstep(0.05, 0.45, wandering_cells(canvas, count, 0.05).border)
    stray = 0.05 * fractal(canvas, low=4, high=40, falloff=0.5)
    ribs = (np.abs(np.sin(np.pi * (count * (canvas.u + side * canvas.v) + stray))) for side in (1, -1))
    first, second = ribs
    return np.maximum(first**2 * (0.4 + 0.6 * second), second**2 * (0.4 + 0.6 * first))
