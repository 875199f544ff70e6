"""Dicts of arrays in ``.npy`` files whose content is a pickle, read without running anything that the pickle asks for.

Unpickling normally calls whatever functions a file names. Here the names that arrays need become inert notes of what
was to be called; the arrays are then built from the notes, by checked sizes and plain number types. Every other name is
refused. So not even NumPy's own reconstruction, which trusts its input, sees the file.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.files import read_bytes

#: Larger files are refused unread, and smaller ones that come to more.
MAX_BYTES = 256 * 1024 * 1024
#: Everything that a pickled array may name, as NumPy 1 and 2 and Python 2 and 3 write it.
ALLOWED = frozenset(
    {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
        ("__builtin__", "bytes"),
        ("builtins", "bytes"),
        *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    }
)
NUMBER = re.compile(r"b1|[iu][1248]|f[248]")


#: How NumPy 2 begins the name of a module that NumPy 1 calls ``numpy.core``, as a pickle of protocol 3 spells it.
_NEW_CORE, _OLD_CORE = b"cnumpy._core.", b"cnumpy.core."


def save_pickled_arrays(stream: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what ``numpy.save`` of a dict writes with NumPy 1, which every NumPy reads; with NumPy 2 it is another."""
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(stream, header)
    content = pickle.dumps(np.array(dict(arrays), dtype=object), protocol=3)
    done = 0
    for opcode, _, at in pickletools.genops(content):
        if opcode.name == "GLOBAL" and content.startswith(_NEW_CORE, at):
            stream.write(content[done:at] + _OLD_CORE)
            done = (at or 0) + len(_NEW_CORE)
    stream.write(content[done:])


def load_pickled_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that ``numpy.save`` wrote of a dict of number arrays; they are read-only.

    Raises PipelineError naming the file where it cannot be read, is no such file, is larger than MAX_BYTES, or
    asks for any function or class that arrays do not need.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PipelineError(f"{path} has {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}; not read")
        stream = io.BytesIO(read_bytes(path))
    except OSError as error:
        raise PipelineError(f"{path} cannot be read: {error.strerror}") from error
    try:
        _read_header(stream)
        return _unwrap(_InertUnpickler(stream, encoding="latin1").load())
    except _Refused as error:
        raise PipelineError(
            f"{path} asks for {error}, which no array needs: it was not run. Do not trust this file"
        ) from error
    except Exception as error:  # a malformed pickle may raise anything
        reason = " ".join(str(error).split())[:200]
        raise PipelineError(f"{path} is not a pickled dict of arrays ({reason}); get the file again") from error


class _Refused(Exception):
    """The ``module.name`` that a pickle asked for."""


class _Call:
    """A call that a pickle asks for, noted and not made: the callee's name, its arguments and a state set later."""

    __slots__ = ("arguments", "name", "state")

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name, self.arguments, self.state = name, arguments, ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Name:
    """A function or class that a pickle names; calling it only takes a note."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *arguments: Any) -> _Call:
        return _Call(self._name, arguments)

    def __setstate__(self, state: Any) -> None:
        raise ValueError(f"{self._name} has no state")


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise _Refused(f"{module}.{name}")
        return _Name(name)


def _read_header(stream: io.BytesIO) -> None:
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = readers[version](stream)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f"it holds {dtype} {shape}")


def _unwrap(saved: Any) -> dict[str, NDArray[Any]]:
    """The dict in the 0-d object array that ``numpy.save`` makes of it."""
    _expect(isinstance(saved, _Call) and saved.name == "_reconstruct" and len(saved.state) == 5, "no array")
    _, shape, _, _, content = saved.state
    _expect(shape == () and isinstance(content, list) and len(content) == 1, "not a single object")
    _expect(isinstance(content[0], dict) and all(isinstance(key, str) for key in content[0]), "no dict by names")
    arrays, size = {}, 0
    for key, value in content[0].items():
        arrays[key] = _array(value)
        size += arrays[key].nbytes
        _expect(size <= MAX_BYTES, f"more than {MAX_BYTES:,} bytes: many names for the same numbers")
    return arrays


def _array(note: Any) -> NDArray[Any]:
    _expect(isinstance(note, _Call), f"{type(note).__name__} in place of an array")
    if note.name == "_reconstruct" and len(note.state) == 5:
        _, shape, dtype, fortran, content = note.state
        return _numbers(content, _dtype(dtype), shape, "F" if fortran else "C")
    if note.name == "_frombuffer" and len(note.arguments) == 4:
        content, dtype, shape, order = note.arguments
        return _numbers(content, _dtype(dtype), shape, order)
    if note.name == "scalar" and len(note.arguments) == 2:
        dtype, content = note.arguments
        return _numbers(content, _dtype(dtype), (), "C")
    raise ValueError(f"{note.name} in place of an array")


def _numbers(content: Any, dtype: np.dtype[Any], shape: Any, order: Any) -> NDArray[Any]:
    sizes = isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
    _expect(sizes and order in ("C", "F"), f"shape {shape!r}")
    data = _bytes(content)
    _expect(len(data) == dtype.itemsize * math.prod(shape), f"{len(data)} bytes for {dtype} {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _dtype(note: Any) -> np.dtype[Any]:
    """Of a number; its byte order is in the state that follows, if any."""
    _expect(isinstance(note, _Call) and note.name == "dtype" and len(note.arguments) > 0, "no dtype")
    code, order = note.arguments[0], note.state[1] if len(note.state) > 1 else "|"
    _expect(isinstance(code, str) and NUMBER.fullmatch(code) is not None, f"dtype {code!r}")
    _expect(order in ("<", ">", "|", "="), f"byte order {order!r}")
    return np.dtype(order + code)


def _bytes(content: Any) -> bytes:
    """Bytes as the protocols write them: as such, or (Python 2) as text of latin1 that may be yet to encode."""
    if isinstance(content, _Call) and content.name == "encode" and content.arguments[1:] == ("latin1",):
        content = content.arguments[0]
    if isinstance(content, _Call) and content.name == "bytes" and content.arguments == ():
        return b""  # protocols up to 2 have no other way to write it
    if isinstance(content, str):
        return content.encode("latin1")
    _expect(isinstance(content, bytes | bytearray), f"{type(content).__name__} in place of bytes")
    return bytes(content)


def _expect(condition: bool, found: str) -> None:
    if not condition:
        raise ValueError(f"found {found}")
