"""HDF5 files that appear whole or not at all, also where the disk is full."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from pipeline.files import atomic

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


@contextmanager
def atomic_hdf5(path: Path, **options: Any) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that becomes ``path`` at the end; ``options`` are those of ``h5py.File``.

    HDF5 itself crashes the process when it cannot write what it still holds as a file is closed. So it writes to a
    stream that never fails, and the first error is raised afterwards: PipelineError for a full disk, else OSError.
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
