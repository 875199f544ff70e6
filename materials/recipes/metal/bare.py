"""Bare metal as it leaves the workshop: polished, brushed, blasted, ground, hammered, anodised."""

from __future__ import annotations

from materials.color import FloatMap, linear
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.marks import scratches, strokes

__all__ = ["anodised", "blasted", "brushed", "ground", "hammered", "polished"]


def polished(canvas: Canvas, *, color: Hex, roughness: Share = 0.10, wear: Share = 0.3) -> SVBRDF:
    """Plated or polished to a mirror; ``wear`` brings smears of hands and cloths, scratches and dull spots."""
    smear = smudges(canvas)
    scratch = scratches(canvas, wear)
    dull = smoothstep(1.2, 2.6, fractal(canvas, low=6, high=90, falloff=0.8))
    tone = 1.0 - 0.03 * smear - wear * (0.15 * scratch + 0.12 * dull)
    gloss = roughness + 0.06 * smear + wear * (0.25 * scratch + 0.3 * dull)
    waviness = 0.0012 * fractal(canvas, low=1, high=6, falloff=1.5)
    return _bare(canvas, color, tone, gloss, waviness - 0.0004 * wear * scratch)


def brushed(canvas: Canvas, *, color: Hex, roughness: Share = 0.32, depth: Share = 0.5, length: Count = 60) -> SVBRDF:
    """Parallel scratches along v, ``length`` times as long as wide with the marks of hands."""
    scratch = fractal(canvas, low=6, falloff=0.15, stretch=(1, length))
    band = fractal(canvas, low=2, high=20, falloff=0.5, stretch=(1, length))
    smear = smudges(canvas)
    tone = 1.0 + depth * (0.10 * scratch + 0.05 * band) - 0.04 * smear
    gloss = roughness + 0.03 * scratch + 0.02 * band + 0.05 * smear
    return _bare(canvas, color, tone, gloss, 0.0003 * depth * scratch)


def blasted(canvas: Canvas, *, color: Hex, grain: Share = 0.4, roughness: Share = 0.45) -> SVBRDF:
    """Matt from glass beads or a satin bath: even fine dimples of depth ``grain``, with marks of handling."""
    dimples = fractal(canvas, low=40, falloff=0.1)
    cloud = fractal(canvas, low=1, high=12, falloff=1.2)
    smear = smudges(canvas)
    tone = 1.0 + 0.07 * grain * dimples + 0.03 * cloud - 0.06 * smear
    gloss = roughness + 0.03 * grain * dimples + 0.015 * cloud - 0.07 * smear
    return _bare(canvas, color, tone, gloss, 0.0005 * grain * dimples)


def ground(canvas: Canvas, *, color: Hex, swirls: Count = 1500, roughness: Share = 0.36) -> SVBRDF:
    """Raw from the orbital sander: ``swirls`` short curved scratches across each other, each its own glint."""
    drawn = strokes(canvas, swirls, (0.04, 0.12), bend=1.0)
    glint = canvas.draw.normal(0.0, 1.0, swirls)[drawn.index] * drawn.line(0.008)
    cloud = fractal(canvas, low=1, high=8, falloff=1.0)
    grain = fractal(canvas, low=30, falloff=0.2)
    tone = 1.0 + 0.11 * glint + 0.025 * cloud + 0.03 * grain
    gloss = roughness - 0.03 * glint + 0.015 * cloud
    return _bare(canvas, color, tone, gloss, 0.0003 * glint + 0.0001 * grain)


def hammered(canvas: Canvas, *, color: Hex, dents: Count = 9, depth: Share = 0.5, roughness: Share = 0.28) -> SVBRDF:
    """Overlapping round dents of a planishing hammer, tarnished in the hollows."""
    cells = worley(canvas.draw, canvas.u, canvas.v, dents)
    bowl = cells.nearest.clip(0.0, 1.0) ** 2
    strike = canvas.draw.normal(0.0, 0.05, dents**2)[cells.index]
    grain = fractal(canvas, low=10, falloff=0.4)
    tarnish = fractal(canvas, low=1, high=20, falloff=1.0)
    tone = 0.74 + 0.33 * bowl + strike + 0.03 * grain + 0.05 * tarnish
    gloss = roughness + 0.02 * grain + 0.03 * tarnish + 0.10 * (1.0 - bowl)
    return _bare(canvas, color, tone, gloss, 0.5 * depth / dents * bowl)


def anodised(canvas: Canvas, *, color: Hex, lines: Share = 0.3, wear: Share = 0.2, roughness: Share = 0.35) -> SVBRDF:
    """Extruded aluminium with a dyed oxide skin: ``lines`` of the die along v, ``wear`` down to pale metal."""
    die = fractal(canvas, low=4, falloff=0.4, stretch=(1, 100))
    etched = fractal(canvas, low=50, falloff=0.0)
    dye = fractal(canvas, low=1, high=5, falloff=1.0, stretch=(1, 2))
    rubbed = wear * smoothstep(1.0, 2.6, fractal(canvas, low=3, high=70, falloff=1.0))
    scratch = wear * scratches(canvas, wear)
    tone = 1.0 + 0.07 * lines * die + 0.03 * etched + 0.04 * dye
    base = linear(color) * tone[..., None]
    worn = (0.3 * rubbed + 0.6 * scratch)[..., None]
    height = 0.0003 * lines * die + 0.0001 * etched
    gloss = roughness + 0.02 * lines * die + 0.02 * etched - 0.15 * rubbed
    return SVBRDF(base + (linear("#c9cbcc") - base) * worn, gloss, height, canvas.constant(1.0))


def smudges(canvas: Canvas) -> FloatMap:
    """(n, n) in [0, 1]: where hands touched and cloths wiped, in patches of a tenth of the tile."""
    touched = smoothstep(0.2, 1.8, fractal(canvas, low=2, high=20, falloff=0.9))
    wiped = smoothstep(-0.8, 1.5, fractal(canvas, low=12, high=100, falloff=0.5, stretch=(1, 2)))
    return touched * wiped


def _bare(canvas: Canvas, color: Hex, tone: FloatMap, roughness: FloatMap, height: FloatMap) -> SVBRDF:
    return SVBRDF(linear(color) * tone[..., None], roughness, height, canvas.constant(1.0))
