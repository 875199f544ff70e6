"""Faded: a part that sunlight has bleached."""

from __future__ import annotations

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_visible
from pipeline.anomalies.surfaces import fade

KIND = Kind(fade, require_visible)
