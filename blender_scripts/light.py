"""The one lamp of a scene, in six places."""

from __future__ import annotations

import math
from typing import Any

import bpy
from mathutils import Vector

from blender_scripts.nodes import Nodes

#: Light positions of the six set-ups in Blender's frame (front is -Y), at distance 5:
#: front, back, left, right, top, bottom.
LIGHTS = ((0, -5, 0), (0, 5, 0), (-5, 0, 0), (5, 0, 0), (0, 0, 5), (0, 0, -5))
#: Bright enough for dark leather; at twice the power a white seat under the top light drowned in white.
LIGHT_WATTS, LIGHT_RADIUS = 450.0, 1.2


def add_light(scene: Any) -> Any:
    """Add the lamp, not yet in its place."""
    light = bpy.data.lights.new("light", "POINT")
    light.energy, light.shadow_soft_size = LIGHT_WATTS, LIGHT_RADIUS
    obj = bpy.data.objects.new("light", light)
    scene.collection.objects.link(obj)
    return obj


def direct(light: Vector, place: Vector) -> float:
    """Radiance that a white, level, unshaded point at ``place`` shows by the lamp alone."""
    away = light - place
    return max(0.0, _white_radiance() * away.z / away.length**3)


def direct_nodes(nodes: Nodes, light: Vector) -> Any:
    """Socket: the same at the shaded point."""
    away = nodes.vector("SUBTRACT", tuple(light), nodes.add("NewGeometry", {}).outputs["Position"])
    height = nodes.add("SeparateXYZ", {"Vector": away}).outputs["Z"]
    cube = nodes.math("POWER", nodes.vector("LENGTH", away), 3.0)
    return nodes.math("MAXIMUM", nodes.math("MULTIPLY", nodes.math("DIVIDE", height, cube), _white_radiance()), 0.0)


def _white_radiance() -> float:
    """Radiance of a white surface that faces the lamp at distance 1."""
    intensity = LIGHT_WATTS / (4 * math.pi)  # of Blender's point light, watts a steradian
    return intensity / math.pi
