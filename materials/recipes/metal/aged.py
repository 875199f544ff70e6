"""Metal with the skin of its making or its years: cast, galvanised, blackened, antiqued, patinated, rusted."""

from __future__ import annotations

from materials.color import FloatMap, linear, mix
from materials.maps import SVBRDF
from materials.noise import Canvas, fractal, smoothstep, worley
from materials.parameters import Count, Hex, Share
from materials.recipes.marks import covered, scratches

__all__ = ["antiqued", "blackened", "cast", "galvanised", "patinated", "rusted"]

#: Rust from the young, wet oxide to the old, dense one.
_RUST_YOUNG, _RUST, _RUST_OLD = "#b56a34", "#7d4527", "#40291f"


def cast(canvas: Canvas, *, color: Hex, grain: Count = 24, depth: Share = 0.5, roughness: Share = 0.62) -> SVBRDF:
    """Sand-cast: ``grain`` lumps across a tile, pitted and dull."""
    sand = fractal(canvas, low=grain / 2, falloff=0.5)
    pits = smoothstep(1.6, 2.4, fractal(canvas, low=grain / 2, high=2.5 * grain, falloff=0.3))
    flow = fractal(canvas, low=1, high=8)
    tone = 1.0 + 0.10 * sand - 0.35 * pits + 0.06 * flow
    height = depth * (0.045 / grain * sand - 0.13 / grain * pits)
    gloss = roughness + 0.04 * sand + 0.15 * pits + 0.03 * flow
    return SVBRDF(linear(color) * tone[..., None], gloss, height, canvas.constant(1.0))


def galvanised(
    canvas: Canvas, *, color: Hex, spangles: Count = 9, contrast: Share = 0.5, roughness: Share = 0.42
) -> SVBRDF:
    """Hot-dip zinc: crystals, ``spangles`` across a tile, that each reflect a little differently."""
    u, v = (x + 0.006 * fractal(canvas, low=3, high=30, falloff=1.0) for x in (canvas.u, canvas.v))
    cells = worley(canvas.draw, u, v, spangles)
    shine = canvas.draw.normal(0.0, 1.0, spangles**2)[cells.index]
    frost = fractal(canvas, low=16, falloff=0.3, stretch=(1, 3))
    bloom = smoothstep(0.3, 2.0, fractal(canvas, low=1, high=40, falloff=1.2))
    tone = 1.0 + 0.26 * contrast * shine + 0.04 * frost + 0.10 * bloom
    gloss = roughness + 0.06 * contrast * shine + 0.15 * bloom
    return SVBRDF(linear(color) * tone[..., None], gloss, 0.0002 * frost, canvas.constant(1.0))


def blackened(
    canvas: Canvas, *, color: Hex, bloom: Hex, mottle: Share = 0.5, wear: Share = 0.2, roughness: Share = 0.4
) -> SVBRDF:
    """Steel under its own dark oxide, blued, oiled or hot-rolled: drifts of ``bloom``, scratched with ``wear``."""
    drift = fractal(canvas, low=2, falloff=1.1, stretch=(1, 1.6))
    scale = fractal(canvas, low=8, falloff=0.6)
    roller = fractal(canvas, low=3, falloff=0.5, stretch=(1, 40))
    share = mottle * smoothstep(-2.2, 2.2, drift + 0.3 * scale + 0.25 * roller)
    scratch = wear * scratches(canvas, wear)
    tone = 1.0 + mottle * (0.10 * scale + 0.05 * roller)
    base = mix(mix(linear(color), linear(bloom), share) * tone[..., None], linear("#a5a5a4"), 0.7 * scratch)
    gloss = roughness + mottle * (0.10 * share + 0.04 * scale) - 0.1 * scratch
    return SVBRDF(base, gloss, 0.0003 * scale - 0.0004 * scratch, canvas.constant(1.0))


