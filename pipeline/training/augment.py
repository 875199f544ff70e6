"""Augmentation of query images: a crop enlarged to full size, a left-right flip, another light, another backdrop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int, Shaped, UInt8
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter, uniform_filter
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.functional import interpolate

from pipeline.format.cameras import Camera
from pipeline.training.config import Comparing

ATTEMPTS = 10  # crops drawn before the image is left whole
MIN_KEPT = 0.5  # share of an anomaly's pixels that a crop must keep; less would falsify the label

Mask = UInt8[np.ndarray, "height width"]


@dataclass(frozen=True)
class Window:
    """The part of an image that is kept, in pixels [x0, x0 + width) x [y0, y0 + height), then flipped or not."""

    x0: int
    y0: int
    width: int
    height: int
    flip: bool = False

    def cut(self, mask: Mask) -> UInt8[np.ndarray, "{self.height} {self.width}"]:
        """The kept part of a mask, as it is; a view."""
        return mask[self.y0 : self.y0 + self.height, self.x0 : self.x0 + self.width]

    def apply(
        self, image: Shaped[Tensor, "channel height width"], mode: Literal["bilinear", "nearest-exact"]
    ) -> Shaped[Tensor, "channel height width"]:
        """Cut an image, enlarge it to its size again and flip it; masks take the nearest pixel."""
        kept = image[:, self.y0 : self.y0 + self.height, self.x0 : self.x0 + self.width]
        if kept.shape != image.shape:
            kept = interpolate(kept[None], image.shape[1:], mode=mode)[0]
        return (kept.flip(2) if self.flip else kept).contiguous()

    def source(self, pixels: Float64[np.ndarray, "point 2"], size: tuple[int, int]) -> Float64[np.ndarray, "point 2"]:
        """Where pixels (x, y) of the result came from in the (height, width) image.

        >>> Window(8, 0, 16, 32, flip=True).source(np.array([[0.0, 4.0]]), (32, 32)).tolist()
        [[24.0, 4.0]]
        """
        height, width = size
        x = width - pixels[:, 0] if self.flip else pixels[:, 0]
        return np.column_stack([self.x0 + x * self.width / width, self.y0 + pixels[:, 1] * self.height / height])

    def box(self, mask: Mask) -> Float64[np.ndarray, " 4"]:
        """[x, y, w, h] around the pixels of a mask, where they lie after ``apply``; zeros if none are left.

        >>> Window(0, 0, 2, 2).box(np.array([[255, 0, 0, 0], [0, 0, 0, 255]] * 2, dtype=np.uint8)).tolist()
        [0.0, 0.0, 2.0, 2.0]
        """
        height, width = mask.shape
        left, top, right, bottom = Image.fromarray(np.ascontiguousarray(self.cut(mask))).getbbox() or (0, 0, 0, 0)
        if self.flip and right:
            left, right = self.width - right, self.width - left
        scale = np.array([width / self.width, height / self.height])
        return np.concatenate([(left, top) * scale, (right - left, bottom - top) * scale])


def whole(size: tuple[int, int]) -> Window:
    """The window that leaves a (height, width) image as it is."""
    return Window(0, 0, size[1], size[0])


def draw_window(
    generator: np.random.Generator, size: tuple[int, int], evidence: Sequence[Mask], crop_share: float, flip: bool
) -> Window:
    """Draw a crop of ``crop_share`` of each edge and, if ``flip``, a flip with probability 1/2.

    ``evidence``: masks of what tells the anomaly, zeros elsewhere. A crop that would cut away most of any of
    them is drawn again, at most ATTEMPTS times, and then given up, so that every sample stays, with a true label.
    """
    height, width = size
    crop_width, crop_height = max(1, round(width * crop_share)), max(1, round(height * crop_share))
    flipped = flip and bool(generator.random() < 0.5)
    for _ in range(ATTEMPTS):
        x0 = int(generator.integers(width - crop_width + 1))
        y0 = int(generator.integers(height - crop_height + 1))
        window = Window(x0, y0, crop_width, crop_height, flipped)
        if all(np.count_nonzero(window.cut(mask)) >= MIN_KEPT * np.count_nonzero(mask) for mask in evidence):
            return window
    return Window(0, 0, width, height, flipped)


def jittered(image: UInt8[Tensor, "3 height width"], generator: np.random.Generator) -> UInt8[Tensor, "3 height width"]:
    """Contrast times 0.8 to 1.2, and up to a fifth of white more or less, white and black being the limits.

    >>> jittered(torch.tensor([0, 100, 255], dtype=torch.uint8).view(3, 1, 1), np.random.default_rng(0)).flatten()
    tensor([  0,  82, 245], dtype=torch.uint8)
    """
    contrast, brightness = generator.uniform(-0.2, 0.2, 2)
    return ((1 + contrast) * image + 255 * brightness).round().clamp(0, 255).to(torch.uint8)


def before_backdrop(
    image: UInt8[np.ndarray, "height width 3"], object_mask: Mask, generator: np.random.Generator
) -> UInt8[np.ndarray, "height width 3"]:
    """The object before a random backdrop in place of white, under the shadow that it throws.

    Along the outline pixels are mixed of object and white, which no photograph has, and by which alone the object
    would be found. They are mixed anew: of the nearest colour that is the object's alone (its own, where the object is
    thinner than three pixels) and of the backdrop in the nearest light that is none of the object's.
    """
    inside = object_mask > 0
    core = uniform_filter(inside.astype(np.float32), 3) > 0.99
    own = image.astype(np.float32)
    near = binary_dilation(core, iterations=2) & inside
    if core.any():
        own = np.where(near[..., None], own[_nearest(core)], own)
    beside = binary_dilation(inside, np.ones((3, 3), dtype=bool), iterations=2)
    light = (image if beside.all() else image[_nearest(~beside)]) / np.float32(255)
    cover = gaussian_filter(inside.astype(np.float32), generator.uniform(0.4, 0.7))[..., None]
    cover = np.where(near[..., None] | ~inside[..., None], cover, np.maximum(cover, 0.7))  # or thin legs would fade
    around = own if not inside.any() else own[_nearest(inside)]
    mixed = cover * around + (1 - cover) * 255 * light * _backdrop(object_mask.shape, generator)
    before: UInt8[np.ndarray, "height width 3"] = mixed.round().clip(0, 255).astype(np.uint8)
    return before


def _nearest(there: Bool[np.ndarray, "height width"]) -> tuple[Int[np.ndarray, "height width"], ...]:
    """Row and column of the nearest pixel that is there, of every pixel."""
    rows, columns = distance_transform_edt(~there, return_distances=False, return_indices=True)
    return rows, columns


def _backdrop(size: tuple[int, ...], generator: np.random.Generator) -> Float32[np.ndarray, "height width 3"]:
    """A wall, and half of the times a floor below it, each with a pattern of its own; values 0 to 1."""
    wall = _pattern(size, generator)
    if generator.random() < 0.5:
        return wall
    rows, columns = np.mgrid[: size[0], : size[1]] / np.array(size).reshape(2, 1, 1)
    is_floor = rows > generator.uniform(0.2, 0.9) + generator.normal(0, 0.2) * (columns - 0.5)
    return np.where(is_floor[..., None], _pattern(size, generator), wall)


def _pattern(size: tuple[int, ...], generator: np.random.Generator) -> Float32[np.ndarray, "height width 3"]:
    """Two colours mixed by waves or by noise, more or less sharp: stripes, checks, gradients, veneer."""
    values = _waves(size, generator) if generator.random() < 0.3 else _noise(size, generator)
    share = 1 / (1 + np.exp(-values / values.std() * np.exp(generator.uniform(-1, 2))))[..., None]
    greys, tints = generator.uniform(0.05, 1, (2, 1)), generator.normal(0, 0.12, (2, 3))
    first, second = np.clip(greys + tints, 0, 1)
    return (first + share * (second - first)).astype(np.float32)


def _waves(size: tuple[int, ...], generator: np.random.Generator) -> Float64[np.ndarray, "height width"]:
    """In one direction, or in two across each other."""
    rows, columns = np.mgrid[: size[0], : size[1]] / max(size)
    angle, frequency, phases = generator.uniform(0, np.pi), generator.uniform(3, 25), generator.uniform(0, 2 * np.pi, 2)
    along, across = rows * np.cos(angle) + columns * np.sin(angle), columns * np.cos(angle) - rows * np.sin(angle)
    one, other = (np.sin(2 * np.pi * frequency * x + p) for x, p in zip((along, across), phases, strict=True))
    waves: Float64[np.ndarray, "height width"] = one + other * generator.integers(2)
    return waves


def _noise(size: tuple[int, ...], generator: np.random.Generator) -> Float64[np.ndarray, "height width"]:
    """Of several scales, stretched."""
    stretch = np.exp(generator.normal(0, 0.8))
    fading = generator.uniform(0.3, 1.0)
    noise = torch.zeros(1, 1, *size, dtype=torch.float64)
    for octave in range(6):
        finest = [round(2 ** (octave + 1) * by) for by in (stretch, 1 / stretch)]
        grid = [max(2, min(edge, number)) for edge, number in zip(size, finest, strict=True)]
        values = torch.from_numpy(generator.normal(size=(1, 1, *grid)))
        noise += fading**octave * interpolate(values, size, mode="bilinear", align_corners=True)
    mixed: Float64[np.ndarray, "height width"] = noise[0, 0].numpy()
    return mixed


def jittered_camera(camera: Camera, config: Comparing, generator: np.random.Generator) -> Camera:
    """A camera about as far off as one that was found: turned about the object, shifted, and nearer or further."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(generator.normal(0.0, config.jitter_degrees, 3), degrees=True).as_matrix()
    K = camera.K.copy()
    K[:2, :2] *= np.exp(generator.normal(0.0, config.jitter_scale))
    K[:2, 2] += generator.normal(0.0, config.jitter_shift * camera.resolution, 2)
    return Camera(K, camera.world_to_camera @ turn, camera.resolution)
