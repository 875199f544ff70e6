"""Seconds per anomaly and type on synthetic chairs (real ones: L3D_PARTNET=<folder of shapes>)."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.table import report, seconds
from pipeline.anomalies.anomaly import ANOMALY_TYPES
from pipeline.anomalies.donors import Donors, donor_entries
from pipeline.anomalies.generate import make_anomaly
from pipeline.config import AnomaliesConfig, ShapesConfig
from pipeline.errors import UnitRejected
from pipeline.shapes.sources import parse_source


def main() -> None:
    """Two anomalies of every type on every shape, one process."""
    partnet = os.environ.get("L3D_PARTNET")
    with tempfile.TemporaryDirectory() as scratch:
        text = f"partnet:{partnet}" if partnet else "synthetic:12"
        source = parse_source(text, 0, Path(scratch), ShapesConfig())
        shapes = {i: source.read(i) for i in source.ids()}
        donors = Donors.from_entries((e for s in shapes.values() for e in donor_entries(s)), shapes.__getitem__)
        config = AnomaliesConfig()
        times: dict[str, list[float]] = {}
        for kind in ANOMALY_TYPES:
            times[kind] = []
            for shape in shapes.values():
                for index in range(2):
                    try:
                        work = partial(make_anomaly, shape, index, kind, donors, config, 0)
                        times[kind] += seconds(work, 1)
                    except UnitRejected as rejection:
                        print(f"not possible: {rejection.message}")
    report("anomalies", times, "missing")
