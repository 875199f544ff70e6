"""The prior table: which zone labels fall in, and what a faulty table is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.appearance.priors import BUILTIN, load_priors
from pipeline.errors import PipelineError


@pytest.mark.parametrize(
    ("label", "zone"),
    [
        ("chair/chair_seat/seat_surface/seat_single_surface", "seat"),
        ("chair/chair_seat/seat_surface/seat_surface_bar", "slats"),
        ("chair/chair_seat", "seat"),
        ("chair/chair_seat/seat_support", "support"),
        ("chair/chair_seat/seat_frame/seat_frame_bar", "frame"),
        ("chair/chair_back/back_frame/back_holistic_frame", "frame"),
        ("chair/chair_base/regular_leg_base/bar_stretcher", "legs"),
        ("chair/chair_base/star_leg_base/star_leg_set/caster/wheel", "casters"),
        ("chair/chair_base/star_leg_base/mechanical_control/knob", "mechanism"),
        ("chair/chair_base/pedestal_base/central_support", "pedestal"),
        ("chair/footrest/chair_seat/seat_surface", "footrest"),
        ("chair/footrest/chair_base", "legs"),
        ("table/regular_table/tabletop/tabletop_surface/board", "tabletop"),
        ("table/regular_table/table_base/regular_leg_base/leg", "legs"),
        ("lamp/lamp_unit/lamp_head", "lamp/lamp_unit"),
        ("lamp", "lamp"),
    ],
)
def test_zone_of_label(label: str, zone: str) -> None:
    assert load_priors().zone_of(label) == zone


def test_class_too_rare_in_a_zone_is_not_taken_over() -> None:
    priors = load_priors()
    assert "wood" in priors.weights("pedestal", None)
    assert priors.usual("pedestal", None) == {"metal", "plastic"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("zone: casters", "zone: rollers", r"unknown zone\(s\) rollers; there are seat, back"),
        ("follows: {seat: 0.85}", "follows: {legs: 0.85}", "zone back follows legs; it can only follow a zone listed"),
        (", metal: 0.02}", "}", "zones.seat.weights.*no weight for metal; give a small one"),
        ("fabric: 0.64", "cloth: 0.64", "soft.cloth"),
        ("max_materials: 4", "max_materials: 0", "max_materials = 0"),
        ("max_materials: 4", "max_colours: 4", "unknown key 'max_colours'"),
        ("soft: {", "soft: [", r"priors\.yaml cannot be read as YAML"),
    ],
)
def test_faulty_table_is_named_with_what_is_allowed(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = BUILTIN.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "priors.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PipelineError, match=message) as error:
        load_priors(path)
    assert "priors.yaml" in str(error.value)
