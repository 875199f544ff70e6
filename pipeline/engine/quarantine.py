"""Units that broke every time they were tried: set aside, with why, until one asks for them again.

One lies in ``quarantine/<stage>/<unit>.json``. It counts as long as the unit would be made of the same: what has
changed is tried again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from pipeline.engine.records import Record
from pipeline.engine.unit import Basis
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.typed_json import read_typed


@dataclass(frozen=True)
class Try:
    """One that failed. ``reason``: a slug for statistics; ``message``: all that is known, for people."""

    reason: str
    message: str
    seconds: float = 0.0


@dataclass(frozen=True)
class SetAside:
    """A unit in quarantine, its tries in order."""

    stage: str
    unit: str
    basis: Basis
    tries: tuple[Try, ...]

    @property
    def record(self) -> Record:
        return Record(self.basis, "failed", reason=self.tries[-1].reason, message=self.tries[-1].message)


_SET_ASIDE = TypeAdapter(SetAside)


@dataclass(frozen=True)
class Quarantine:
    """Those under one folder."""

    folder: Path

    def path(self, stage: str, unit: str) -> Path:
        return Path(f"{self.folder}/quarantine/{stage}/{unit}.json")

    def add(self, stage: str, unit: str, basis: Basis, tries: Sequence[Try]) -> Record:
        """Set a unit aside; the record of a failed one."""
        entry = SetAside(stage, unit, basis, tuple(tries))
        write_json(self.path(stage, unit), asdict(entry))
        return entry.record

    def remove(self, stage: str, unit: str) -> None:
        self.path(stage, unit).unlink(missing_ok=True)

    def find(self, stage: str, unit: str, basis: Basis) -> Record | None:
        """The record of a unit that was set aside and would be made of the same now."""
        path = self.path(stage, unit)
        found = _read(path) if path.exists() else None
        return found.record if found is not None and found.basis == basis else None

    def all(self) -> Iterator[SetAside]:
        """Every unit that is set aside, by stage and name."""
        for path in sorted((self.folder / "quarantine").glob("*/*.json")):
            found = _read(path)
            if found is not None:
                yield found


def _read(path: Path) -> SetAside | None:
    """None where a file is no entry: the unit is then tried again."""
    try:
        found = read_typed(path, _SET_ASIDE, "entry", "remove it")
    except PipelineError:
        return None
    return found if found.tries else None
