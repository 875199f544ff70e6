"""Faded, stained, scratched: shader nodes on top of an SVBRDF.

Patterns live in object space, so they neither need UVs nor repeat with the texture's tiles. Lengths are in object
radii, like the object itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from blender_scripts.nodes import Nodes
from blender_scripts.pigments import pigment

#: Stains: the noise above which there is one (its mean is 0.5; measured: a third of a surface is stained), how far
#: above it the soft edge ends, and then the rim that drying leaves; the middle is this much as dense as the rim.
STAIN_LEVEL, STAIN_EDGE, STAIN_RIM, STAIN_MIDDLE = 0.515, 0.04, 0.09, 0.7
#: Scratches: layers with one scratch a Voronoi cell, each a share of the scale; width and depth in object radii.
SCRATCH_LAYERS = (1.0, 0.8, 0.65, 0.5)
SCRATCH_WIDTH, SCRATCH_DEPTH = 0.010, 0.004
#: A plane that meets the surface at a smaller angle than this (its sine) makes a smear, not a scratch.
MIN_SINE = 0.4


def apply(tree: Any, bsdf: Any, effect: Mapping[str, Any], surface: np.ndarray) -> None:
    """Put ``effect`` (of the job file) between the maps and the Principled BSDF of a material.

    ``surface``: (3,) mean linear RGB of its base colour. Raises ValueError for an unknown effect.
    """
    nodes = Nodes(tree)
    colour = (*pigment(effect["effect"], np.array(effect["colour"]), surface).tolist(), 1.0)
    position = nodes.add("TexCoord", {}).outputs["Object"]
    place = nodes.vector("ADD", nodes.scaled(position, 1 / effect["scale"]), tuple(effect["offset"]))
    draw = {"faded": _fade, "stained": _stain, "scratched": _scratch}[effect["effect"]]
    draw(nodes, bsdf, place, colour, effect)


def _fade(nodes: Nodes, bsdf: Any, place: Any, colour: Sequence[float], effect: Mapping[str, Any]) -> None:
    """Bleached or aged all over, a little unevenly; duller and rougher, metal powdery."""
    strength = effect["strength"]
    uneven = nodes.smoothstep(0.3, 0.7, nodes.noise(place, 2.0))
    share = nodes.math("MULTIPLY_ADD", uneven, 0.3 * strength, 0.7 * strength)
    keeps = nodes.math("SUBTRACT", 1.0, share)

    def faded(base: Any) -> Any:
        # Mixed as the eye sees it: in linear light, a little of a light colour whitewashes a dark one.
        dull = nodes.add("HueSaturation", {"Saturation": keeps, "Color": base}).outputs["Color"]
        seen = nodes.mix(share, nodes.gamma(dull, 1 / 2.2), (*(c ** (1 / 2.2) for c in colour[:3]), 1.0))
        return nodes.gamma(seen, 2.2)

    nodes.replace(bsdf, "Base Color", faded)
    nodes.replace(bsdf, "Roughness", lambda base: nodes.lerp(share, base, 0.9))
    nodes.replace(bsdf, "Metallic", lambda base: nodes.lerp(share, base, 0.0))


def _stain(nodes: Nodes, bsdf: Any, place: Any, colour: Sequence[float], effect: Mapping[str, Any]) -> None:
    """Few irregular blotches with soft edges and a darker rim, where it dried last."""
    level = nodes.noise(place, 2.0)
    inside = nodes.smoothstep(STAIN_LEVEL, STAIN_LEVEL + STAIN_EDGE, level)
    middle = nodes.smoothstep(STAIN_LEVEL + STAIN_EDGE, STAIN_LEVEL + STAIN_RIM, level)
    density = nodes.math("MULTIPLY", inside, nodes.lerp(middle, 1.0, STAIN_MIDDLE))
    share = nodes.math("MULTIPLY", density, effect["strength"])
    nodes.replace(bsdf, "Base Color", lambda base: nodes.mix(share, base, colour))
    nodes.replace(bsdf, "Roughness", lambda base: nodes.lerp(share, base, 0.55))
    nodes.replace(bsdf, "Metallic", lambda base: nodes.lerp(share, base, 0.0))


def _scratch(nodes: Nodes, bsdf: Any, place: Any, colour: Sequence[float], effect: Mapping[str, Any]) -> None:
    """Thin straight scratches in all directions, rough and a little sunk."""
    normal = nodes.add("NewGeometry", {}).outputs["True Normal"]
    mask: Any = 0.0
    for number, layer in enumerate(SCRATCH_LAYERS):
        own = nodes.vector("ADD", nodes.scaled(place, 1 / layer), (17.0 * number,) * 3)
        mask = nodes.math("MAXIMUM", mask, _scratches(nodes, own, normal, effect["scale"] * layer))
    share = nodes.math("MULTIPLY", mask, effect["strength"])
    nodes.replace(bsdf, "Base Color", lambda base: nodes.mix(share, base, colour))
    nodes.replace(bsdf, "Roughness", lambda base: nodes.lerp(share, base, 0.75))
    nodes.replace(bsdf, "Metallic", lambda base: nodes.lerp(share, base, 0.0))
    inputs = {"Strength": 0.6, "Distance": SCRATCH_DEPTH, "Height": mask}

    def sunk(base: Any) -> Any:
        return nodes.add("Bump", {**inputs, "Normal": base}, invert=True).outputs["Normal"]

    nodes.replace(bsdf, "Normal", sunk)


def _scratches(nodes: Nodes, place: Any, normal: Any, scale: float) -> Any:
    """Share of scratch at ``place``, in units of ``scale``: one scratch in each Voronoi cell.

    A cell's scratch is where the surface meets a plane through the cell's point, whose direction the cell's random
    colour gives. The distance to the plane is divided by how steeply it meets the surface, so that all scratches are
    equally wide.
    """
    cell = nodes.add("TexVoronoi", {"Vector": place, "Scale": 1.0}, feature="F1")
    away = nodes.vector("SUBTRACT", place, cell.outputs["Position"])
    direction = nodes.vector("NORMALIZE", nodes.vector("SUBTRACT", cell.outputs["Color"], (0.5, 0.5, 0.5)))
    wiggle = nodes.math("MULTIPLY_ADD", nodes.noise(nodes.scaled(place, 2.0), 1.0), 0.15, -0.075)
    off_plane = nodes.math("ABSOLUTE", nodes.math("ADD", nodes.vector("DOT_PRODUCT", direction, away), wiggle))
    cosine = nodes.vector("DOT_PRODUCT", direction, normal)
    sine = nodes.math("SQRT", nodes.math("SUBTRACT", 1.0, nodes.math("MULTIPLY", cosine, cosine)))
    off_line = nodes.math("DIVIDE", off_plane, nodes.math("MAXIMUM", sine, MIN_SINE))
    half = SCRATCH_WIDTH / 2 / scale
    line = nodes.smoothstep(1.5 * half, 0.5 * half, off_line)
    fading = nodes.smoothstep(0.7, 0.3, nodes.vector("LENGTH", away))
    meets = nodes.math("GREATER_THAN", sine, MIN_SINE)
    return nodes.math("MULTIPLY", nodes.math("MULTIPLY", line, fading), meets)
