"""Reading single files of the published BrokenChairs-180K layout; what is wrong with one is a counted refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import PipelineError, UnitRejected
from pipeline.exchange.safe_npy import load_pickled_arrays
from pipeline.files import read_json
from pipeline.format import schema
from pipeline.format.problems import Problem
from pipeline.format.schema import Column, Dims, Gaps
from pipeline.images import opened

#: What the layout does not tell, or not of every image.
GAPS = Gaps(unknown=schema.MAY_BE_UNKNOWN, estimated=schema.MAY_BE_ESTIMATED)
WHITE = (255, 255, 255, 255)


def view_stems(folder: Path) -> list[Path]:
    """Paths of a shape's views without suffix: of every ``mv_images/*.png``, shorter names first, then by name."""
    found = (path.with_suffix("") for path in (folder / "mv_images").glob("*.png"))
    return sorted(found, key=lambda stem: (len(stem.name), stem.name))


def read_picture(path: Path, dims: Dims | None = None) -> NDArray[np.uint8]:
    """An RGB image (H, W, 3), transparent pixels on white. Raises UnitRejected unless it is whole and of this size."""
    try:
        with opened(path, "image") as image:
            layer = image.convert("RGBA")
    except FileNotFoundError as error:
        raise UnitRejected("missing-file", f"{path} is missing") from error
    except UnitRejected as refusal:
        raise UnitRejected("unreadable-png", refusal.message) from refusal
    except OSError as error:
        raise UnitRejected("unreadable-png", f"{path} cannot be read: {error.strerror}") from error
    pixels = np.asarray(Image.alpha_composite(Image.new("RGBA", layer.size, WHITE), layer).convert("RGB"))
    if dims and pixels.shape[:2] != (dims.H, dims.W):
        found, expected = f"{pixels.shape[1]}x{pixels.shape[0]}", f"{dims.W}x{dims.H}"
        raise UnitRejected("image-size", f"{path} has {found} pixels, most reference views {expected}")
    return pixels


def read_mask(path: Path, dims: Dims) -> NDArray[np.uint8]:
    """A mask (H, W), 0 or 255, averaged down where it is stored larger."""
    picture = Image.fromarray(read_picture(path)).convert("L")
    resized = picture.resize((dims.W, dims.H), Image.Resampling.BOX)
    return np.where(np.asarray(resized) > 127, 255, 0).astype(np.uint8)


def read_object(path: Path) -> Mapping[str, Any]:
    """A JSON file that holds an object."""
    if not path.is_file():
        raise UnitRejected("missing-file", f"{path} is missing")
    with refusing("unreadable-json"):
        content = read_json(path)
    if not isinstance(content, dict):
        raise UnitRejected("unreadable-json", f"{path} holds {type(content).__name__}, not an object")
    return content


def read_arrays(path: Path, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, NDArray[Any]]:
    """Finite arrays of these names and shapes (None: any length) from a pickled dict; nothing of it is executed."""
    if not path.is_file():
        raise UnitRejected("missing-file", f"{path} is missing")
    with refusing("unreadable-npy"):
        arrays = load_pickled_arrays(path)
    for name, shape in shapes.items():
        if name not in arrays:
            raise UnitRejected("unreadable-npy", f"{path} has no {name}, only {sorted(arrays)}")
        found = arrays[name].shape
        if len(found) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found, strict=True)):
            raise UnitRejected("array-shape", f"{path}: {name} has shape {found}, most shapes have {shape}")
        if not np.isfinite(arrays[name]).all():
            raise UnitRejected("unreadable-npy", f"{path}: {name} holds NaN or infinity")
    return arrays


def read_camera(path: Path, content: Mapping[str, Any], width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """``opencv_camera`` of the ``K`` and ``RT`` that the file at ``path`` holds."""
    try:
        K, RT = (np.array(content[name], dtype=np.float64) for name in ("K", "RT"))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnitRejected("bad-camera", f"{path} has no K and RT of numbers: {error}") from error
    if K.shape != (3, 3) or RT.shape != (4, 4) or not (np.isfinite(K).all() and np.isfinite(RT).all()):
        raise UnitRejected("bad-camera", f"{path}: K has shape {K.shape}, RT {RT.shape}; expected finite 3x3 and 4x4")
    return opencv_camera(K, RT, width)


def opencv_camera(K: NDArray[Any], RT: NDArray[Any], width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """K (3, 3) and world_to_camera (4, 4) of OpenCV axes: the inverse of ``published_camera``.

    The published projection is the same for RT and for its first three rows negated; what is returned is the
    rotation of the two.
    """
    mirrored = K.astype(np.float64)
    mirrored[0, 2] = width - mirrored[0, 2]
    pose = np.diag([-1.0, 1.0, 1.0, 1.0]) @ RT
    if np.linalg.det(pose[:3, :3]) < 0:
        pose[:3] = -pose[:3]
    return mirrored, pose


def check_record(path: Path, record: Any, columns: Mapping[str, Column], dims: Dims) -> None:
    """Raise UnitRejected for a value that a shard cannot store."""
    for name, column in columns.items():
        with refusing("bad-value"):
            schema.check(getattr(record, name), column, dims, f"{path}: {name}")


def refuse_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Raise UnitRejected if there are any."""
    if problems:
        raise UnitRejected("contradiction", f"{path}: {'; '.join(map(str, problems))}")


@contextmanager
def refusing(reason: str) -> Iterator[None]:
    """Turn an error of the user's into a refusal counted under ``reason``."""
    try:
        yield
    except PipelineError as error:
        raise UnitRejected(reason, str(error)) from error
