"""The file of one shape's reference views, ``l3d-views`` version 2: one row of a shard's ``shapes/`` and its mesh.

Names, dtypes and shapes are the schema's: the row's texts are attributes of the file, its arrays datasets, and the rows
of its mesh datasets of the groups that a shard has. A file of version 1 has no mesh.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError
from pipeline.format import schema
from pipeline.format.checks import hidden_shape
from pipeline.format.mesh_checks import mesh_problems
from pipeline.format.reader import open_h5
from pipeline.format.schema import ShapeRecord
from pipeline.hdf5 import DAMAGED, atomic_hdf5, fetch_all

FORMAT = "l3d-views"
VERSION = 2
READABLE = (1, 2)
#: Its usual name.
VIEWS = "views.h5"
REMAKE = "draw it with `l3d-gen --mesh`"


def write_views(path: Path, shape: ShapeRecord, config_json: str, compression_level: int) -> None:
    """Write the shape without its query images; ``path`` appears complete or not at all.

    ``compression_level``: gzip, 0 to 9. Raises PipelineError for an array that is not the schema's, or without a mesh.
    """
    if shape.mesh is None:
        raise PipelineError(f"{path}: shape {shape.id} has no mesh; only a file of version 1 is without")
    _check(shape, path)
    storage = {"compression": "gzip", "compression_opts": compression_level, "shuffle": True, "fletcher32": True}
    with atomic_hdf5(path, libver=("v110", "v110")) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "config": config_json})
        for name, column in schema.SHAPES.items():
            value = getattr(shape, name)
            if column.dtype == schema.TEXT:
                file.attrs[name] = value
                continue
            chunks = (1, *value.shape[1:]) if column.dims[0] == "V" else value.shape
            file.create_dataset(name, data=value, chunks=chunks, **storage).flush()
        for group, rows in shape.mesh.rows().items():
            for name, values in rows.items():
                dtype = schema.MESHES[group][name].stored
                file.create_dataset(
                    f"{group}/{name}", data=values, dtype=dtype, chunks=np.shape(values), **storage
                ).flush()


def read_views(path: Path) -> ShapeRecord:
    """Read what ``write_views`` wrote. Raises PipelineError for any other file, and for one that is damaged.

    The mesh is None in a file of version 1.
    """
    with open_h5(path, FORMAT, READABLE, REMAKE) as file:
        try:
            values: dict[str, Any] = {
                name: file.attrs[name] if column.dtype == schema.TEXT else fetch_all(file, name)
                for name, column in schema.SHAPES.items()
            }
            if file.attrs["version"] > 1:
                values["mesh"] = schema.mesh_of(
                    lambda group, name: fetch_all(
                        file, f"{group}/{name}", schema.MESHES[group][name].dtype == schema.TEXT
                    )
                )
        except (*DAMAGED, PipelineError) as error:
            reason = " ".join(str(error).split())
            raise PipelineError(f"{path} is damaged ({reason}); copy it again, or {REMAKE} again") from error
    shape = ShapeRecord(**values)
    _check(shape, path)
    problems = hidden_shape(shape) + ([] if shape.mesh is None else mesh_problems(shape.mesh))
    if problems:
        raise PipelineError(f"{path}: shape {shape.id}: {problems[0]}; copy it again, or {REMAKE} again")
    return shape


def _check(shape: ShapeRecord, path: Path) -> None:
    try:
        dims = schema.dims_of(shape)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error
    for name, column in schema.SHAPES.items():
        schema.check(getattr(shape, name), column, dims, f"{path}: {name}")
    if shape.mesh is not None:
        schema.check_mesh(shape.mesh, dims, f"{path}: ")
