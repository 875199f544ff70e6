"""Several runs on one folder at once, on any machines: what one of them works on, no other does.

The units of a stage lie in buckets by their names. A run holds a bucket while it works on it, by a lock on a file that
ends with its process. It begins with the buckets of its own partition and goes on with whatever nobody holds, so no
run is needed for the others to come to an end, and a late one finds work.
"""

from __future__ import annotations

import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.files import locked

#: More than there are runs at once, as a rule; few beside the files of a dataset.
BUCKETS = 256


@dataclass(frozen=True)
class Partition:
    """Which of so many runs on one folder a run is, from 1 on."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Partition:
        """Of ``2/8``; raises PipelineError.

        >>> Partition.parse("2/8")
        Partition(number=2, of=8)
        """
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise PipelineError(f"partition {text!r} is not i/n with 1 <= i <= n, such as 2/8")
        return cls(int(number), int(of))

    def order(self) -> list[int]:
        """All buckets, its own first, then those of the next runs.

        >>> Partition(2, 3).order()[:3], len(Partition(2, 3).order())
        ([1, 4, 7], 256)
        """
        return [b for turn in range(self.of) for b in range((self.number - 1 + turn) % self.of, BUCKETS, self.of)]


def bucket(unit: str) -> int:
    """Of a unit, by its name alone."""
    return zlib.crc32(unit.encode()) % BUCKETS


class Holding(ExitStack):
    """The buckets of one stage that this run holds, until it lets go of them or the block ends."""

    def __init__(self, folder: Path, stage: str) -> None:
        super().__init__()
        self._folder = folder / "locks" / stage

    def take(self, number: int) -> bool:
        """Whether the bucket is this run's now."""
        stream = locked(self._folder / f"{number}.lock")
        if stream is not None:
            self.enter_context(stream)
        return stream is not None

    def let_go(self) -> None:
        """Of all buckets: what was in them is done."""
        self.close()
