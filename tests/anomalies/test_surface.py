"""Surface anomalies: what is drawn stays within its settings, replaces nothing, and keeps to what can be told."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.anomalies.anomaly import Effect, SurfaceChange
from pipeline.anomalies.config import AnomaliesConfig, SurfaceConfig
from pipeline.anomalies.kind import Kind, find_kind
from pipeline.anomalies.surfaces import STAINS
from pipeline.anomalies.task import Change
from pipeline.errors import UnitRejected
from pipeline.format.labels import SURFACE_TYPES
from tests.anomalies.toy_chairs import chair, task

FADED, STAINED, SCRATCHED, OTHER_MATERIAL = map(find_kind, SURFACE_TYPES)
SEAT, LEG = 1, 3
PATTERNS = {"faded": FADED, "stained": STAINED, "scratched": SCRATCHED}


def draw(kind: Kind, seed: int, part: int = SEAT, config: AnomaliesConfig | None = None) -> Change:
    return kind.draw(task(chair(), part, config=config), np.random.default_rng(seed))


def surface_change(kind: Kind, seed: int, part: int = SEAT) -> SurfaceChange:
    drawn = draw(kind, seed, part).surface
    assert drawn is not None
    return drawn


@pytest.mark.parametrize("effect", PATTERNS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_draws_stay_within_their_settings_and_leave_the_geometry(effect: str, seed: int) -> None:
    config = SurfaceConfig()
    strengths = {
        "faded": config.fade_strength,
        "stained": config.stain_strength,
        "scratched": config.scratch_strength,
    }
    sizes = config.scratch_length if effect == "scratched" else config.patch_size
    change = draw(PATTERNS[effect], seed)
    assert change.surface is not None
    assert change.replaced == {}
    assert change.surface.effect == effect
    assert strengths[effect][0] <= change.surface.strength <= strengths[effect][1]
    # The seat is a box of 0.8 x 0.1 x 0.8: its area is 1.6.
    assert sizes[0] <= change.surface.scale / 1.6**0.5 <= sizes[1]


def test_pattern_of_a_leg_is_finer_than_that_of_a_seat_by_the_root_of_their_areas() -> None:
    seat, leg = surface_change(STAINED, 5), surface_change(STAINED, 5, LEG)
    assert leg.scale / seat.scale == pytest.approx(((4 * 0.08 * 0.5 + 2 * 0.08**2) / 1.6) ** 0.5)


def test_every_stain_is_drawn_sooner_or_later_in_its_own_colour() -> None:
    drawn = set()
    for seed in range(60):
        change = draw(STAINED, seed)
        assert change.surface is not None
        drawn.add((change.parameters["stain"], change.surface.colour))
    assert drawn == set(STAINS.items())


def test_same_seed_gives_the_same_change_and_another_seed_another() -> None:
    for kind in (*PATTERNS.values(), OTHER_MATERIAL):
        assert surface_change(kind, 3, LEG) == surface_change(kind, 3, LEG) != surface_change(kind, 4, LEG)


def test_leg_may_get_another_material_because_the_other_legs_tell_it_is_odd() -> None:
    change = draw(OTHER_MATERIAL, 0, LEG)
    assert change.surface is not None
    assert change.replaced == {}
    assert change.surface.effect == "other material"
    assert 0 <= change.surface.choice < 1
    assert change.surface.effect in get_args(Effect)


def test_only_seat_in_another_material_is_no_anomaly_unless_the_settings_say_so() -> None:
    with pytest.raises(UnitRejected, match="needs_twin") as rejected:
        draw(OTHER_MATERIAL, 0, SEAT)
    assert rejected.value.reason == "no-twin"
    lenient = AnomaliesConfig(surface=SurfaceConfig(needs_twin=False))
    assert draw(OTHER_MATERIAL, 0, SEAT, lenient).surface is not None
