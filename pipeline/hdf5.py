"""HDF5 files: opened, or the reason told; and such that appear whole or not at all, also where the disk is full."""

from __future__ import annotations

import errno
import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from pipeline.errors import PipelineError
from pipeline.files import atomic

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

#: What h5py raises where the inside of a file is not whole, or is nothing that NumPy knows.
DAMAGED = (
    OSError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,
    SystemError,
)
#: Bytes that are read at once of a dataset, at most: a file may promise any number of zeros.
MOST_BYTES = 2 << 30
#: What locking a file that another process has locked gives, and locking one where there are no locks.
_LOCKED = (errno.EAGAIN, errno.EWOULDBLOCK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def atomic_hdf5(path: Path, **options: Any) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that becomes ``path`` at the end; ``options`` are those of ``h5py.File``.

    HDF5 itself crashes the process when it cannot write what it still holds as a file is closed. So it writes to a
    stream that never fails, and the first error is raised afterwards: PipelineError for a full disk, else OSError.

    Flush each dataset that is written to it: what HDF5 still holds of one reaches the file when Python forgets it,
    sooner or later, and then the same content has other bytes.
    """
    with atomic(path) as temporary, temporary.open("w+b", buffering=0) as raw:
        stream = _Unfailing(raw)
        try:
            with h5py.File(stream, "w", **options) as file:
                yield file
        finally:
            if stream.error:
                raise stream.error
        os.fsync(raw.fileno())


def open_hdf5(path: Path, remake: str, **options: Any) -> h5py.File:
    """Open a file to read; ``options`` are those of ``h5py.File``.

    ``remake``: what to do, for the message, to make such a file. Raises PipelineError that tells a missing file, one
    that is locked, and one that the disk does not give from one that is not whole.
    """
    try:
        return h5py.File(path, "r", **options)
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing") from error
    except OSError as error:
        if error.errno in _LOCKED:
            why = "is locked: another process writes it, or holds it: try again when that has ended"
        elif error.errno in _NO_LOCKS:
            why = f"cannot be locked by its file system ({error}): set HDF5_USE_FILE_LOCKING=FALSE and try again"
        elif error.errno:
            why = f"cannot be opened: {os.strerror(error.errno)}"
        else:
            why = (
                f"is unreadable ({error}); it is not HDF5, or its writer or a copy of it was cut off: copy it again, "
                f"or move it away and {remake} again"
            )
        raise PipelineError(f"{path} {why}") from error


def inner_dataset(file: h5py.Group, name: str) -> h5py.Dataset | None:
    """The dataset of that path whose numbers lie in the file itself; None where there is none.

    HDF5 would follow links to other files, and take numbers from any file that a dataset names. Raises one of DAMAGED
    where the file is not whole, and PipelineError, whose text goes after the file's name, for what lies elsewhere.
    """
    item: Any = file
    for part in name.split("/"):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise PipelineError(f"{name} is a link to elsewhere, which is not followed")
        item = item[part]
    if not isinstance(item, h5py.Dataset):
        return None
    if item.external or item.is_virtual:
        raise PipelineError(f"{name} takes its numbers from other files, which are not read")
    return item


def fetch(dataset: h5py.Dataset, rows: Any, text: bool = False) -> Any:
    """What a selection of a dataset's rows holds; ``text``: as str.

    Raises one of DAMAGED where the file is not whole, and PipelineError, whose text goes after the file's name, where
    it promises more than MOST_BYTES.
    """
    shape, keys = dataset.shape or (), rows if isinstance(rows, tuple) else (rows,)
    lengths = [
        len(range(*key.indices(n))) if isinstance(key, slice) else 1 for n, key in zip(shape, keys, strict=False)
    ]
    for what, sides in (("a selection", (*lengths, *shape[len(lengths) :])), ("a chunk", dataset.chunks or ())):
        size = dataset.dtype.itemsize * math.prod(sides)
        if size > MOST_BYTES:
            raise PipelineError(f"{what} of {dataset.name} has {size:,} bytes, more than {MOST_BYTES:,}; not read")
    return dataset.asstr()[rows] if text else dataset[rows]


def fetch_all(file: h5py.Group, name: str, text: bool = False) -> Any:
    """All that the dataset of that path holds. KeyError if there is none; else as ``inner_dataset`` and ``fetch``."""
    dataset = inner_dataset(file, name)
    if dataset is None:
        raise KeyError(f"dataset {name} is missing")
    return fetch(dataset, slice(None), text)


class _Unfailing(io.RawIOBase):
    """A file to which nothing more is written after the first ``error``, silently."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        written = 0
        try:
            while written < len(view) and not self.error:
                written += self._raw.write(view[written:]) or 0
        except OSError as error:
            self.error = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return self._raw.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._raw.readinto(buffer) or 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()
