"""Settings of packing."""

from __future__ import annotations

from pydantic import Field

from pipeline.settings.base import StrictModel


class ShardsConfig(StrictModel):
    """Packing."""

    shapes_per_shard: int = Field(64, ge=1, description="shapes in one file")
    compression_level: int = Field(4, ge=0, le=9, description="gzip level")