def antiqued(canvas: Canvas, *, color: Hex, shade: Hex, age: Share = 0.5, roughness: Share = 0.3) -> SVBRDF:
    """Darkened with ``shade``, then rubbed bright again on what stands out; ``age`` in [0, 1] of it stays dark."""
    dents = fractal(canvas, low=3, high=20, falloff=1.2)
    grain = fractal(canvas, low=16, falloff=0.4)
    cloud = fractal(canvas, low=1.5, falloff=1.1)
    wiped = fractal(canvas, low=8, falloff=0.4, stretch=(1, 20))
    dark = covered(0.7 * cloud - 0.4 * dents + 0.25 * grain + 0.5 * wiped, age, soft=2.0)
    spots = smoothstep(2.2, 3.0, fractal(canvas, low=12, high=80, falloff=0.4))
    base = mix(linear(color), linear(shade), (0.8 * dark + 0.3 * spots).clip(0.0, 1.0))
    gloss = roughness + 0.2 * dark + 0.15 * spots
    return SVBRDF(base * (1.0 + 0.03 * grain)[..., None], gloss, 0.0014 * dents, canvas.constant(1.0))


def patinated(
    canvas: Canvas, *, color: Hex, film: Hex, patina: Hex, cover: Share = 0.3, roughness: Share = 0.35
) -> SVBRDF:
    """Bare metal that tarnishes to ``film``, with a dull, non-metallic crust on a share ``cover`` of it."""
    spread = 0.85 * fractal(canvas, low=2.5, falloff=1.1, stretch=(1, 1.5)) + 0.5 * fractal(canvas, low=10, falloff=0.6)
    crust = 0.9 * covered(spread, cover, soft=0.6)
    tarnish = 0.9 * covered(spread + 0.4 * fractal(canvas, low=2, high=60, falloff=0.9), cover + 0.4, soft=1.4)
    grain = fractal(canvas, low=16, falloff=0.3)
    bloom = fractal(canvas, low=3, falloff=0.9)
    base = mix(linear(color), linear(film), tarnish.clip(0.0, 1.0))
    base = mix(base, linear(patina) * (1.0 + 0.10 * grain + 0.12 * bloom)[..., None], crust)
    height = 0.0008 * crust * (1.0 + 0.35 * grain)
    gloss = roughness + 0.15 * tarnish + 0.35 * crust + 0.02 * grain
    return SVBRDF(base, gloss, height, 1.0 - crust)


def rusted(canvas: Canvas, *, color: Hex, cover: Share = 0.5, age: Share = 0.5, roughness: Share = 0.45) -> SVBRDF:
    """Mild steel (or what is left of its paint) of ``color``, rusted on a share ``cover``; ``age`` darkens rust."""
    spread = 0.9 * fractal(canvas, low=1.5, falloff=1.1) + 0.44 * fractal(canvas, low=6, falloff=0.5)
    rust = covered(spread, cover, soft=0.18)
    stain = covered(spread, min(cover + 0.2, 1.0), soft=0.6)
    grain = fractal(canvas, low=16, falloff=0.3)
    steel = mix(linear(color) * (1.0 + 0.05 * grain)[..., None], linear(_RUST), 0.45 * stain)
    base = mix(steel, rust_color(canvas, age) * (1.0 + 0.10 * grain)[..., None], rust)
    pits = smoothstep(1.4, 2.6, fractal(canvas, low=12, high=90, falloff=0.4))
    height = rust * (0.0006 + 0.0005 * grain - 0.0016 * pits)
    return SVBRDF(base * (1.0 - 0.3 * pits * rust)[..., None], roughness + 0.45 * rust, height, 1.0 - rust)


def rust_color(canvas: Canvas, age: float) -> FloatMap:
    """(n, n, 3) blooms of young on old rust; ``age`` in [0, 1] is the share of the old."""
    old = covered(fractal(canvas, low=2, falloff=0.9), age, soft=1.6)
    young = covered(fractal(canvas, low=3, falloff=0.8), 0.6 * (1.0 - age), soft=1.1)
    return mix(mix(linear(_RUST), linear(_RUST_OLD), old), linear(_RUST_YOUNG), 0.55 * young)
