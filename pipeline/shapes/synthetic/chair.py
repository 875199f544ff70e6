"""Making synthetic chair number n: which family it is of, its id, its PartNet folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.seeding import rng
from pipeline.shapes.synthetic.assembly import Assembly
from pipeline.shapes.synthetic.families import BUILDERS

#: Families in the order in which chair numbers cycle through them.
FAMILIES: tuple[str, ...] = tuple(BUILDERS)

_FIRST_ID = 100001


def chair_id(number: int) -> str:
    """PartNet annotation id of chair ``number`` (0-based). Raises PipelineError below 0."""
    if number < 0:
        raise PipelineError(f"synthetic chair number {number} is negative; numbers start at 0")
    return str(_FIRST_ID + number)


def chair_number(anno_id: str) -> int:
    """The number of the chair that has this id."""
    return int(anno_id) - _FIRST_ID


def build_chair(number: int, seed: int) -> tuple[str, Assembly]:
    """The family's name and the parts of chair ``number``, in metres."""
    family = FAMILIES[number % len(FAMILIES)]
    return family, BUILDERS[family](rng(seed, "synthetic", number))


def write_chair(directory: Path, number: int, seed: int) -> str:
    """Write chair ``number`` (0-based) to ``directory/<anno_id>/`` as PartNet v0 would; returns the anno id.

    The folder appears whole or not at all and replaces one that is there. +Y up, back toward -Z,
    bounding box about the origin, farthest vertex at distance 1; every mesh closed and wound outward.
    """
    anno_id = chair_id(number)
    family, chair = build_chair(number, seed)
    meta = {
        "model_id": f"synthetic-{family.replace('_', '-')}-{number}",
        "anno_id": anno_id,
        "user_id": "synthetic",
        "time_in_sec": "0",
        "version": "1",
        "model_cat": "Chair",
    }
    chair.write(directory / anno_id, meta)
    return anno_id
