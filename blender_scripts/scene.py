"""The scene around the object: camera, world, six light set-ups, ground, render settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

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
#: Radius of the ground and the dome over it, in object radii. Without the dome the ground's rim would
#: leave specks at the horizon; at this distance the dome shows no shadow of its own.
GROUND_RADIUS = 100.0
#: Y-up world -> Blender's Z-up world.
TO_BLENDER = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
#: OpenCV camera (y down, z forward) -> Blender camera (y up, z backward).
FLIP_YZ = Matrix.Diagonal((1, -1, -1, 1))


class Scene:
    """One empty Blender scene with the fixtures that all images share."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self._settings = settings
        self._render_settings()
        self._camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self.scene.collection.objects.link(self._camera)
        self.scene.camera = self._camera
        self._light = self._add_light()
        self._ground = self._add_ground()
        self.scene.world = _world()

    def _render_settings(self) -> None:
        render, size = self.scene.render, self._settings["resolution"]
        render.engine = "CYCLES"
        render.resolution_x = render.resolution_y = size
        render.resolution_percentage = 100
        render.threads_mode, render.threads = "FIXED", self._settings["threads"]
        render.use_persistent_data = True
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGB"
        render.image_settings.color_depth = "8"
        render.image_settings.compression = 0
        render.dither_intensity = 0.0
        self.scene.view_settings.look = "None"
        cycles = self.scene.cycles
        cycles.seed = 0
        cycles.use_adaptive_sampling = False
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 2, 3
        cycles.use_light_tree = False  # there is one light
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.denoising_prefilter = "FAST"
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        if self._settings["device"] != "CPU":
            preferences = bpy.context.preferences.addons["cycles"].preferences
            preferences.compute_device_type = self._settings["device"]
            preferences.get_devices()
            for device in preferences.devices:
                device.use = device.type != "CPU"
            cycles.device = "GPU"

    def _add_light(self) -> Any:
        light = bpy.data.lights.new("light", "POINT")
        light.energy, light.shadow_soft_size = LIGHT_WATTS, LIGHT_RADIUS
        obj = bpy.data.objects.new("light", light)
        self.scene.collection.objects.link(obj)
        return obj

    def _add_ground(self) -> Any:
        """A sphere whose lower half is pressed flat: shadow catcher for every camera ray, unseen by all others."""
        bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=GROUND_RADIUS)
        ground = bpy.context.active_object
        for vertex in ground.data.vertices:
            vertex.co.z = max(vertex.co.z, 0.0)
        ground.is_shadow_catcher = True
        ground.visible_shadow = ground.visible_glossy = ground.visible_diffuse = False
        ground.visible_transmission = False
        return ground

    def set_camera(self, K: np.ndarray, world_to_camera: np.ndarray) -> None:
        """Pose and intrinsics of an OpenCV camera with square pixels."""
        size = self._settings["resolution"]
        data = self._camera.data
        data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
        data.lens = K[0, 0] * data.sensor_width / size
        data.shift_x = (size / 2 - K[0, 2]) / size
        data.shift_y = (K[1, 2] - size / 2) / size
        self._camera.matrix_world = TO_BLENDER @ Matrix(np.linalg.inv(world_to_camera).tolist()) @ FLIP_YZ

    def set_region(self, region: Sequence[int]) -> None:
        """Trace only the pixels [x0, x1) x [y0, y1) of ``region`` = (x0, y0, x1, y1); the rest stays black."""
        render, size = self.scene.render, self._settings["resolution"]
        x0, y0, x1, y1 = region
        render.use_border, render.use_crop_to_border = True, False
        render.border_min_x, render.border_max_x = x0 / size, x1 / size
        render.border_min_y, render.border_max_y = 1 - y1 / size, 1 - y0 / size

    def query_look(self, light: int, ground: float) -> None:
        """Path-traced and denoised, on white, with light set-up ``light`` and the ground at height ``ground``."""
        self._look(self._settings["samples"], "Standard", filter_width=1.5)
        self.scene.cycles.use_denoising = self._settings["denoise"] != "none"
        if self._settings["denoise"] != "none":
            self.scene.cycles.denoising_quality = self._settings["denoise"].upper()
        self._light.location = LIGHTS[light]
        self._light.hide_render = self._ground.hide_render = False
        self._ground.location = (0, 0, ground)

    def plain_look(self, override: Any, samples: int, exact: bool) -> None:
        """Only the object, in the emission material ``override``; ``exact`` samples pixel centres, raw values."""
        transform, width = ("Raw", 0.01) if exact else ("Standard", 1.0)
        self._look(samples, transform, width)
        self.scene.cycles.use_denoising = False
        self._light.hide_render = self._ground.hide_render = True
        bpy.context.view_layer.material_override = override

    def _look(self, samples: int, transform: str, filter_width: float) -> None:
        bpy.context.view_layer.material_override = None
        self.scene.cycles.samples = samples
        self.scene.view_settings.view_transform = transform
        self.scene.cycles.pixel_filter_type = "BOX" if filter_width < 1.5 else "BLACKMAN_HARRIS"
        self.scene.cycles.filter_width = filter_width


def _world() -> Any:
    """``BACKDROP`` to the camera, ``REFLECTED`` to mirrors, ``AMBIENT`` to everything else."""
    world = bpy.data.worlds.new("world")
    # As a light it is even. Sampling it would add noise, and make an image depend on those drawn before it.
    world.cycles.sampling_method = "NONE"
    world.use_nodes = True
    tree = world.node_tree
    background, path = tree.nodes["Background"], tree.nodes.new("ShaderNodeLightPath")
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    reflected = _mix(tree, path.outputs["Is Glossy Ray"], AMBIENT, _reflected(tree))
    strength = _mix(tree, path.outputs["Is Camera Ray"], reflected, BACKDROP)
    tree.links.new(strength, background.inputs["Strength"])
    return world


def _reflected(tree: Any) -> Any:
    """Socket with ``REFLECTED`` at the ray's elevation."""
    direction, split = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(direction.outputs["Generated"], split.inputs["Vector"])
    share, curve = tree.nodes.new("ShaderNodeMapRange"), tree.nodes.new("ShaderNodeFloatCurve")
    share.inputs["From Min"].default_value = -1.0
    tree.links.new(split.outputs["Z"], share.inputs["Value"])
    points = curve.mapping.curves[0].points
    for number, (sine, radiance) in enumerate(REFLECTED):
        location = ((sine + 1) / 2, radiance)
        point = points.new(*location) if 0 < number < len(REFLECTED) - 1 else points[min(number, len(points) - 1)]
        point.location = location
    curve.mapping.update()
    tree.links.new(share.outputs["Result"], curve.inputs["Value"])
    return curve.outputs["Value"]


def _mix(tree: Any, share: Any, first: Any, second: Any) -> Any:
    """Socket with ``first`` where ``share`` is 0, ``second`` where it is 1; both sockets or numbers."""
    node = tree.nodes.new("ShaderNodeMix")
    tree.links.new(share, node.inputs["Factor"])
    for name, value in (("A", first), ("B", second)):
        if isinstance(value, float):
            node.inputs[name].default_value = value
        else:
            tree.links.new(value, node.inputs[name])
    return node.outputs["Result"]
