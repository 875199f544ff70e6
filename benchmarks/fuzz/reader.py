"""What a reader of files is to the fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reader:
    """``read`` reads the files in a folder and may write to another; ``seeds`` makes sound ones, a folder each.

    share: of the inputs, beside the others; starts: whether it may start processes.
    """

    name: str
    seeds: Callable[[Path], None]
    read: Callable[[Path, Path], object]
    share: float = 1.0
    starts: bool = False
