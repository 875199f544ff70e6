"""Plans on disk, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.digests import digest
from pipeline.errors import PipelineError
from pipeline.files import read_json, write_json
from pipeline.planning.plan import ShapePlan


@dataclass(frozen=True)
class FirstPlan:
    """What is planned before anything is made. splits, shapes: by shape id."""

    splits: dict[str, str]
    shapes: dict[str, ShapePlan]


_SHAPE_PLAN = TypeAdapter(ShapePlan)
_FIRST_PLAN = TypeAdapter(FirstPlan)
_SHAPE_PLANS = TypeAdapter(dict[str, ShapePlan])


def save_first_plan(path: Path, plan: FirstPlan) -> None:
    """Write splits and shapes' plans atomically."""
    write_json(path, asdict(plan))


def load_first_plan(path: Path) -> FirstPlan:
    """Read what ``save_first_plan`` wrote. Raises PipelineError."""
    return _parse(_FIRST_PLAN, path, read_json(path))


def save_plan(path: Path, plan: Mapping[str, ShapePlan], **more: Any) -> None:
    """Write the shapes' plans atomically, and ``more`` for people beside them."""
    write_json(path, {**more, "shapes": {i: asdict(shape) for i, shape in plan.items()}})


def load_plan(path: Path) -> dict[str, ShapePlan]:
    """Read the shapes' plans that ``save_plan`` wrote. Raises PipelineError."""
    content = read_json(path)
    return _parse(_SHAPE_PLANS, path, content.get("shapes") if isinstance(content, dict) else None)


def plan_digest(plan: ShapePlan) -> str:
    """What of a shape is planned, as a hex digest."""
    return digest(_SHAPE_PLAN.dump_python(plan, mode="json"))


def _parse(adapter: TypeAdapter[Any], path: Path, content: Any) -> Any:
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        raise PipelineError(f"{path} is no plan of this version ({error.error_count()} faults); remove it") from error
