"""Arrays through pipes. A message is a line of JSON, which tells what its arrays are, and their bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def send(stream: IO[bytes], entries: Mapping[str, Any], *arrays: NDArray[Any]) -> None:
    """Write a message at once: ``entries``, which JSON can hold, and arrays of plain numbers."""
    kinds = [{"dtype": str(array.dtype), "shape": array.shape} for array in arrays]
    stream.write(json.dumps({**entries, "arrays": kinds}).encode() + b"\n")
    for array in arrays:
        stream.write(array.tobytes())
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """The next message's entries and arrays; None at the stream's end, be it amid a message."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    entries = json.loads(line)
    arrays = []
    for kind in entries.pop("arrays"):
        dtype, shape = np.dtype(kind["dtype"]), tuple(kind["shape"])
        size = dtype.itemsize * math.prod(shape)
        data = bytearray(stream.read(size))  # not bytes: the array is to be writable, as any other
        if len(data) < size:
            return None
        arrays.append(np.frombuffer(data, dtype).reshape(shape))
    return entries, arrays
