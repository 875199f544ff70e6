"""Leather with its grain side out: pebbled, smooth, creased, wrinkled, distressed, saddle leather."""

from __future__ import annotations

import numpy as np

from materials.color import linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep
from materials.parameters import Count, Hex, Share
from materials.recipes.leather.hide import (
    clouds,
    crease_net,
    dyed,
    fine_grain,
    hide,
    raised,
    scratches,
    wandering_cells,
)

__all__ = ["creased", "distressed", "pebbled", "saddle", "smooth", "wrinkled"]


def pebbled(
    canvas: Canvas,
    *,
    color: Hex,
    crease: Hex,
    pebbles: Count = 60,
    roughness: Share = 0.45,
    relief: Share = 0.5,
    mottle: Share = 0.3,
) -> SVBRDF:
    """Tumbled or embossed grain: rounded pebbles, ``pebbles`` across a tile, with ``crease`` colour between them.

    ``relief``: how deep the creases are; ``mottle``: how unevenly the dye lies.
    """
    border = wandering_cells(canvas, pebbles, 0.08).border
    # Tumbling loosens the hide in patches: there the pebbles stand apart.
    loose = 0.65 + 0.15 * np.tanh(fractal(canvas, low=2, high=12, falloff=1.0))
    dome = 1.0 - (1.0 - np.clip(border / loose, 0.0, 1.0)) ** 2
    base = mix(linear(crease), linear(color), smoothstep(0.0, 0.75, dome))
    surface = hide(canvas, base, roughness, dome, (0.06 + 0.20 * relief) / pebbles, mottle)
    return raised(surface, 0.0013 * relief * fractal(canvas, low=2, high=16, falloff=1.5))


def smooth(
    canvas: Canvas,
    *,
    color: Hex,
    grain: Share = 0.4,
    roughness: Share = 0.4,
    undulation: Share = 0.3,
    mottle: Share = 0.4,
) -> SVBRDF:
    """Full grain under a thin finish: fine hair cells (``grain``), a soft swell (``undulation``), cloudy dye."""
    cells = 1.0 - crease_net(canvas, 62, 0.10)
    swell = fractal(canvas, low=2, high=14, falloff=1.6)
    stretched = fractal(canvas, low=10, high=48, falloff=0.8, stretch=(1.0, 2.5))
    base = dyed(linear(color), 0.22 * grain * (1.0 - cells) + 0.03 * grain * stretched)
    surface = hide(canvas, base, roughness, 1.0 - grain * (1.0 - cells), 0.0016, mottle)
    return raised(surface, 0.0045 * undulation * swell + 0.0007 * grain * stretched)


def creased(
    canvas: Canvas,
    *,
    color: Hex,
    crease: Hex,
    wear: Share = 0.5,
    roughness: Share = 0.4,
    mottle: Share = 0.6,
) -> SVBRDF:
    """Aniline leather: a net of fine creases, soft folds, and with ``wear`` lighter where it was pulled or bent."""
    fine = crease_net(canvas, 40, 0.09)
    coarse = crease_net(canvas, 14, 0.035) * smoothstep(-0.8, 0.8, fractal(canvas, low=2, high=10, falloff=1.0))
    folds = fractal(canvas, low=2, high=20, falloff=1.5, stretch=(1.0, 1.6))
    pull_up = smoothstep(-0.2, 2.0, fractal(canvas, low=2, high=18, falloff=1.2) + 0.5 * folds)
    base = dyed(linear(color), -0.55 * wear * pull_up)
    shown = (1.0 - 0.35 * fine) * (1.0 - (0.2 + 0.3 * wear) * coarse)
    lined = mix(linear(crease), base, shown)
    surface = hide(canvas, lined, roughness + 0.18 * wear * pull_up, 1.0 - 0.7 * fine, 0.0022, mottle)
    return raised(surface, 0.004 * folds - (0.001 + 0.002 * wear) * coarse)


def wrinkled(
    canvas: Canvas,
    *,
    color: Hex,
    crease: Hex,
    folds: Count = 9,
    depth: Share = 0.5,
    roughness: Share = 0.4,
    mottle: Share = 0.4,
) -> SVBRDF:
    """Soft hide that was sat on: long puffy folds, about ``folds`` a tile, with sharp valleys between."""
    wave = fractal(canvas, low=0.6 * folds, high=2.4 * folds, falloff=1.2, stretch=(3.5, 1.0))
    small = fractal(canvas, low=2.0 * folds, high=6.0 * folds, falloff=0.8, stretch=(3.0, 1.0))
    puff, ripple = np.tanh(1.3 * np.abs(wave)), np.tanh(1.6 * np.abs(small))
    tight = smoothstep(-1.0, 1.2, fractal(canvas, low=2, high=10, falloff=0.8))
    valley = (1.0 - smoothstep(0.0, 0.45, puff)) * tight
    base = mix(linear(color), linear(crease), (0.25 + 0.6 * depth) * valley)
    # The crests are rubbed: a little paler.
    base = dyed(base, -0.16 * depth * (puff - 0.5) + 0.08 * (1.0 - ripple))
    skin = fine_grain(canvas, 0.5)
    surface = hide(canvas, base, roughness + 0.08 * valley, skin, 0.0010, mottle)
    share = (0.2 + 0.8 * tight) * depth
    return raised(surface, share * (0.060 * puff + 0.012 * ripple) / folds)


def distressed(
    canvas: Canvas,
    *,
    color: Hex,
    worn: Hex,
    wear: Share = 0.5,
    marks: Count = 60,
    roughness: Share = 0.5,
) -> SVBRDF:
    """Old leather: the dye rubbed off to ``worn`` in patches, with cracks around them and ``marks`` scratches."""
    grain = 1.0 - crease_net(canvas, 44, 0.09)
    cracks = crease_net(canvas, 14, 0.03)
    drift = fractal(canvas, low=2, high=50, falloff=1.35)
    # The tops of the grain lose their dye first.
    rubbed = smoothstep(0.5 - 1.6 * wear, 3.2 - 1.6 * wear, drift + 1.0 * grain - 0.6 * cracks)
    scratched = scratches(canvas, marks, 0.0028)
    base = mix(linear(color), linear(worn), np.clip(0.85 * rubbed + 0.4 * scratched, 0.0, 1.0))
    base = dyed(base, (0.2 + 0.4 * wear) * cracks + 0.15 * (1.0 - grain) * (1.0 - rubbed))
    surface = hide(canvas, base, roughness + 0.2 * rubbed - 0.1 * scratched, grain, 0.0018, 0.7)
    folds = fractal(canvas, low=2, high=16, falloff=1.5)
    return raised(surface, 0.0035 * folds - 0.0020 * wear * cracks - 0.0006 * scratched)


def saddle(
    canvas: Canvas,
    *,
    color: Hex,
    marks: Count = 14,
    fibre: Share = 0.4,
    roughness: Share = 0.35,
    mottle: Share = 0.6,
) -> SVBRDF:
    """Thick vegetable-tanned hide: level and close, with streaks of ``fibre`` and ``marks`` healed scars."""
    streaks = clouds(canvas, stretch=(1.0, 3.0))
    fibres = fractal(canvas, low=16, falloff=0.5, stretch=(1.0, 5.0))
    scars = scratches(canvas, marks, 0.0035)
    base = dyed(linear(color), 0.14 * mottle * streaks + 0.06 * fibre * fibres - 0.25 * scars)
    surface = hide(canvas, base, roughness + 0.03 * fibre * fibres, canvas.constant(1.0), 0.0, mottle)
    return raised(surface, 0.0003 * fibre * fibres + 0.0010 * scars + 0.002 * streaks)
