"""Seats and backs woven from plants: cane, rattan, wicker, rush, paper cord."""

from __future__ import annotations

import numpy as np

from materials.color import FloatMap, linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Hex, Palette, Share
from materials.recipes.weaving import Draft, interlace

__all__ = ["cane", "cane_webbing", "cord"]


def cane(
    canvas: Canvas,
    *,
    colors: Palette,
    shade: Hex,
    weave: Draft = "basket",
    strands: Count = 16,
    tint: Share = 0.08,
    round: Share = 0.35,
    roughness: Share = 0.5,
) -> SVBRDF:
    """Woven strands, each in one of ``colors`` with its own tone; how ``round``: flat cane to wicker rods."""
    weft_color = canvas.draw.integers(len(colors), size=strands)
    woven = interlace(canvas, weave, strands, wobble=0.1)
    table = np.array([linear(color) for color in colors])
    tones = canvas.draw.normal(1, tint, (2, strands))
    tone = np.where(woven.warp_on_top, tones[0][woven.warp], tones[1][woven.weft])
    along_v = fractal(canvas, low=10, falloff=0.3, stretch=(1, 12))
    along_u = fractal(canvas, low=10, falloff=0.3, stretch=(12, 1))
    fibre = np.where(woven.warp_on_top, along_v, along_u)
    strand = np.where(woven.warp_on_top[..., None], table[0], table[weft_color][woven.weft])
    color = mix(linear(shade), strand, smoothstep(0.0, 0.75, woven.height))
    color = color * (tone * (1 + 0.06 * fibre))[..., None]
    height = round / strands * np.sqrt(woven.height) + 0.0003 * fibre
    return SVBRDF(color, roughness + 0.1 * (1 - woven.height), height, canvas.constant(0.0))


def cane_webbing(
    canvas: Canvas, *, color: Hex, shade: Hex, holes: Count = 14, tint: Share = 0.07, roughness: Share = 0.45
) -> SVBRDF:
    """Six-way cane: pairs of strands along u and v, single ones along both diagonals, dark ``holes`` between."""
    x, y = canvas.u * holes, canvas.v * holes
    layers = [_pair(x), _pair(y), _strand(x + y, 0.5, 0.15), _strand(x - y, 0.5, 0.15)]
    fibre = fractal(canvas, low=20, falloff=0.2, stretch=(1, 4))
    cloud = fractal(canvas, low=1, high=16, falloff=0.7)
    top = np.maximum.reduce(layers)
    which = np.argmax(np.stack(layers), axis=0)
    lane = np.stack([np.floor(p).astype(int) % holes for p in (x, y, x + y, x - y)])
    tones = canvas.draw.normal(1.0, tint, (4, holes))
    tone = tones[which, np.take_along_axis(lane, which[None], axis=0)[0]] * (1.0 + 0.05 * fibre + 0.05 * cloud)
    covered = smoothstep(0.02, 0.3, top)
    strand = linear(color) * (tone * (0.75 + 0.25 * top))[..., None]
    height = 0.09 / holes * top * np.array([1.0, 0.85, 0.7, 0.6])[which]
    return SVBRDF(mix(linear(shade), strand, covered), roughness + 0.3 * (1 - covered), height, canvas.constant(0.0))


def cord(
    canvas: Canvas,
    *,
    colors: Palette,
    shade: Hex,
    cords: Count = 40,
    twist: Share = 0.5,
    irregular: Share = 0.2,
    tint: Share = 0.06,
    roughness: Share = 0.8,
) -> SVBRDF:
    """Cords wound side by side along u: paper cord (even), rush and seagrass (``irregular``), with their ``twist``."""
    stray = irregular * 0.35 * fractal(canvas, low=3, high=40, falloff=0.7, stretch=(5, 1))
    across = canvas.v * cords + stray
    number, offset = np.floor(across).astype(int) % cords, across % 1.0 - 0.5
    body = np.sqrt(np.clip(1.0 - (2.0 * offset) ** 2, 0.0, 1.0))
    ply = np.sin(2 * np.pi * (round(0.6 * cords) * canvas.u + 0.8 * offset))
    fibre = fractal(canvas, low=10, falloff=0.3, stretch=(8, 1))
    cloud = fractal(canvas, low=2, high=50, falloff=0.4, stretch=(4, 1))
    table = np.array([linear(color) for color in colors])
    lot = canvas.draw.integers(len(colors), size=cords)[number]
    tone = canvas.draw.normal(1.0, tint, cords)[number] * (1.0 + 0.05 * fibre + 0.12 * irregular * cloud)
    strand = table[lot] * (tone * (1.0 + 0.12 * twist * ply))[..., None]
    height = 0.35 / cords * body + 0.05 * twist / cords * ply * body + 0.0002 * fibre
    return SVBRDF(
        mix(linear(shade), strand, smoothstep(0.0, 0.6, body)), canvas.constant(roughness), height, canvas.constant(0.0)
    )


def _strand(place: FloatMap, at: float, half: float) -> FloatMap:
    """Rounded cross-section of a strand of width 2 ``half`` at ``at`` in every unit of ``place``; 0 beside it."""
    offset = (place - at + 0.5) % 1.0 - 0.5
    return np.sqrt(np.clip(1.0 - (offset / half) ** 2, 0.0, 1.0))


def _pair(place: FloatMap) -> FloatMap:
    return np.maximum(_strand(place, 0.37, 0.11), _strand(place, 0.63, 0.11))
