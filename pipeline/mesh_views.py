"""Reference views of one shape by itself, such as a mesh file's: drawn, and kept in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.config import Config
from pipeline.files import atomic
from pipeline.format.schema import ShapeRecord
from pipeline.format.views_file import VIEWS, write_views
from pipeline.packing.records import reference_record
from pipeline.rendering.reference import render_reference_views
from pipeline.shapes.shape import Shape
from pipeline.views.reference import make_reference_views

#: What the pictures of a folder's views match.
PICTURES = "view_[0-9][0-9][0-9].png"


def save_mesh_views(out: Path, shape: Shape, config: Config, threads: int) -> Path:
    """Draw the views; write them to ``out`` as view_NNN.png, to be looked at, and last as views.h5.

    Of the settings ``views``, ``render``, ``shards`` and ``seed`` count, and all are kept in the file.
    Returns the path of the latter (``views_file.read_views`` reads it). Pictures of an earlier drawing go.
    """
    reference, images = render_reference_views(shape, config.views, config.render, threads, config.seed)
    views = reference_record(shape, reference, images)
    for old in out.glob(PICTURES):
        old.unlink()
    for number, image in enumerate(views.image):
        with atomic(out / f"view_{number:03d}.png") as temporary:
            Image.fromarray(image).save(temporary)
    write_views(out / VIEWS, views, config.model_dump_json(), config.shards.compression_level)
    return out / VIEWS


def traced_views(shape: Shape, config: Config) -> ShapeRecord:
    """The same views by rays alone, their images all white: for whoever needs the mesh, or the views' depth."""
    reference = make_reference_views(shape, config.views, config.seed)
    return reference_record(shape, reference, np.full(reference.depth.shape, 255, dtype=np.uint8))
