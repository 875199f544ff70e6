"""Which part is anomalous, and what it is called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.format.schema import Mesh
from pipeline.training.aligning.naming import anomalous_part
from pipeline.training.aligning.words import part_words
from tests.pose.scenes import CHAIR, Box, mesh_of

NOTHING = np.zeros((4, 6))
IDS = np.array([[1, 1, 1, 2, 2, 0]] * 4, dtype=np.uint16)


def all_called(label: str, mesh: Mesh) -> Mesh:
    return replace(mesh, labels=dict.fromkeys(mesh.labels, label))


def test_the_part_that_the_gone_pixels_cover_is_the_anomalous_one() -> None:
    assert anomalous_part(np.where(IDS == 2, 0.9, 0.05), NOTHING, IDS) == 2
    # A large part of which all is a little suspicious is not it.
    assert anomalous_part(np.where(IDS == 2, 0.7, 0.3), NOTHING, IDS) == 2
    # A part that holds all of them and much more is not it.
    assert anomalous_part(np.where(IDS == 2, 0.9, np.where(IDS == 1, 0.45, 0.0)), NOTHING, IDS) == 2


def test_where_nothing_is_gone_the_part_counts_that_new_pixels_cover() -> None:
    assert anomalous_part(NOTHING + 0.1, np.where(IDS == 1, 0.9, 0.0), IDS) == 1


def test_where_no_part_is_there_is_none() -> None:
    assert anomalous_part(NOTHING + 0.9, NOTHING, np.zeros((4, 6), dtype=np.uint16)) == 0
    assert anomalous_part(np.where(IDS == 0, 0.9, 0.0), NOTHING, IDS) == 0


@pytest.mark.parametrize("where", ["front left", "front right", "back left", "back right"])
def test_legs_are_called_as_one_who_sits_would(where: str) -> None:
    boxes = {name: box for name, box in CHAIR.items() if name not in ("seat", "back", "arm")}
    mesh = all_called("chair/chair_base/leg", mesh_of(boxes))
    assert part_words(mesh, list(boxes).index(where) + 1) == f"{where} leg"


def test_parts_of_a_name_of_their_own_need_no_side() -> None:
    mesh = mesh_of({"chair/chair_back/back_single_surface": CHAIR["back"], "chair/chair_arm": CHAIR["arm"]})
    assert part_words(mesh, 1) == "back surface"
    assert part_words(mesh, 2) == "arm"


def test_of_three_bars_one_is_in_the_middle() -> None:
    bars: dict[str, Box] = {str(y): ((-0.3, y, 0.0), (0.3, y + 0.02, 0.05)) for y in (0.5, 0.1, 0.3)}
    mesh = all_called("chair/bar", mesh_of(bars))
    assert [part_words(mesh, i) for i in (1, 2, 3)] == ["upper bar", "lower bar", "middle bar"]
