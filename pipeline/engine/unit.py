"""What the engine works on: units, what they depend on, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

ContextT = TypeVar("ContextT")


@dataclass(frozen=True)
class Result:
    """What a unit's work returns: output files (under the run's folder), and counted refusals.

    rejects: reason -> how many items of this unit (anomalies, views, images) were refused for it.
    """

    outputs: tuple[Path, ...]
    rejects: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit(Generic[ContextT]):
    """One piece of work of a stage.

    settings: by dotted name, as ``flatten`` gives them; inputs: by name, the digest of what each holds; ``work`` does
    it. What is in neither must not change what comes of it. size: of the work, in what its stage counts.
    """

    name: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    work: Callable[[ContextT], Result]
    size: int = 1


@dataclass(frozen=True)
class Basis:
    """All that a unit's outcome depends on, as a record keeps it; JSON-serialisable."""

    version: int
    libraries: Mapping[str, str]
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
