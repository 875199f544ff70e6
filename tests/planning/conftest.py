from __future__ import annotations

import pytest

from pipeline.anomalies.targets.nodes import Node
from pipeline.config import Config
from pipeline.planning.plan import Plan
from pipeline.planning.planner import Planner
from pipeline.settings.loading import load
from tests.planning.made_up import chairs, planner

#: As many chairs as PartNet has.
CHAIRS = 8143


@pytest.fixture(scope="session")
def paper() -> Config:
    return load(Config, "brokenchairs180k")


@pytest.fixture(scope="session")
def full_nodes() -> dict[str, list[Node]]:
    return chairs(CHAIRS)


@pytest.fixture(scope="session")
def full_planner(paper: Config, full_nodes: dict[str, list[Node]]) -> Planner:
    return planner(paper, full_nodes)


@pytest.fixture(scope="session")
def full_plan(full_planner: Planner) -> Plan:
    return full_planner.first_plan()
