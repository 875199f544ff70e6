"""Stained: a part with blotches of one stain."""

from __future__ import annotations

from pipeline.anomalies.kind import Kind
from pipeline.anomalies.proving.proof import require_visible
from pipeline.anomalies.surfaces import stain

KIND = Kind(stain, require_visible)
