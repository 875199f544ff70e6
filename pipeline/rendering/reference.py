"""Reference views of a shape alone, without query images."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.rendering.blender import draw
from pipeline.rendering.config import RenderConfig
from pipeline.rendering.job import Job, write_job
from pipeline.shapes.shape import Part, Shape, flatten, make_mesh
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import ReferenceViews, make_reference_views


def render_reference_views(
    shape: Shape, views: ViewsConfig, render: RenderConfig, threads: int, seed: int = 0
) -> tuple[ReferenceViews, NDArray[np.uint8]]:
    """The reference views that the shape would have in a dataset: their geometry, and images (V, S, S), gray.

    ``threads`` is how many Blender may use; nothing depends on it. Raises PipelineError if Blender fails.
    """
    reference = make_reference_views(shape, views, seed)
    job = Job(_whole(shape), anomalies=(), views=(), reference=reference, textures={}, surfaces={})
    with tempfile.TemporaryDirectory(prefix="l3d-") as folder:
        drawn = draw(write_job(Path(folder), job, views, render, threads), render.timeout_seconds)
    return reference, drawn.reference


def _whole(shape: Shape) -> Shape:
    """All parts as one, which looks the same without materials: Blender needs minutes for thousands of objects."""
    soup = flatten((part.part_id, part.mesh) for part in shape.parts)
    return replace(shape, parts=(Part(1, "", 0, (0,), make_mesh(soup.vertices, soup.faces)),))
