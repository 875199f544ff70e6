"""A reference shape from its folder in the published BrokenChairs-180K layout (``docs/format.md``)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UnitRejected
from pipeline.exchange.brokenchairs.files import (
    GAPS,
    check_record,
    read_arrays,
    read_camera,
    read_object,
    read_picture,
    refuse_problems,
    view_stems,
)
from pipeline.exchange.triangulation import triangulate
from pipeline.format import schema
from pipeline.format.cameras import project
from pipeline.format.checks import PIXEL_TOLERANCE, shape_problems
from pipeline.format.schema import PATCH, Dims, ShapeRecord

#: Pixels by which a surface point may miss where a view says that it is seen.
MAX_POINT_ERROR = 1.0


class Points(NamedTuple):
    """Surface points, as ``ShapeRecord`` has them, and whether the views that see one agree on it, (P,)."""

    points: NDArray[np.float32]
    pixels: NDArray[np.float32]
    visible: NDArray[np.bool_]
    agreed: NDArray[np.bool_]


def shape_dims(folder: Path) -> Dims:
    """The sizes of a shape by its first view. Raises UnitRejected where that cannot be read."""
    stems = view_stems(folder)
    if not stems:
        raise UnitRejected("missing-file", f"{folder / 'mv_images'} holds no PNG")
    arrays = read_arrays(stems[0].with_suffix(".npy"), {"pxy": (None, 2)})
    height, width, _ = read_picture(stems[0].with_suffix(".png")).shape
    return Dims(len(stems), height, width, len(arrays["pxy"]))


def read_shape(folder: Path, shape_id: str, dims: Dims) -> tuple[ShapeRecord, int]:
    """The shape without its queries, and of how many surface points its views disagree: those are seen nowhere.

    ``dims``: what most shapes have. Raises UnitRejected where a file is missing, unreadable, of another size, or
    contradicts the others.
    """
    stems = view_stems(folder)
    if len(stems) != dims.V:
        raise UnitRejected("number-of-views", f"{folder} has {len(stems)} views, most shapes have {dims.V}")
    shapes = {"xyz": (dims.H // PATCH, dims.W // PATCH, 3), "pxy": (dims.P, 2), "is_visible": (dims.P,)}
    arrays = [read_arrays(stem.with_suffix(".npy"), shapes) for stem in stems]
    cameras = [read_camera(path, read_object(path), dims.W) for path in (stem.with_suffix(".json") for stem in stems)]
    K, world_to_camera = (np.stack(values).astype(np.float32) for values in zip(*cameras, strict=True))
    xyz = np.stack([own["xyz"] for own in arrays]).astype(np.float32)
    pixels = np.stack([own["pxy"] for own in arrays])[..., ::-1].astype(np.float32)
    visible = np.stack([own["is_visible"] for own in arrays]) != 0
    try:
        surface = surface_points(K, world_to_camera, pixels, visible, dims)
    except np.linalg.LinAlgError as failure:
        raise UnitRejected(
            "bad-camera", f"{folder}: no surface point can be found by its cameras ({failure})"
        ) from failure
    known = (xyz != -1).any(axis=3)
    shape = ShapeRecord(
        id=shape_id,
        model_id=_model_id(folder / "model_id.txt"),
        category="",
        image=np.stack([_gray(stem.with_suffix(".png"), dims) for stem in stems]),
        depth=np.zeros((dims.V, dims.H, dims.W), dtype=np.float32),
        part_ids=np.zeros((dims.V, dims.H, dims.W), dtype=np.uint16),
        K=K,
        world_to_camera=world_to_camera,
        patch_xyz=np.where(known[..., None], xyz, np.float32(0)),
        patch_valid=known,
        points=surface.points,
        point_pixels=surface.pixels,
        point_visible=surface.visible,
    )
    check_record(folder, shape, schema.SHAPES, dims)
    refuse_problems(folder, shape_problems(shape, GAPS))
    return shape, int((~surface.agreed).sum())


def surface_points(
    K: NDArray[np.float32],
    world_to_camera: NDArray[np.float32],
    pixels: NDArray[np.float32],
    visible: NDArray[np.bool_],
    dims: Dims,
) -> Points:
    """Points by their ``pixels`` (V, P, 2) and where they are ``visible`` (V, P).

    A pixel is kept where it is the projection of its point; else, as rounded ones and clipped ones of hidden points,
    it is replaced by that. A point that some view is said to see more than MAX_POINT_ERROR away is seen nowhere.
    """
    points = triangulate(K, world_to_camera, pixels, visible).astype(np.float32)
    projected, depth = project(K, world_to_camera, points)
    in_front = depth > 0
    error = np.abs(projected - pixels).max(axis=2)
    agreed = (in_front & (error <= MAX_POINT_ERROR)).all(axis=0, where=visible)
    kept = np.where((error <= PIXEL_TOLERANCE)[..., None], pixels, projected).astype(np.float32)
    inside = in_front & (kept >= 0).all(axis=2) & (kept < (dims.W, dims.H)).all(axis=2)
    return Points(points, kept, visible & inside & agreed, agreed)


def _gray(path: Path, dims: Dims) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(read_picture(path, dims)).convert("L"))


def _model_id(path: Path) -> str:
    """Empty where the source does not tell it."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise UnitRejected("bad-value", f"{path} is not text: {error}") from error
