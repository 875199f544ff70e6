"""Looking at what a folder holds of a stage's units: what stands, what is set aside, what is to be made, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Generic

from pipeline.engine.executor import Task
from pipeline.engine.quarantine import Quarantine
from pipeline.engine.records import Finding, Record, Records
from pipeline.engine.stage import PENDING, Outcome, Outcomes, Stage
from pipeline.engine.unit import Basis, ContextT, Unit


@dataclass(frozen=True)
class Unmade:
    """A unit that is to be made, and why."""

    task: Task
    finding: Finding

    def reasons(self) -> list[str]:
        """The kinds of reasons, one each; of inputs to be made themselves, too."""
        pending = sorted({_kind(name) for name, value in self.task.basis.inputs.items() if value == PENDING})
        found = self.finding.reasons
        changed = {_kind(reason.split()[1]) for reason in found if reason.startswith("input ")} - set(pending)
        return [
            *(reason for reason in found if not reason.startswith("input ")),
            *(f"input {kind} changed" for kind in sorted(changed)),
            *(f"input {kind} to be made" for kind in pending if found != ("new",)),
        ]


def _kind(name: str) -> str:
    """The kind of an input: of ``donor 1234`` and ``donor 5678`` the same."""
    return name.split()[0]


@dataclass(frozen=True)
class Look(Generic[ContextT]):
    """A stage's units in order; what came of those whose records stand or that are set aside; the others, by name."""

    units: list[Unit[ContextT]]
    standing: dict[str, Outcome]
    unmade: dict[str, Unmade]


def look(
    stage: Stage[ContextT], context: ContextT, folder: Path, outcomes: Outcomes, retry: bool = False
) -> Look[ContextT]:
    """Look at a stage's units; ``retry``: what is set aside counts as unmade."""
    records, quarantine = Records(folder), Quarantine(folder)
    libraries = {name: _version(name) for name in stage.libraries}
    found: Look[ContextT] = Look([], {}, {})
    for unit in stage.units(context, outcomes):
        basis = Basis(stage.version, libraries, unit.settings, unit.inputs)
        finding = records.find(stage.name, unit.name, basis)
        record = finding.record or (None if retry else quarantine.find(stage.name, unit.name, basis))
        found.units.append(unit)
        if record is None:
            found.unmade[unit.name] = Unmade(Task(stage.name, unit, basis), finding)
        else:
            found.standing[unit.name] = as_outcome(record)
    return found


@cache
def _version(distribution: str) -> str:
    return version(distribution)


def as_outcome(record: Record) -> Outcome:
    """What later stages need to know of a record."""
    return Outcome(record.status, record.digest, record.rejects, record.reason, record.message)
