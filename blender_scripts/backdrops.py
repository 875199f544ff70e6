"""What the camera sees past the object: white, an environment, a photograph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import bpy
import numpy as np
from PIL import Image, ImageOps

from blender_scripts.nodes import Nodes
from blender_scripts.radiance import level_radiance, mean_radiance
from materials.color import to_linear
from pipeline.images import as_seen, read_image

#: Radiance of the white world as a light, and as the camera sees it. Like a photographer's backdrop it is
#: overexposed, so that only true shadow is darker than white (measured: 1.0 greys the whole ground).
AMBIENT, BACKDROP = 0.6, 1.25
#: Light on level ground is taken to be at least this share of an environment's mean.
LEAST_LEVEL = 0.01


class Backdrop(Protocol):
    """What the camera sees behind the object."""

    def radiance(self, nodes: Nodes, direction: Any) -> Any:
        """Socket: what is seen along the socket ``direction``, which points away from the camera."""


class White:
    """A photographer's backdrop, in an even white world."""

    def radiance(self, nodes: Nodes, direction: Any) -> Any:
        return nodes.scaled((1.0, 1.0, 1.0), BACKDROP)


@dataclass(frozen=True)
class Environment:
    """An equirectangular image around the scene, its mean radiance scaled to ``AMBIENT``.

    level: (3,) radiance of a white, level, unshaded surface in its light; turn: degrees about the vertical.
    """

    image: Any
    scale: float
    level: np.ndarray
    turn: float = 0.0

    def radiance(self, nodes: Nodes, direction: Any) -> Any:
        inputs = {"Vector": direction, "Angle": math.radians(self.turn)}
        turned = nodes.add("VectorRotate", inputs, rotation_type="Z_AXIS").outputs["Vector"]
        colour = nodes.add("TexEnvironment", {"Vector": turned}, image=self.image).outputs["Color"]
        return nodes.scaled(colour, self.scale)


@dataclass(frozen=True)
class Photograph:
    """A square picture that fills the camera's image."""

    image: Any

    def radiance(self, nodes: Nodes, direction: Any) -> Any:
        window = nodes.add("TexCoord", {}).outputs["Window"]
        return nodes.add("TexImage", {"Vector": window}, image=self.image, extension="EXTEND").outputs["Color"]


def load_environment(file: str) -> Environment:
    """Raises ValueError naming a file that is no image or has no light in it."""
    try:
        image = bpy.data.images.load(file)
    except RuntimeError as error:
        raise ValueError(f"environment {file} cannot be read: {error}") from error
    if not len(image.pixels):
        raise ValueError(f"environment {file} cannot be read as an image of one layer")
    pixels = _linear_pixels(image)
    mean = mean_radiance(pixels)
    if not (math.isfinite(mean) and mean > 0):
        raise ValueError(f"environment {file}: its mean radiance is {mean:g}; a light has some, and finite")
    # Where the sky is black in a channel, paper as bright as the backdrop would need an infinite colour.
    level = np.maximum(level_radiance(pixels) / mean, LEAST_LEVEL)
    return Environment(image, AMBIENT / mean, AMBIENT * level)


def load_photograph(file: str, size: int) -> Photograph:
    """The middle square of a picture, upright, in ``size`` pixels (Cycles would not filter finer ones).

    White where it is transparent. Raises UnitRejected as ``read_image`` does.
    """
    upright = Image.fromarray(as_seen(read_image(Path(file), "background"), ground=255))
    square = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    pixels = np.ones((size, size, 4), dtype=np.float32)
    pixels[..., :3] = np.asarray(square, dtype=np.float32)[::-1] / 255
    image = bpy.data.images.new(file, size, size)
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    return Photograph(image)


def _linear_pixels(image: Any) -> np.ndarray:
    """(H, W, 3) linear RGB, row 0 on top; no light comes from where it is transparent."""
    width, height = image.size
    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(height, width, -1)[::-1]
    colours = pixels[..., :3]
    # Blender gives images of 8 bits as they are stored, all others linear.
    linear = colours if image.is_float else to_linear(np.round(colours * 255).astype(np.uint8))
    # Of EXR alpha is in the colours already.
    return linear * pixels[..., 3:] if image.alpha_mode == "STRAIGHT" and image.channels == 4 else linear
