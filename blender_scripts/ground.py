"""What the object stands on: paper that shows the backdrop with the object's shadow, or a floor.

The paper is a disc that only the camera sees, of such a colour that, lit by world and light, it is as bright as the
backdrop behind it; whatever stands on it takes light away, and that is its shadow. Other than a shadow catcher it
needs no second path a pixel and no second denoising, and where nothing is shaded it has no noise.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from blender_scripts.backdrops import BACKDROP, Backdrop
from blender_scripts.light import direct_nodes
from blender_scripts.nodes import Nodes

#: The shadow fades over the outer ``RIM`` of the disc (share of its radius), and over the outer ``BORDER`` of the
#: image (share of its size), which would cut it off.
RIM, BORDER = 0.25, 0.08
#: Radius of a floor in object radii, and the share of it over which it fades into the backdrop.
FLOOR_RADIUS, FLOOR_RIM = 24.0, 0.75
DISC_VERTICES = 64
WHITE = (1.0, 1.0, 1.0, 1.0)


def add_disc(scene: Any, name: str, radius: float = 1.0) -> Any:
    """A level disc without a material; its UVs are in object units."""
    angle = np.linspace(0, 2 * np.pi, DISC_VERTICES, endpoint=False)
    rim = radius * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(rim.tolist(), [], [list(range(DISC_VERTICES))])
    mesh.uv_layers.new().data.foreach_set("uv", rim[:, :2].astype(np.float32).ravel())
    mesh.materials.append(None)
    disc = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(disc)
    return disc


def hide_from_light(disc: Any) -> None:
    """Let the camera see it and nothing else."""
    disc.visible_shadow = disc.visible_glossy = disc.visible_diffuse = disc.visible_transmission = False


def white_paper() -> Any:
    """Paper before a white backdrop, still without its colour (``colour_white``)."""
    material, nodes = _material("paper")
    _fade_out(nodes, nodes.add("BsdfDiffuse", {}), nodes.add("Emission", {"Color": WHITE, "Strength": BACKDROP}))
    return material


def colour_white(material: Any, unshaded: np.ndarray) -> None:
    """Make white paper as bright as the backdrop; ``unshaded``: (3,) radiance that it would show if it were white."""
    paper = material.node_tree.nodes["Diffuse BSDF"]
    paper.inputs["Color"].default_value = (*(BACKDROP / unshaded).tolist(), 1.0)


def picture_paper(backdrop: Backdrop, level: np.ndarray, light: Vector) -> Any:
    """Paper that shows ``backdrop``; ``level``: (3,) what a white one would show by the world, lamp at ``light``.

    On a picture one sees what white hides: the lamp lights near paper more, so each point has a colour of its own.
    """
    material, nodes = _material("picture")
    view = nodes.scaled(nodes.add("NewGeometry", {}).outputs["Incoming"], -1.0)
    seen = backdrop.radiance(nodes, view)
    unshaded = nodes.vector("ADD", tuple(level.tolist()), direct_nodes(nodes, light))
    colour = nodes.vector("DIVIDE", seen, unshaded)
    _fade_out(nodes, nodes.add("BsdfDiffuse", {"Color": colour}), nodes.add("Emission", {"Color": seen}))
    return material


def clear() -> Any:
    """A material that light passes as if nothing were there."""
    material, nodes = _material("veil")
    nodes.add("OutputMaterial", {"Surface": nodes.add("BsdfTransparent", {}).outputs["BSDF"]})
    return material


def behind_veil(nodes: Nodes) -> Any:
    """Socket: 0 on paths that come from the camera or from the object, more on those from the paper.

    A clear disc over the paper counts as a transparent surface, and no other is between it and the object. Objects are
    black to such paths: else paper twice as white as white would glow in the object's colour. It saves their textures,
    too.
    """
    return nodes.add("LightPath", {}).outputs["Transparent Depth"]


def floor_of(material: Any) -> Any:
    """A copy of a material that turns clear toward the rim of a disc of ``FLOOR_RADIUS``."""
    floor = material.copy()
    tree = floor.node_tree
    nodes, output = Nodes(tree), tree.nodes["Material Output"].inputs["Surface"]
    share = nodes.smoothstep(0.0, FLOOR_RIM * FLOOR_RADIUS, _from_rim(nodes, FLOOR_RADIUS))
    beyond = nodes.add("BsdfTransparent", {}).outputs["BSDF"]
    mixed = nodes.add("MixShader", {0: share, 1: beyond, 2: output.links[0].from_socket})
    tree.links.new(mixed.outputs["Shader"], output)
    return floor


def _fade_out(nodes: Nodes, paper: Any, lamp: Any) -> None:
    """Paper that turns into a lamp as bright as the backdrop at the disc's rim and the image's border."""
    window = nodes.add("SeparateXYZ", {"Vector": nodes.add("TexCoord", {}).outputs["Window"]}).outputs
    borders = [window["X"], window["Y"], *(nodes.math("SUBTRACT", 1.0, window[axis]) for axis in "XY")]
    from_border = nodes.math("MINIMUM", nodes.math("MINIMUM", *borders[:2]), nodes.math("MINIMUM", *borders[2:]))
    in_disc, in_image = nodes.smoothstep(0.0, RIM, _from_rim(nodes, 1.0)), nodes.smoothstep(0.0, BORDER, from_border)
    share = nodes.math("MULTIPLY", in_disc, in_image)
    mixed = nodes.add("MixShader", {0: share, 1: lamp.outputs["Emission"], 2: paper.outputs["BSDF"]})
    nodes.add("OutputMaterial", {"Surface": mixed.outputs["Shader"]})


def _from_rim(nodes: Nodes, radius: float) -> Any:
    """Socket: distance from the rim of a disc, in its own units."""
    return nodes.math("SUBTRACT", radius, nodes.vector("LENGTH", nodes.add("TexCoord", {}).outputs["Object"]))


def _material(name: str) -> tuple[Any, Nodes]:
    """A material without nodes."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.node_tree.nodes.clear()
    return material, Nodes(material.node_tree)
