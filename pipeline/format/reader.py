"""Reading shards: rows by index, from a file that opens at first use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.format import checks, naming, schema
from pipeline.format.labels import SPLITS
from pipeline.format.mesh_checks import mesh_problems
from pipeline.format.problems import Problem
from pipeline.format.schema import AnomalyRecord, Gaps, Mesh, QueryRecord, ShapeRecord
from pipeline.format.structure import gaps_of, structure_problems, type_names
from pipeline.hdf5 import DAMAGED, fetch, inner_dataset, open_hdf5

#: Bytes of each dataset that HDF5 keeps unpacked: enough for the chunks that many small rows share. Rows of an own
#: chunk are read once; by default it would keep 8 MB of them, of every dataset of every open shard in every process.
CHUNK_CACHE = 64 * 1024


class NoShards(PipelineError):
    """A folder holds no shards, or none of a split, or they hold no queries."""


def find_shards(folder: Path, split: str | None = None) -> list[Path]:
    """Paths of ``<split>-NNNNN.h5`` (None: of all splits), sorted, in ``folder/shards`` or ``folder``.

    Raises NoShards where there are none, naming the folder and what it does hold.
    """
    if not folder.is_dir():
        raise NoShards(f"{folder} is not a folder; expected a dataset folder, with shards/<split>-NNNNN.h5 in it")
    place = folder / "shards" if (folder / "shards").is_dir() else folder
    found = {name: sorted(place.glob(f"{name}-*.h5")) for name in SPLITS}
    wanted = SPLITS if split is None else (split,)
    paths = [path for name in wanted for path in found.get(name, [])]
    if not paths:
        there = ", ".join(name for name in SPLITS if found[name]) or "no splits at all"
        raise NoShards(f"no {split or 'train, val or test'} shards (<split>-NNNNN.h5) in {place}; found {there}")
    return paths


def dataset_folder(folder: Path) -> Path:
    """The folder of the dataset that ``find_shards`` finds in ``folder``, which may be its ``shards/``."""
    return folder.parent if folder.resolve().name == "shards" else folder


class Shard:
    """One shard file. It opens at first use and may be pickled to another process before or after.

    Use it as a context manager, or ``close`` it. Every access raises PipelineError if the file cannot
    be read, is not an l3d-shard, is of a newer version, or is not built as a shard is (``structure.py``).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._datasets: dict[tuple[str, str], h5py.Dataset] = {}  # finding one takes as long as reading a small row
        #: Of a column that names rows: what it names, ascending, and the rows in that order.
        self._owners: dict[tuple[str, str], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @property
    def file(self) -> h5py.File:
        if self._file is None:
            file = open_shard(self.path)
            problems = structure_problems(file, self.path.name)
            if problems:
                file.close()
                more = f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""
                raise PipelineError(f"{self.path}: {problems[0]}{more}; run `l3d-data verify`")
            self._file = file
        return self._file

    def __enter__(self) -> Shard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._datasets.clear()
            self._owners.clear()

    def __getstate__(self) -> dict[str, Any]:
        # An open HDF5 handle does not cross process borders.
        return {"path": self.path, "_file": None, "_datasets": {}, "_owners": {}}

    @property
    def version(self) -> int:
        return int(self.file.attrs["version"])

    @property
    def split(self) -> str:
        return str(self.file.attrs["split"])

    @property
    def config_json(self) -> str:
        return str(self.file.attrs["config"])

    @property
    def fingerprint(self) -> str:
        return str(self.file.attrs["fingerprint"])

    @property
    def gaps(self) -> Gaps:
        """What the source of this file did not tell; of one of version 1 also the meshes."""
        return gaps_of(self.file)

    @property
    def type_names(self) -> tuple[str, ...]:
        """What the values of ``anomaly_type`` stand for in this file, which may know fewer types than this program."""
        return type_names(self._dataset("queries", "anomaly_type"))

    @property
    def query_count(self) -> int:
        return len(self._dataset("queries", "name"))

    @property
    def shape_count(self) -> int:
        return len(self._dataset("shapes", "id"))

    def column(self, group: str, name: str) -> np.ndarray[Any, Any]:
        """A whole dataset, e.g. ``column("queries", "bbox")``; texts come as an object array of str.

        Raises PipelineError also for a number that is not finite.
        """
        values = np.asarray(self._read(group, name, slice(None)))
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise PipelineError(f"{self.path}: {group}/{name} holds NaN or infinity; run `l3d-data verify`")
        return values

    def camera(self, group: str, row: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """K and world_to_camera of a query, or of all views of a shape. Raises PipelineError for no camera."""
        K, poses = (self.row(group, name, row) for name in ("K", "world_to_camera"))
        for own in zip(K.reshape(-1, 3, 3), poses.reshape(-1, 4, 4), strict=True):
            self._refuse(checks.camera_problems(*own), group, row)
        return K, poses

    def query(self, row: int) -> QueryRecord:
        """Row ``row`` of ``queries/`` with its anomalies.

        Raises PipelineError also where it cannot be shown: for a number that is not finite, no camera, no box.
        """
        query = self.stored_query(row)
        self._refuse(checks.hidden_query(query), "queries", row)
        return query

    def stored_query(self, row: int) -> QueryRecord:
        """The same, whatever its numbers are."""
        values = {name: self.row("queries", name, row) for name in schema.QUERY_RECORD}
        anomalies = tuple(self.anomaly(i) for i in self.anomaly_rows(row))
        return QueryRecord(**values, anomalies=anomalies, type_names=self.type_names)

    def anomaly_rows(self, query_row: int) -> list[int]:
        """Rows of ``anomalies/`` that the query in row ``query_row`` of ``queries/`` has."""
        return self._rows_of("anomalies", "query_index", query_row)

    def anomaly(self, row: int) -> AnomalyRecord:
        """Row ``row`` of ``anomalies/``."""
        values = {name: self.row("anomalies", name, int(row)) for name in schema.ANOMALY_RECORD}
        return AnomalyRecord(**values, type_names=self.type_names)

    def query_rows(self, shape_row: int) -> list[int]:
        """Rows of ``queries/`` that show the shape in row ``shape_row`` of ``shapes/``."""
        return self._rows_of("queries", "shape_index", shape_row)

    def shape(self, row: int) -> ShapeRecord:
        """Row ``row`` of ``shapes/`` with all its queries and, where that is known, its mesh."""
        return replace(self.intact(row), queries=tuple(self.query(i) for i in self.query_rows(row)))

    def intact(self, row: int) -> ShapeRecord:
        """Row ``row`` of ``shapes/`` without its queries and, where that is known, with its mesh."""
        return replace(self.reference(row), mesh=None if self.gaps.no_meshes else self.mesh(row))

    def reference(self, row: int) -> ShapeRecord:
        """Row ``row`` of ``shapes/`` alone: without its queries and its mesh.

        Raises PipelineError also where it cannot be seen: for a number that is not finite, or no camera.
        """
        shape = self.stored_reference(row)
        self._refuse(checks.hidden_shape(shape), "shapes", row)
        return shape

    def stored_reference(self, row: int) -> ShapeRecord:
        """The same, whatever its numbers are."""
        return ShapeRecord(**{name: self.row("shapes", name, row) for name in schema.SHAPES})

    def mesh(self, row: int) -> Mesh:
        """The mesh of the shape in row ``row`` of ``shapes/``.

        Raises PipelineError where ``gaps.no_meshes``, and where it contradicts itself.
        """
        mesh = self.stored_mesh(row)
        self._refuse(mesh_problems(mesh), "shapes", row)
        return mesh

    def stored_mesh(self, row: int) -> Mesh:
        """The same, which may contradict itself."""
        if self.version == 1:
            raise PipelineError(
                f"{self.path} is {schema.FORMAT} version 1, which has no meshes: make the dataset again with l3d-gen"
            )
        if self.gaps.no_meshes:
            raise PipelineError(f"{self.path}: the source of this file told no meshes (its attribute unknown)")
        ranges = {group: slice(*self.row("shapes", name, row)) for group, name in schema.RANGES.items()}
        return schema.mesh_of(lambda group, name: self._read(group, name, ranges[group]))

    def _rows_of(self, group: str, column: str, owner: int) -> list[int]:
        """Rows, ascending, whose ``column`` names the row ``owner``; it is read once."""
        if (group, column) not in self._owners:
            owners = self.column(group, column)
            order = np.argsort(owners, kind="stable")
            self._owners[group, column] = owners[order], order
        owners, order = self._owners[group, column]
        first, last = np.searchsorted(owners, [owner, owner + 1])
        return [int(i) for i in order[first:last]]

    def _dataset(self, group: str, name: str) -> h5py.Dataset:
        if (group, name) not in self._datasets:
            dataset = inner_dataset(self.file, f"{group}/{name}")
            if dataset is None:
                raise PipelineError(f"{self.path}: dataset {group}/{name} is missing; run `l3d-data verify`")
            self._datasets[group, name] = dataset
        return self._datasets[group, name]

    def _read(self, group: str, name: str, rows: int | tuple[int, int] | slice) -> Any:
        dataset = self._dataset(group, name)
        try:
            return fetch(dataset, rows, text=schema.GROUPS[group][name].dtype == schema.TEXT)
        except PipelineError as error:
            raise PipelineError(f"{self.path}: {error}") from error
        except DAMAGED as error:
            place = () if isinstance(rows, slice) else np.atleast_1d(rows)
            where = "".join(f" {kind} {number}" for kind, number in zip(("row", "view"), place, strict=False))
            raise PipelineError(
                f"{self.path}: {group}/{name}{where} fails its checksum ({error}); "
                "copy the file again, or run `l3d-data verify`: then the next run makes it again"
            ) from error

    def _refuse(self, problems: Sequence[Problem], group: str, row: int) -> None:
        """Raise PipelineError if there are any."""
        if problems:
            raise PipelineError(f"{self.path}: row {row} of {group}/: {problems[0]}; run `l3d-data verify`")

    def row(self, group: str, name: str, row: int, view: int | None = None) -> Any:
        """One row of one dataset, or one view of it where it has views: an array, a number or a str."""
        value = self._read(group, name, row if view is None else (row, view))
        return value.item() if isinstance(value, np.generic) else value


def format_versions(shards: Sequence[Path]) -> str:
    """The versions of the format that the shards have, such as "1 and 2"."""
    found = set()
    for path in shards:
        with Shard(path) as shard:
            found.add(shard.version)
    return " and ".join(map(str, sorted(found)))


def find_reference(folder: Path, shape_id: str) -> ShapeRecord:
    """The shape of that id, in any split, as ``Shard.intact``; or of the name of which the id is made.

    Raises PipelineError if there is none, or none that can be seen.
    """
    known: list[str] = []
    for path in find_shards(folder):
        with Shard(path) as shard:
            ids = shard.column("shapes", "id").tolist()
            for spelled in (shape_id, naming.shape_id(shape_id)):
                if spelled in ids:
                    return shard.intact(ids.index(spelled))
            known += ids
    raise PipelineError(f"{folder} has no shape {shape_id!r}; it has {len(known)}, such as {', '.join(known[:5])}")


def open_shard(path: Path) -> h5py.File:
    """Open a shard of whatever structure. Raises PipelineError as ``open_h5``."""
    return open_h5(path, schema.FORMAT, schema.READABLE, "run the shards stage")


def open_h5(path: Path, kind: str, versions: Sequence[int], remake: str) -> h5py.File:
    """Open an HDF5 file of ours. Raises PipelineError if it is not of this format and one of the versions.

    ``kind``: the file attribute ``format``; ``remake``: what to do, for the message, to make such a file.
    """
    file = open_hdf5(path, remake, rdcc_nbytes=CHUNK_CACHE)
    try:
        found, its_version = file.attrs.get("format"), file.attrs.get("version")
    except DAMAGED as error:
        file.close()
        raise PipelineError(f"{path} is damaged ({error}); copy it again, or {remake} again") from error
    ours = isinstance(found, str) and found == kind
    if ours and isinstance(its_version, np.integer) and its_version in versions:
        return file
    file.close()
    if not ours:
        raise PipelineError(f"{path} is HDF5 but not an {kind} (attribute format = {_shown(found)})")
    known = " and ".join(map(str, versions))
    raise PipelineError(
        f"{path} is {kind} version {_shown(its_version)}; this program reads versions {known}: use a matching release"
    )


def _shown(value: Any) -> str:
    """An attribute, which may be anything, in a line."""
    return str(value) if isinstance(value, np.integer) else " ".join(repr(value).split())[:80]
