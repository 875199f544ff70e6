"""What is around the object: one of six lights, the world, the ground with the object's shadow.

The ground is a disc of paper that only the camera sees, so white that, lit by world and light, it is as bright as the
backdrop behind it; whatever stands on it takes light away, and that is its shadow. Other than a shadow catcher it
needs no second path a pixel and no second denoising, and where nothing is shaded it has no noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from blender_scripts.nodes import Nodes

#: Light positions of the six set-ups in Blender's frame (front is -Y), at distance 5:
#: front, back, left, right, top, bottom.
LIGHTS = ((0, -5, 0), (0, 5, 0), (-5, 0, 0), (5, 0, 0), (0, 0, 5), (0, 0, -5))
#: Bright enough for dark leather; at twice the power a white seat under the top light drowned in white.
LIGHT_WATTS, LIGHT_RADIUS = 450.0, 1.2
#: Radiance of the white world as a light, and as the camera sees it. Like a photographer's backdrop it is
#: overexposed, so that only true shadow is darker than white (measured: 1.0 greys the whole ground).
AMBIENT, BACKDROP = 0.6, 1.25
#: What mirrors see of it: sine of the elevation -> radiance. A bright floor and sky with a dark horizon between, as
#: photographers of chrome arrange it; in an evenly white world metal would look like grey paint.
REFLECTED = ((-1.0, 0.75), (-0.12, 0.7), (0.0, 0.12), (0.12, 0.16), (0.38, 0.85), (1.0, 1.0))
#: The shadow fades over the outer ``RIM`` of the disc (share of its radius), and over the outer ``BORDER`` of the
#: image (share of its size), which would cut it off.
RIM, BORDER = 0.25, 0.08
#: A clear disc lies so far above the paper (share of its radius): see ``behind_veil``.
VEIL_HEIGHT = 1e-4
DISC_VERTICES = 64


class Surroundings:
    """Light, world and ground of a scene; ``show`` before a query image, ``hide`` before a plain one."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._light = _add_light(scene)
        self._ground = _add_disc(scene, "ground", _paper())
        self._veil = _add_disc(scene, "veil", _clear())
        self._veil.parent, self._veil.location.z = self._ground, VEIL_HEIGHT
        scene.world = _world()

    def hide(self) -> None:
        """Leave the object alone with the world."""
        self._light.hide_render = self._ground.hide_render = self._veil.hide_render = True

    def show(self, light: int, ground: Mapping[str, Any]) -> None:
        """Light set-up ``light``; the disc under the object, ``ground`` being its height, centre (x, z) and radius
        in the job file's Y-up world. A camera below it looks through."""
        self._light.location = LIGHTS[light]
        x, z = ground["centre"]
        self._ground.location = (x, -z, ground["height"])
        self._ground.scale = (ground["radius"],) * 3
        below = self._scene.camera.matrix_world.translation.z <= ground["height"]
        self._light.hide_render, self._ground.hide_render, self._veil.hide_render = False, below, below
        unshaded = AMBIENT + _direct(self._light.location, self._ground.location)
        paper = self._ground.active_material.node_tree.nodes["Diffuse BSDF"]
        paper.inputs["Color"].default_value = (*(BACKDROP / unshaded,) * 3, 1.0)


def behind_veil(nodes: Nodes) -> Any:
    """Socket: 0 on paths that come from the camera or from the object, more on those from the ground.

    The clear disc over the paper counts as a transparent surface, and there is no other. Objects are black to such
    paths: else paper twice as white as white would glow in the object's colour. It saves their textures, too.
    """
    return nodes.add("LightPath", {}).outputs["Transparent Depth"]


def _direct(light: Vector, ground: Vector) -> float:
    """Radiance that a white, level, unshaded point shows by the light alone."""
    away = light - ground
    intensity = LIGHT_WATTS / (4 * math.pi)  # of Blender's point light, watts a steradian
    return max(0.0, intensity * away.z / away.length**3 / math.pi)


def _add_light(scene: Any) -> Any:
    light = bpy.data.lights.new("light", "POINT")
    light.energy, light.shadow_soft_size = LIGHT_WATTS, LIGHT_RADIUS
    obj = bpy.data.objects.new("light", light)
    scene.collection.objects.link(obj)
    return obj


def _add_disc(scene: Any, name: str, material: Any) -> Any:
    """A level unit disc, seen by the camera and by nothing else."""
    angle = np.linspace(0, 2 * np.pi, DISC_VERTICES, endpoint=False)
    rim = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=1)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(rim.tolist(), [], [list(range(DISC_VERTICES))])
    mesh.materials.append(material)
    disc = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(disc)
    disc.visible_shadow = disc.visible_glossy = disc.visible_diffuse = disc.visible_transmission = False
    return disc


def _paper() -> Any:
    """White paper that turns into a lamp as bright as the backdrop at the disc's rim and the image's border."""
    material, nodes = _material("paper")
    paper = nodes.add("BsdfDiffuse", {})
    lamp = nodes.add("Emission", {"Color": (1, 1, 1, 1), "Strength": BACKDROP})
    place = nodes.add("TexCoord", {}).outputs
    from_rim = nodes.math("SUBTRACT", 1.0, nodes.vector("LENGTH", place["Object"]))
    window = nodes.add("SeparateXYZ", {"Vector": place["Window"]}).outputs
    borders = [window["X"], window["Y"], *(nodes.math("SUBTRACT", 1.0, window[axis]) for axis in "XY")]
    from_border = nodes.math("MINIMUM", nodes.math("MINIMUM", *borders[:2]), nodes.math("MINIMUM", *borders[2:]))
    share = nodes.math("MULTIPLY", nodes.smoothstep(0.0, RIM, from_rim), nodes.smoothstep(0.0, BORDER, from_border))
    mixed = nodes.add("MixShader", {0: share, 1: lamp.outputs["Emission"], 2: paper.outputs["BSDF"]})
    nodes.add("OutputMaterial", {"Surface": mixed.outputs["Shader"]})
    return material


def _clear() -> Any:
    material, nodes = _material("veil")
    nodes.add("OutputMaterial", {"Surface": nodes.add("BsdfTransparent", {}).outputs["BSDF"]})
    return material


def _material(name: str) -> tuple[Any, Nodes]:
    """A material without nodes."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.node_tree.nodes.clear()
    return material, Nodes(material.node_tree)


def _world() -> Any:
    """``BACKDROP`` to the camera, ``REFLECTED`` to mirrors, ``AMBIENT`` to everything else."""
    world = bpy.data.worlds.new("world")
    # As a light it is even. Sampling it would add noise, and make an image depend on those drawn before it.
    world.cycles.sampling_method = "NONE"
    world.use_nodes = True
    nodes = Nodes(world.node_tree)
    background, path = world.node_tree.nodes["Background"], nodes.add("LightPath", {})
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    direction = nodes.add("SeparateXYZ", {"Vector": nodes.add("TexCoord", {}).outputs["Generated"]})
    lit = nodes.lerp(path.outputs["Is Glossy Ray"], AMBIENT, nodes.curve(direction.outputs["Z"], REFLECTED))
    strength = nodes.lerp(path.outputs["Is Camera Ray"], lit, BACKDROP)
    world.node_tree.links.new(strength, background.inputs["Strength"])
    return world
