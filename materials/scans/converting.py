"""From the maps of a set, as they were drawn, to one tile of the metallic-roughness model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from materials.color import FloatMap, to_linear
from materials.maps import Texels, slopes
from materials.material import WornClass
from materials.scans.classes import DEFAULTS
from materials.scans.naming import NORMALS, MapKind
from pipeline.errors import UnitRejected
from pipeline.images import Picture, Pixels

#: Larger maps are averaged down to this many pixels before anything else.
MAX_WORKING_SIZE = 2048
#: Share of a map of ambient occlusion that darkens the base colour: the renderer makes the rest itself.
OCCLUSION_SHARE = 0.3
#: What a height map spans from black to white, in tile edges, where no normal map says how steep it is ...
RELIEF = 0.02
#: ... and the root mean square of the slopes that this may give at most; a fine pattern gets less relief.
MAX_MEAN_SLOPE = 0.3
#: No slope of a normal map is steeper (72 degrees): what is drawn steeper is a fault of the map.
MAX_SLOPE = 3.0
#: Classes of which a bright specular colour can mean metal; in scans of the others it is a fault of the fit.
METALLIC_CLASSES: frozenset[WornClass] = frozenset({"metal", "plastic"})
#: Metallic rises from 0 to 1 while the specular colour rises over the first, and its share in the light that the
#: surface sends back over the second range: no dielectric reflects 0.3, and no metal is diffuse.
SPECULAR_RANGE, SPECULAR_SHARE_RANGE = (0.1, 0.3), (0.5, 0.8)
#: Wood whose colour varies so many times more along v than along u is turned.
GRAIN_CONTRAST = 1.2
#: What maps that hold several have in R, G and B; of two that hold the same the first decides.
PACKED: Mapping[MapKind, tuple[MapKind | None, ...]] = {
    "packed": ("occlusion", "roughness", "metallic"),
    "metallic_roughness": (None, "roughness", "metallic"),
}
#: Width to height that two maps of a set may differ by.
_ASPECT_TOLERANCE = 0.02

Layers = Mapping[MapKind, Picture]
_Channel = NDArray[np.float32]


def convert(layers: Layers, material_class: WornClass, directx: bool, size: int) -> Texels:
    """One tile of ``size`` pixels or a power of two times as many.

    ``layers`` has a base colour, at most one kind of normal map, and anything else; ``directx``: its green points
    down. UnitRejected names the file that does not fit.
    """
    _check_aspects(layers)
    work = max(size, min(max(_power_of_two_below(min(p.sides)) for p in layers.values()), MAX_WORKING_SIZE))
    layers = _unpacked(layers)
    color, metallic = _color_and_metallic(layers, material_class, work)
    height, slope = _relief(layers, directx, work)
    tile = Texels(color, _roughness(layers, material_class, work), metallic, height, slope)
    return tile.turned() if material_class == "wood" and _grain_runs_along_u(color) else tile


def _grain_runs_along_u(color: FloatMap) -> bool:
    """Whether a wood's colour (n, n, 3) varies clearly less along u than along v, along which grain has to run."""
    along_u, along_v = (float(np.abs(color - np.roll(color, 1, axis)).mean()) for axis in (1, 0))
    return along_v > GRAIN_CONTRAST * along_u


def split_strip(picture: Picture) -> dict[MapKind, Picture]:
    """The maps of a strip of square tiles: (photo,) normal, diffuse, roughness, specular."""
    width, height = picture.sides
    tiles = width // height
    if tiles not in (4, 5) or width % height:
        raise UnitRejected(
            "not-a-strip",
            f"{picture.path} is {width} x {height}: its name tells no map, and it is no strip of 4 or 5 squares; "
            "name the maps of a set like <set>_basecolor.png, <set>_roughness.png, <set>_normal.png",
        )
    kinds: tuple[MapKind, ...] = ("normal", "base_color", "roughness", "specular")
    parts = np.split(picture.pixels, tiles, axis=1)[-len(kinds) :]
    return {kind: Picture(picture.path, part) for kind, part in zip(kinds, parts, strict=True)}


def _check_aspects(layers: Layers) -> None:
    width, height = layers["base_color"].sides
    for picture in layers.values():
        other_width, other_height = picture.sides
        if abs(other_width * height / (other_height * width) - 1) > _ASPECT_TOLERANCE:
            raise UnitRejected(
                "maps-differ-in-shape",
                f"{picture.path} is {other_width} x {other_height}, but the base colour {width} x {height}; "
                "the maps of a set must cover the same area",
            )


def _unpacked(layers: Layers) -> Layers:
    """What is packed into channels as maps of their own; files of their own go before."""
    layers = dict(layers)
    if {"occlusion", "metallic_roughness"} <= layers.keys():  # glTF's are one image, or might be: occlusion is its red
        layers["occlusion"] = replace(layers["occlusion"], pixels=layers["occlusion"].pixels[..., :1])
    for packed, kinds in PACKED.items():
        if packed in layers:
            layers = _channels(layers[packed], kinds) | layers
    if "specular_gloss" in layers:
        layers = _specular_and_gloss(layers["specular_gloss"]) | layers
    return layers


