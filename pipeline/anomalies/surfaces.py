"""Faded, stained, scratched, of another material: anomalies that leave the geometry alone.

The paper names their absence as a limit (Looking 3D, section 6). What is drawn here is a recipe; Blender draws it on
top of whatever material the part wears in a view (``blender_scripts/effects.py``), and the other material is chosen
for each view's materials (``pipeline.surface.other``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from pipeline.anomalies.anomaly import Effect, SurfaceChange
from pipeline.anomalies.task import Change, TargetUnfit, Task
from pipeline.appearance.assignment import twins

Colour = tuple[float, float, float]

#: Linear RGB. What sunlight leaves, and what gets spilled, rubs off or grows on furniture.
BLEACHED: Colour = (0.62, 0.58, 0.52)
STAINS = MappingProxyType(
    {
        "coffee": (0.09, 0.04, 0.016),
        "ink": (0.012, 0.018, 0.07),
        "rust": (0.23, 0.07, 0.018),
        "mould": (0.05, 0.07, 0.03),
    }
)
BLACK: Colour = (0.0, 0.0, 0.0)
#: Patterns are placed this far from the origin of the noise, in periods.
MAX_OFFSET = 100.0


def fade(task: Task, random: np.random.Generator) -> Change:
    """Bleach the target all over."""
    settings = task.config.surface
    return _change(_pattern("faded", task, settings.fade_strength, settings.patch_size, BLEACHED, random))


def stain(task: Task, random: np.random.Generator) -> Change:
    """Put a few blotches of one stain on the target."""
    settings = task.config.surface
    name = str(random.choice(list(STAINS)))
    surface = _pattern("stained", task, settings.stain_strength, settings.patch_size, STAINS[name], random)
    return _change(surface, stain=name)


def scratch(task: Task, random: np.random.Generator) -> Change:
    """Scratch the target; the renderer chooses the colour that shows on its material."""
    settings = task.config.surface
    return _change(_pattern("scratched", task, settings.scratch_strength, settings.scratch_length, BLACK, random))


def exchange_material(task: Task, random: np.random.Generator) -> Change:
    """Give the target a material of its own.

    Raises UnitRejected ``no-twin`` where no other part would always wear the target's, so that nothing tells which
    material is the odd one.
    """
    if task.config.surface.needs_twin and not twins(task.shape, task.target.part_ids):
        raise TargetUnfit(
            "no-twin",
            f"no other part always wears the material of {task.target.label}; anomalies.surface.needs_twin asks "
            "for one",
        )
    return _change(SurfaceChange("other material", 1.0, 1.0, BLACK, (0.0, 0.0, 0.0), float(random.random())))


def _pattern(
    effect: Effect,
    task: Task,
    strengths: tuple[float, float],
    sizes: tuple[float, float],
    colour: Colour,
    random: np.random.Generator,
) -> SurfaceChange:
    """``sizes``: range of the pattern's size over the square root of the target's area."""
    strength = float(random.uniform(*strengths))
    scale = float(random.uniform(*sizes) * np.sqrt(task.old.area))
    x, y, z = (float(v) for v in random.uniform(-MAX_OFFSET, MAX_OFFSET, 3))
    return SurfaceChange(effect, strength, scale, colour, (x, y, z), 0.0)


def _change(surface: SurfaceChange, **more: Any) -> Change:
    """``more``: what was drawn beside the surface itself, which the anomaly keeps too."""
    return Change({}, more, {"method": "surface"}, surface)
