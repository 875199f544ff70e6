"""The readers of files from outside, by what they read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.fuzz.reader import Reader
from benchmarks.fuzz.readers import datasets, meshes, models, pictures, published, runs, settings

#: By name, in the order of the table.
READERS: Mapping[str, Reader] = MappingProxyType(
    {
        reader.name: reader
        for module in (meshes, settings, pictures, datasets, published, models, runs)
        for reader in module.READERS
    }
)
