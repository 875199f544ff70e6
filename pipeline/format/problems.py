"""What is wrong with a dataset, in words that can be counted."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Problem:
    """One contradiction.

    kind: what is wrong, the same for all its cases, with ``{}`` in place of each of ``values``; where: the file, and
    what in it.

    >>> print(Problem("label {} contradicts anomaly_type {}", (0, 1)).within("train-00000.h5", "query 3"))
    train-00000.h5: query 3: label 0 contradicts anomaly_type 1
    """

    kind: str
    values: tuple[object, ...] = ()
    where: tuple[str, ...] = ()

    def within(self, *places: str) -> Problem:
        """The same of something inside of these places."""
        return replace(self, where=(*places, *self.where))

    def __str__(self) -> str:
        return ": ".join((*self.where, self.kind.format(*self.values)))
