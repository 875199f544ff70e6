"""Of another material than the parts that always wear the same."""

from __future__ import annotations

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_visible
from pipeline.anomalies.surfaces import exchange_material

KIND = Kind(exchange_material, require_visible)
