"""What a stage says of itself, and what it may know of the stages before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal

from pipeline.engine.unit import ContextT, Unit

#: The digest of what is yet to be made: no record has it.
PENDING = "to be made"


@dataclass(frozen=True)
class Outcome:
    """What the stages after it need to know of a unit."""

    status: Literal["done", "rejected", "failed", "pending"]
    digest: str
    rejects: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    message: str = ""

    @property
    def there(self) -> bool:
        """Whether there is something to go on with, now or once it is made."""
        return self.status in ("done", "pending")


class Outcomes:
    """What became of the units of the stages that have had their turn."""

    def __init__(self) -> None:
        self._by_stage: dict[str, dict[str, Outcome]] = defaultdict(dict)

    def note(self, stage: str, unit: str, outcome: Outcome) -> None:
        self._by_stage[stage][unit] = outcome

    @property
    def stages(self) -> list[str]:
        """Those that had their turn and any unit, in order."""
        return [stage for stage, units in self._by_stage.items() if units]

    def of(self, stage: str) -> Mapping[str, Outcome]:
        """Unit -> outcome, of all units of a stage that had its turn, in order."""
        return self._by_stage[stage]

    def done(self, stage: str) -> list[str]:
        """The units that gave something, in order."""
        return [name for name, outcome in self._by_stage[stage].items() if outcome.there]

    def pending(self, stage: str) -> bool:
        """Whether anything of the stage is yet to be made, so that its files must not be read (in a survey only)."""
        return any(outcome.status == "pending" for outcome in self._by_stage[stage].values())

    def digest(self, stage: str, unit: str) -> str:
        """What the stage made of the unit; of a unit that is no more (in a survey only), that it is to be made."""
        outcome = self._by_stage[stage].get(unit)
        return outcome.digest if outcome is not None else PENDING

    def inputs(self, unit: str, *stages: str) -> dict[str, str]:
        """Stage -> digest of what it made of the unit, where it made something."""
        found = {stage: self._by_stage[stage].get(unit) for stage in stages}
        return {stage: outcome.digest for stage, outcome in found.items() if outcome is not None and outcome.there}


def _no_check(context: object) -> None:
    """Nothing can be said before the stage's turn."""


def _nothing_left(context: object, outcomes: Outcomes) -> None:
    """Whatever is there belongs to the stage's units."""


def _as_it_comes(context: ContextT, jobs: int, waiting: int) -> tuple[ContextT, int]:
    return context, jobs


@dataclass(frozen=True)
class Stage(Generic[ContextT]):
    """One row of the table of stages.

    name: also that of its records' folder.
    unit: what one unit of it is, for people.
    version: raise it when what the stage makes of the same input changes; finished units are then made again.
    libraries: distributions whose version can change what it makes.
    units: the context, and what came of the stages before -> its units; pure, and quick.
    check: raises PipelineError for settings of the stage that cannot be met, before anything is done.
    equip: the context and the number of processes that ``waiting`` units are made with.
    finish: what is to be put right when all units have had their turn, such as files of units that are no more.
    counted_in: what the sizes of its units are numbers of, for people; of units themselves without it.
    isolated: whether its units are made in processes of their own; not, what is one unit and quick.
    implied: whether it is done, too, whenever a later stage is wanted: for what is quick.
    needs_all: whether a unit that fails (not: is rejected) ends the run, since later stages depend on which there are.
    optional: whether the run loses nothing by a unit that is rejected.
    """

    name: str
    unit: str
    version: int
    libraries: tuple[str, ...]
    units: Callable[[ContextT, Outcomes], Iterable[Unit[ContextT]]]
    check: Callable[[ContextT], None] = _no_check
    equip: Callable[[ContextT, int, int], tuple[ContextT, int]] = _as_it_comes
    finish: Callable[[ContextT, Outcomes], None] = _nothing_left
    counted_in: str = ""
    isolated: bool = True
    implied: bool = False
    needs_all: bool = False
    optional: bool = False

    @property
    def counted(self) -> str:
        return self.counted_in or f"{self.unit}s"
