"""Plans on disk, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.digests import digest
from pipeline.files import write_json
from pipeline.planning.plan import ShapePlan
from pipeline.typed_json import read_typed


@dataclass(frozen=True)
class FirstPlan:
    """What is planned before anything is made. splits, shapes: by shape id."""

    splits: dict[str, str]
    shapes: dict[str, ShapePlan]


@dataclass(frozen=True)
class _Plan:
    shapes: dict[str, ShapePlan]


_SHAPE_PLAN = TypeAdapter(ShapePlan)
_FIRST_PLAN = TypeAdapter(FirstPlan)
_PLAN = TypeAdapter(_Plan)


def save_first_plan(path: Path, plan: FirstPlan) -> None:
    """Write splits and shapes' plans atomically."""
    write_json(path, asdict(plan))


def load_first_plan(path: Path) -> FirstPlan:
    """Read what ``save_first_plan`` wrote. Raises PipelineError."""
    return read_typed(path, _FIRST_PLAN, "plan", "remove it")


def save_plan(path: Path, plan: Mapping[str, ShapePlan], **more: Any) -> None:
    """Write the shapes' plans atomically, and ``more`` for people beside them."""
    write_json(path, {**more, "shapes": {i: asdict(shape) for i, shape in plan.items()}})


def load_plan(path: Path) -> dict[str, ShapePlan]:
    """Read the shapes' plans that ``save_plan`` wrote. Raises PipelineError."""
    return read_typed(path, _PLAN, "plan", "remove it").shapes


def plan_digest(plan: ShapePlan) -> str:
    """What of a shape is planned, as a hex digest."""
    return digest(_SHAPE_PLAN.dump_python(plan, mode="json"))
