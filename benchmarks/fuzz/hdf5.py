"""Damage to what an HDF5 file holds: values, shapes, types, attributes, and links to other files."""

from __future__ import annotations

import faulthandler
import os
from io import BytesIO
from typing import Any

import h5py
import numpy as np

from benchmarks.fuzz.values import TEXTS, pick

#: Attributes and datasets of odd types.
ODD: tuple[Any, ...] = (
    0,
    -1,
    2**63 - 1,
    1e308,
    float("nan"),
    True,
    1j,
    b"\xff\xfe",
    *(text for text in TEXTS if "\0" not in text and "\ud800" not in text),
    "{}",
    "[1]",
    "[" * 5000,
    h5py.Empty("f4"),
    np.zeros(0),
    np.zeros((1, 1, 1, 1, 1), "u1"),
    np.zeros(3, [("a", "i4"), ("b", "f8")]),
    np.array([b"a", b"b"]),
    np.arange(5),
)
SHAPES = ((), (0,), (1,), (3, 3), (2**40,), (1, 2**20, 2**20), (0, 2**60), (2**31, 4, 4))


def damage_hdf5(content: bytes, rng: np.random.Generator) -> bytes:
    """One fault; the file as it is where it cannot be opened or does not take the fault.

    In a process of its own, or what HDF5 remembers of it would be laid to those who read it.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            faulthandler.disable()
            os.close(reading)
            stream = BytesIO(content)
            with h5py.File(stream, "r+") as file:
                _damage(file, rng)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(stream.getvalue())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        damaged = pipe.read()
    os.waitpid(process, 0)
    rng.random()  # the other process has drawn from a copy
    return damaged or content


def _damage(file: h5py.File, rng: np.random.Generator) -> None:
    names: list[str] = []
    file.visit(names.append)
    name = pick(sorted(names), rng)
    item = file[name]
    match int(rng.integers(9)):
        case 0:
            holder = pick([file, file, item], rng)
            key = pick([*holder.attrs, "names"], rng)
            holder.attrs[key] = pick(ODD, rng)
        case 1:
            keys = list(file.attrs)
            if keys and rng.random() < 0.5:
                del file.attrs[pick(keys, rng)]
            else:
                del file[name]
        case 2:
            del file[name]
            file[name] = pick(
                (
                    h5py.ExternalLink("../secret.h5", "/a"),
                    h5py.ExternalLink("/etc/passwd", "/"),
                    h5py.SoftLink("/nowhere"),
                    h5py.SoftLink(f"/{name}"),
                    h5py.SoftLink(f"/{pick(sorted(names), rng)}"),
                ),
                rng,
            )
        case 3 if isinstance(item, h5py.Dataset):
            _retype(file, name, item, rng)
        case 4 if isinstance(item, h5py.Dataset):
            _outside(file, name, item)
        case 5 if isinstance(item, h5py.Dataset):
            shape, dtype = pick(SHAPES, rng), item.dtype
            del file[name]
            chunks = tuple(min(n, 8) or 1 for n in shape) or None
            file.create_dataset(name, shape, dtype, chunks=chunks, compression="gzip" if chunks else None)
        case 6:
            del file[name]
            file[name] = pick(ODD, rng)
        case _ if isinstance(item, h5py.Dataset):
            _revalue(item, rng)


def _retype(file: h5py.File, name: str, item: h5py.Dataset, rng: np.random.Generator) -> None:
    shape = item.shape
    del file[name]
    dtype: Any = pick(("i1", "u8", "f2", "c16", h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype("i4")), rng)
    file.create_dataset(name, shape, dtype)


def _outside(file: h5py.File, name: str, item: h5py.Dataset) -> None:
    """The same dataset, whose numbers are the bytes of another file."""
    shape, dtype = item.shape, item.dtype
    del file[name]
    file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _revalue(item: h5py.Dataset, rng: np.random.Generator) -> None:
    """Some of its numbers, or texts, are others."""
    if item.nbytes > 1 << 24:
        return
    values = item[()]
    flat = np.atleast_1d(values).ravel()
    if not flat.size:
        return
    count = flat.size if rng.random() < 0.2 else int(rng.integers(1, 4))
    places = rng.integers(flat.size, size=count)
    if item.dtype.kind == "f":
        flat[places] = pick((np.nan, np.inf, -np.inf, 0.0, -1.0, 3e38, 1e-40), rng)
    elif item.dtype.kind in "iu":
        limits = np.iinfo(item.dtype)
        flat[places] = pick((limits.min, limits.max, 0, 1, limits.max // 2), rng)
    elif item.dtype.kind == "b":
        flat[places] = ~flat[places]
    else:
        flat[places] = pick(TEXTS, rng).encode("utf-8", "surrogatepass")[:256]
    item[...] = flat.reshape(item.shape)