def _specular_and_gloss(picture: Picture) -> dict[MapKind, Picture]:
    alpha = np.full(picture.pixels.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return {"specular": picture, "gloss": Picture(picture.path, alpha[..., None])}


def _channels(picture: Picture, kinds: Sequence[MapKind | None]) -> dict[MapKind, Picture]:
    if picture.pixels.shape[2] != 3:
        names = ", ".join(f"{kind} in {channel}" for channel, kind in zip("RGB", kinds, strict=True) if kind)
        raise UnitRejected(
            "packed-map-is-grey", f"{picture.path} is grey, but its name says {names}: rename or remove it"
        )
    pixels = picture.pixels
    return {kind: Picture(picture.path, pixels[..., i : i + 1]) for i, kind in enumerate(kinds) if kind}


def _color_and_metallic(layers: Layers, material_class: WornClass, size: int) -> tuple[FloatMap, FloatMap]:
    color = _color(layers["base_color"], size)
    if "metallic" in layers:
        metallic = _value(layers["metallic"], size)
    elif "specular" in layers:
        specular = _color(layers["specular"], size)
        metallic = _metallic_by_specular(color, specular) * (material_class in METALLIC_CLASSES)
        color = color + (specular - color) * metallic[..., None]
    else:
        metallic = np.full((size, size), DEFAULTS[material_class].metallic)
    if "occlusion" in layers:
        color = color * (1 - OCCLUSION_SHARE * (1 - _value(layers["occlusion"], size)))[..., None]
    return color, metallic


def _metallic_by_specular(diffuse: FloatMap, specular: FloatMap) -> FloatMap:
    """(n, n) of linear (n, n, 3) colours: a metal's reflectance is high, at least in one channel, and not diffuse."""
    bright, rest = specular.max(axis=-1), diffuse.max(axis=-1)
    return _ramp(bright, *SPECULAR_RANGE) * _ramp(bright / np.maximum(bright + rest, 1e-6), *SPECULAR_SHARE_RANGE)


def _roughness(layers: Layers, material_class: WornClass, size: int) -> FloatMap:
    """Averaged as the square of alpha, as ``Texels.reduced`` does."""
    if "roughness" in layers:
        squared_alpha = _plane(layers["roughness"]) ** 4
    elif "gloss" in layers:
        squared_alpha = (1 - _plane(layers["gloss"])) ** 4
    elif "alpha" in layers:
        squared_alpha = _plane(layers["alpha"]) ** 2
    else:
        return np.full((size, size), DEFAULTS[material_class].roughness)
    return _resized(squared_alpha, size) ** 0.25


def _relief(layers: Layers, directx: bool, size: int) -> tuple[FloatMap, FloatMap]:
    """(n, n) height and (n, n, 2) slopes."""
    height = _value(layers["height"], size) * RELIEF if "height" in layers else np.zeros((size, size))
    normal = next((layers[kind] for kind in NORMALS if kind in layers), None)
    if normal is not None:
        return height, _slopes_of_normals(normal, directx, size)
    slope = slopes(height)
    factor = MAX_MEAN_SLOPE / max(float(np.sqrt((slope**2).sum(axis=-1).mean())), MAX_MEAN_SLOPE)
    return height * factor, slope * factor


def _slopes_of_normals(picture: Picture, directx: bool, size: int) -> FloatMap:
    """(n, n, 2); blue is not used, as some maps lack it. A tile as a whole lies flat: the mean slope is taken out."""
    pixels = _square(picture.pixels)
    if pixels.shape[2] != 3 or (pixels[..., 0] == pixels[..., 2]).mean() > 0.9:
        raise UnitRejected(
            "normal-map-is-grey",
            f"{picture.path} is grey, so it holds no normals; if it is a height map, name it <set>_height",
        )
    x, y = (_linear_ramp(pixels)[pixels[..., i]] * 2 - 1 for i in (0, 1))
    steepness = 1 / np.sqrt(np.maximum(1 - x**2 - y**2, 1e-4))
    parts = (x * -steepness, y * (steepness if directx else -steepness))
    slope = np.stack([_resized(part.clip(-MAX_SLOPE, MAX_SLOPE), size) for part in parts], axis=-1)
    return slope - slope.mean(axis=(0, 1))


def _color(picture: Picture, size: int) -> FloatMap:
    """(size, size, 3) linear RGB of an sRGB image, grey or not."""
    pixels = _square(picture.pixels)
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    decoded = to_linear(np.arange(256, dtype=np.uint8)).astype(np.float32)
    planes = [_resized(decoded[pixels[..., i]], size) for i in range(pixels.shape[2])]
    return np.stack(planes * (3 // len(planes)), axis=-1)


def _value(picture: Picture, size: int) -> FloatMap:
    """(size, size) in [0, 1] of an image that holds numbers."""
    return _resized(_plane(picture), size)


def _plane(picture: Picture) -> _Channel:
    """(n, n) in [0, 1]; of an RGB image the mean of its channels."""
    pixels = _square(picture.pixels)
    return _linear_ramp(pixels)[pixels].mean(axis=-1)


def _linear_ramp(pixels: Pixels) -> _Channel:
    return np.linspace(0, 1, np.iinfo(pixels.dtype).max + 1, dtype=np.float32)


def _square(pixels: Pixels) -> Pixels:
    """The short side repeated where the long one is a multiple of it, else the centre."""
    height, width = pixels.shape[:2]
    short, long = sorted((height, width))
    if long % short == 0:
        return np.tile(pixels, (long // height, long // width, 1))
    top, left = (height - short) // 2, (width - short) // 2
    return pixels[top : top + short, left : left + short]


def _resized(plane: _Channel, size: int) -> FloatMap:
    """(size, size) of (n, n): means over areas, or, where it grows, interpolated around the tile's edges."""
    if len(plane) < size:
        grown = ndimage.zoom(plane.astype(np.float64), size / len(plane), order=1, mode="grid-wrap", grid_mode=True)
        return np.asarray(grown, dtype=np.float64)
    small = Image.fromarray(plane.astype(np.float32)).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small).astype(np.float64)


def _ramp(values: FloatMap, low: float, high: float) -> FloatMap:
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _power_of_two_below(side: int) -> int:
    return 1 << (side.bit_length() - 1)
