"""Drawn images on disk: ``renders/<id>.h5``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.hdf5 import DAMAGED, atomic_hdf5, fetch_all, open_hdf5
from pipeline.rendering.blender import Drawn

_NAMES = tuple(f.name for f in fields(Drawn))


def save_drawn(path: Path, drawn: Drawn) -> None:
    """Write all images, losslessly compressed; the file's bytes depend on the images only."""
    with atomic_hdf5(path, track_order=True) as file:
        for name in _NAMES:
            images = getattr(drawn, name)
            chunks = (1, *images.shape[1:]) if len(images) else None
            options = {"chunks": chunks, "compression": "gzip", "compression_opts": 4} if chunks else {}
            file.create_dataset(name, data=images, track_times=False, **options).flush()


def load_drawn(path: Path) -> Drawn:
    """Read what ``save_drawn`` wrote. Raises PipelineError for a missing or broken file."""
    with open_hdf5(path, "run the render stage") as file:
        try:
            return Drawn(**{name: fetch_all(file, name) for name in _NAMES})
        except (*DAMAGED, PipelineError) as error:
            raise PipelineError(f"{path} is damaged ({error}); move it away and run the render stage again") from error
