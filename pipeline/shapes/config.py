"""Settings of reading shapes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings.base import StrictModel

#: The axis that points up in what a mesh file's format makes of it; y is what all formats are brought to.
Up = Literal["y", "z"]


class ShapesConfig(StrictModel):
    """Reading and mending shapes."""

    category: str | None = Field("Chair", description="PartNet category to use; null for all")
    min_parts: int = Field(2, ge=2, description="a shape with fewer parts is rejected")
    max_faces: int = Field(500_000, ge=1, description="a shape with more triangles is rejected")
    merge_distance: float = Field(1e-6, ge=0, description="vertices nearer than this, in source units, are merged")


class ImportConfig(StrictModel):
    """What reading one mesh file by Blender may take."""

    seconds: float = Field(300.0, gt=0, description="a file that takes longer is refused")
    memory_gib: float = Field(4.0, gt=0, description="a file that needs more memory is refused; GiB")
