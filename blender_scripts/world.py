"""Where light comes from in all directions, and what the camera sees there."""

from __future__ import annotations

from typing import Any

import bpy

from blender_scripts.backdrops import AMBIENT, Backdrop, Environment
from blender_scripts.nodes import Nodes

#: What mirrors see of the white world: sine of the elevation -> radiance. A bright floor and sky with a dark horizon
#: between, as photographers of chrome arrange it; in an evenly white world metal would look like grey paint.
REFLECTED = ((-1.0, 0.75), (-0.12, 0.7), (0.0, 0.12), (0.12, 0.16), (0.38, 0.85), (1.0, 1.0))


def make_world(light: Environment | None, backdrop: Backdrop) -> Any:
    """``backdrop`` to the camera, ``light`` to everything else: without one, ``REFLECTED`` to mirrors and ``AMBIENT``
    to the rest."""
    world = bpy.data.worlds.new("world")
    # As a light the white one is even. Sampling it would add noise, and make an image depend on those drawn before it.
    world.cycles.sampling_method = "NONE" if light is None else "AUTOMATIC"
    world.use_nodes = True
    nodes = Nodes(world.node_tree)
    path, direction = nodes.add("LightPath", {}).outputs, nodes.add("TexCoord", {}).outputs["Generated"]
    lit = _studio(nodes, path, direction) if light is None else light.radiance(nodes, direction)
    seen = nodes.mix(path["Is Camera Ray"], lit, backdrop.radiance(nodes, direction))
    world.node_tree.links.new(seen, world.node_tree.nodes["Background"].inputs["Color"])
    return world


def _studio(nodes: Nodes, path: Any, direction: Any) -> Any:
    height = nodes.add("SeparateXYZ", {"Vector": direction}).outputs["Z"]
    return nodes.lerp(path["Is Glossy Ray"], AMBIENT, nodes.curve(height, REFLECTED))
