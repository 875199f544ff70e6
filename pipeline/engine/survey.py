"""What a run would do, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.looking import look
from pipeline.engine.stage import PENDING, Outcome, Outcomes, Stage
from pipeline.engine.unit import ContextT


@dataclass(frozen=True)
class StageSurvey:
    """What a stage has done and would do: units by what became of them, those to be made, and why (reason -> units).

    set_aside: names of those that broke each time, which are made only when asked for; size, size_left: of all units
    and of those to be made, in what the stage counts.
    """

    stage: str
    unit: str
    counted: str
    done: int
    rejected: int
    set_aside: tuple[str, ...]
    to_make: int
    size: int
    size_left: int
    reasons: Counter[str]

    @property
    def units(self) -> int:
        return self.done + self.rejected + len(self.set_aside) + self.to_make


def survey(
    stages: Sequence[Stage[ContextT]], context: ContextT, folder: Path, retry: bool = False
) -> list[StageSurvey]:
    """What ``execute`` would do, as far as that can be said before it is done; nothing is written.

    A unit whose input is to be made counts as to be made itself, although its input may come out as it was. Which units
    a stage has may depend on what is to be made before it: it then lists those of the last time. retry: whether what is
    set aside would be tried again.
    """
    outcomes = Outcomes()
    return [_survey_stage(stage, context, folder, outcomes, retry) for stage in stages]


def _survey_stage(
    stage: Stage[ContextT], context: ContextT, folder: Path, outcomes: Outcomes, retry: bool
) -> StageSurvey:
    found = look(stage, context, folder, outcomes, retry)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for unit in found.units:
        outcome = found.standing.get(unit.name, Outcome("pending", PENDING))
        outcomes.note(stage.name, unit.name, outcome)
        counts[outcome.status] += 1
        if unit.name in found.unmade:
            reasons.update(found.unmade[unit.name].reasons())
    return StageSurvey(
        stage=stage.name,
        unit=stage.unit,
        counted=stage.counted,
        done=counts["done"],
        rejected=counts["rejected"],
        set_aside=tuple(name for name, outcome in found.standing.items() if outcome.status == "failed"),
        to_make=counts["pending"],
        size=sum(unit.size for unit in found.units),
        size_left=sum(unit.size for unit in found.units if unit.name in found.unmade),
        reasons=reasons,
    )
