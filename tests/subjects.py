"""What exactness is tested on: analytic cubes, and real chairs with anomalies made on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.anomalies.anomaly import Anomaly
from pipeline.anomalies.config import AnomaliesConfig
from pipeline.anomalies.generate import make_anomaly
from pipeline.anomalies.targets.candidates import find_candidates, salience
from pipeline.anomalies.targets.donors import Donors
from pipeline.anomalies.targets.nodes import find_nodes
from pipeline.shapes.config import ShapesConfig
from pipeline.shapes.partnet import read_partnet
from pipeline.shapes.shape import Shape
from pipeline.views.config import ViewsConfig
from pipeline.views.reference import ReferenceViews, make_reference_views
from pipeline.views.select import View, ViewSelector
from tests.scenes import body_halved, knob_missing, knob_moved, three_cubes

CUBES = "cubes"
#: A few large faces; bars and slats; parts that share surfaces, so that two parts are hit at one depth.
CHAIRS = ("2323", "37574", "45075")
TYPES = ("missing", "positional", "broken")


@dataclass(frozen=True)
class Subject:
    """A shape, an anomaly of each of ``TYPES``, a view of it intact and one of each anomaly, its reference views."""

    shape: Shape
    anomalies: tuple[Anomaly, ...]
    config: ViewsConfig
    views: tuple[View, ...]
    reference: ReferenceViews

    def shown(self, view: View) -> list[Anomaly]:
        """The anomalies that ``view`` shows."""
        return [anomaly for anomaly in self.anomalies if anomaly.name in {mark.anomaly for mark in view.marks}]


def make_subject(name: str, request: pytest.FixtureRequest, config: ViewsConfig) -> Subject:
    """The subject of this name; skips for a chair where there are no real shapes."""
    anomalies: tuple[Anomaly, ...]
    if name == CUBES:
        shape, anomalies = three_cubes(), (knob_missing(), knob_moved(0.25), body_halved())
    else:
        shape, anomalies = _chair(request.getfixturevalue("shared_data") / "partnet" / name)
    views = ViewSelector(shape, config, 0).select([((), 1), *(((anomaly,), 1) for anomaly in anomalies)]).views
    assert [view.variant for view in views] == ["normal", *(anomaly.name for anomaly in anomalies)]
    return Subject(shape, anomalies, config, views, make_reference_views(shape, config, 0))


def _chair(folder: Path) -> tuple[Shape, tuple[Anomaly, ...]]:
    shape, config = read_partnet(folder, ShapesConfig()), AnomaliesConfig(parts=8)
    nodes = find_nodes(shape)
    targets = sorted(find_candidates(nodes, False, config), key=salience, reverse=True)[1:]
    donors = Donors({shape.shape_id: nodes}, lambda _: shape)
    return shape, tuple(make_anomaly(shape, k, kind, targets, donors, config, 0) for k, kind in enumerate(TYPES))
