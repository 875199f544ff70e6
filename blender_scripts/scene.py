"""The scene: camera, traced region, render settings, and the looks of query and plain images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from blender_scripts import devices
from blender_scripts.surroundings import Studio

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
        self.surroundings = Studio(self.scene, settings["resolution"])

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
        if self._settings["device"] != devices.CPU:
            devices.enable(self.scene, self._settings["device"])

    def set_camera(self, K: np.ndarray, world_to_camera: np.ndarray) -> None:
        """Pose and intrinsics of an OpenCV camera with square pixels."""
        size = self._settings["resolution"]
        data = self._camera.data
        data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
        data.lens = K[0, 0] * data.sensor_width / size
        data.shift_x = (size / 2 - K[0, 2]) / size
        data.shift_y = (K[1, 2] - size / 2) / size
        self._camera.matrix_world = TO_BLENDER @ Matrix(np.linalg.inv(world_to_camera).tolist()) @ FLIP_YZ

    @property
    def toward_camera(self) -> Vector:
        """Unit vector from the world's origin to the camera."""
        return self._camera.matrix_world.translation.normalized()

    def set_region(self, region: Sequence[int]) -> None:
        """Trace only the pixels [x0, x1) x [y0, y1) of ``region`` = (x0, y0, x1, y1); the rest stays black."""
        render, size = self.scene.render, self._settings["resolution"]
        x0, y0, x1, y1 = region
        render.use_border, render.use_crop_to_border = True, False
        render.border_min_x, render.border_max_x = x0 / size, x1 / size
        render.border_min_y, render.border_max_y = 1 - y1 / size, 1 - y0 / size

    def save(self, path: Path) -> None:
        """Keep the scene as it was last drawn in a .blend file of its own, with all that it needs."""
        for obj in self.scene.objects:
            obj.hide_viewport = obj.hide_render
        bpy.ops.file.pack_all()
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True)
        for obj in self.scene.objects:
            obj.hide_viewport = False

    def query_look(
        self, samples: int, light: int, ground: Mapping[str, Any], given: Mapping[str, Any], floor: Any
    ) -> None:
        """Path-traced and denoised, in light and surroundings as ``Studio.show`` has them; the camera is set."""
        self._look(samples, "Standard", filter_width=1.5)
        self.scene.cycles.use_denoising = self._settings["denoise"] != "none"
        if self._settings["denoise"] != "none":
            self.scene.cycles.denoising_quality = self._settings["denoise"].upper()
        self.surroundings.show(light, ground, given, floor)

    def plain_look(self, override: Any, samples: int, exact: bool) -> None:
        """Only the object, in the emission material ``override``; ``exact`` samples pixel centres, raw values."""
        transform, width = ("Raw", 0.01) if exact else ("Standard", 1.0)
        self._look(samples, transform, width)
        self.scene.cycles.use_denoising = False
        self.surroundings.hide()
        bpy.context.view_layer.material_override = override

    def _look(self, samples: int, transform: str, filter_width: float) -> None:
        bpy.context.view_layer.material_override = None
        self.scene.cycles.samples = samples
        self.scene.view_settings.view_transform = transform
        self.scene.cycles.pixel_filter_type = "BOX" if filter_width < 1.5 else "BLACKMAN_HARRIS"
        self.scene.cycles.filter_width = filter_width
