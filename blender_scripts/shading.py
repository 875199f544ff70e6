"""Materials: SVBRDFs for query images, a noise-free grayscale for reference views, part ids as colours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from blender_scripts import effects
from blender_scripts.ground import behind_veil
from blender_scripts.nodes import Nodes
from blender_scripts.pigments import mean_colour

#: Reference views: grey of a surface seen edge-on and face-on, and the headlight's direction in the
#: camera's frame (x right, y up, z toward the viewer): a little above and to the left of the lens.
REFERENCE_EDGE, REFERENCE_FACE = 0.06, 0.62
HEADLIGHT = (-0.28, 0.42, 0.86)


def svbrdf(name: str, maps: Mapping[str, Any], effect: Mapping[str, Any] | None = None) -> Any:
    """Principled BSDF from maps; UVs are in object units, ``tile_size`` object units a tile.

    ``effect`` (see ``effects.apply``) changes what the maps give. Raises FileNotFoundError for a missing
    map and ValueError for an unreadable one: Blender itself would render magenta.
    """
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    bsdf = tree.nodes["Principled BSDF"]
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = (1.0 / maps["tile_size"],) * 3
    tree.links.new(coordinates.outputs["UV"], mapping.inputs["Vector"])

    def texture(kind: str, colour_space: str) -> Any:
        path = Path(maps[kind])
        if not path.is_file():
            raise FileNotFoundError(f"material {name}: its {kind} map {path} is missing")
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(path), check_existing=True)
        if 0 in node.image.size:
            raise ValueError(
                f"material {name}: its {kind} map {path} cannot be read as an image; move it away and run again, "
                "which makes it anew"
            )
        node.image.colorspace_settings.name = colour_space
        tree.links.new(mapping.outputs["Vector"], node.inputs["Vector"])
        return node.outputs["Color"]

    tree.links.new(texture("base_color", "sRGB"), bsdf.inputs["Base Color"])
    tree.links.new(texture("roughness", "Non-Color"), bsdf.inputs["Roughness"])
    tree.links.new(texture("metallic", "Non-Color"), bsdf.inputs["Metallic"])
    normal = tree.nodes.new("ShaderNodeNormalMap")
    normal.inputs["Strength"].default_value = maps["finish"]["normal_strength"]
    tree.links.new(texture("normal", "Non-Color"), normal.inputs["Color"])
    tree.links.new(normal.outputs["Normal"], bsdf.inputs["Normal"])
    if effect is not None:
        effects.apply(tree, bsdf, effect, mean_colour(Path(maps["base_color"])))
    _finish(tree, bsdf, maps["finish"])
    return material


def _finish(tree: Any, bsdf: Any, finish: Mapping[str, float]) -> None:
    """Coat, sheen and translucency, as ``materials.material.Finish`` defines them."""
    bsdf.inputs["Coat Weight"].default_value = finish["coat"]
    bsdf.inputs["Coat Roughness"].default_value = finish["coat_roughness"]
    bsdf.inputs["Sheen Weight"].default_value = finish["sheen"]
    nodes, surface = Nodes(tree), bsdf.outputs["BSDF"]
    if finish["translucency"]:
        colour = bsdf.inputs["Base Color"].links[0].from_socket
        through = nodes.add("BsdfTranslucent", {"Color": colour}).outputs["BSDF"]
        surface = nodes.add("MixShader", {0: finish["translucency"], 1: surface, 2: through}).outputs["Shader"]
    surface = nodes.add("MixShader", {0: behind_veil(nodes), 1: surface}).outputs["Shader"]
    tree.links.new(surface, tree.nodes["Material Output"].inputs["Surface"])


def reference() -> Any:
    """Emission that depends on the surface's direction only: no light to sample, so no noise."""
    material, tree, emission = _emission("reference")
    geometry = tree.nodes.new("ShaderNodeNewGeometry")
    to_camera = tree.nodes.new("ShaderNodeVectorTransform")
    to_camera.vector_type, to_camera.convert_from, to_camera.convert_to = "NORMAL", "WORLD", "CAMERA"
    tree.links.new(geometry.outputs["Normal"], to_camera.inputs["Vector"])
    facing = tree.nodes.new("ShaderNodeVectorMath")
    facing.operation = "DOT_PRODUCT"
    # Cycles' shader camera space looks along +z, so "toward the viewer" is -z there.
    facing.inputs[1].default_value = (HEADLIGHT[0], HEADLIGHT[1], -HEADLIGHT[2])
    tree.links.new(to_camera.outputs["Vector"], facing.inputs[0])
    grey = tree.nodes.new("ShaderNodeMapRange")
    grey.inputs["To Min"].default_value, grey.inputs["To Max"].default_value = REFERENCE_EDGE, REFERENCE_FACE
    tree.links.new(facing.outputs["Value"], grey.inputs["Value"])
    tree.links.new(grey.outputs["Result"], emission.inputs["Color"])
    return material


def index() -> Any:
    """Emission of the object's colour, which holds its part id (see ``scene.show_variant``)."""
    material, tree, emission = _emission("index")
    info = tree.nodes.new("ShaderNodeObjectInfo")
    tree.links.new(info.outputs["Color"], emission.inputs["Color"])
    return material


def _emission(name: str) -> tuple[Any, Any, Any]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    emission = tree.nodes.new("ShaderNodeEmission")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material, tree, emission
