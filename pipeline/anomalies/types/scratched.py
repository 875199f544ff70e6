"""Scratched: a part with scratches."""

from __future__ import annotations

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_visible
from pipeline.anomalies.surfaces import scratch

KIND = Kind(scratch, require_visible)
