"""The file of one shape's reference views, ``l3d-views`` version 1: one row of a shard's ``shapes/`` by itself.

Names, dtypes and shapes are the schema's: its texts are attributes of the file, its arrays datasets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.reader import open_h5
from pipeline.format.schema import ShapeRecord
from pipeline.hdf5 import atomic_hdf5

FORMAT = "l3d-views"
VERSION = 1
#: Its usual name.
VIEWS = "views.h5"
REMAKE = "draw it with `l3d-gen --mesh`"


def write_views(path: Path, shape: ShapeRecord, config_json: str, compression_level: int) -> None:
    """Write the shape without its query images; ``path`` appears complete or not at all.

    ``compression_level``: gzip, 0 to 9. Raises PipelineError for an array that is not the schema's.
    """
    _check(shape, path)
    with atomic_hdf5(path, libver=("v110", "v110")) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "config": config_json})
        for name, column in schema.SHAPES.items():
            value = getattr(shape, name)
            if column.dtype == schema.TEXT:
                file.attrs[name] = value
                continue
            file.create_dataset(
                name,
                data=value,
                chunks=(1, *value.shape[1:]) if column.dims[0] == "V" else value.shape,
                compression="gzip",
                compression_opts=compression_level,
                shuffle=True,
                fletcher32=True,
            )


def read_views(path: Path) -> ShapeRecord:
    """Read what ``write_views`` wrote. Raises PipelineError for any other file, or a damaged one."""
    with open_h5(path, FORMAT, VERSION, REMAKE) as file:
        try:
            values: dict[str, Any] = {
                name: file.attrs[name] if column.dtype == schema.TEXT else file[name][()]
                for name, column in schema.SHAPES.items()
            }
        except (KeyError, OSError) as error:
            raise PipelineError(f"{path} is damaged ({error}); copy it again, or {REMAKE} again") from error
    shape = ShapeRecord(**values)
    _check(shape, path)
    return shape


def _check(shape: ShapeRecord, path: Path) -> None:
    dims = schema.dims_of(shape)
    for name, column in schema.SHAPES.items():
        schema.check(getattr(shape, name), column, dims, f"{path}: {name}")
