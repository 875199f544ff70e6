"""Settings of cameras, and of what must be visible."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.settings.base import Fraction, PositiveRange, StrictModel, ordered

Elevation = Annotated[float, Field(gt=-90, lt=90)]
#: Distance of a camera from the origin: outside the object.
Radius = Annotated[float, Field(gt=1.0)]


class CameraVariety(StrictModel):
    """How the cameras of queries differ beyond azimuth and elevation; a camera that thereby cuts the object is refused.

    Reference views are not varied.
    """

    radius: Annotated[tuple[Radius, Radius], AfterValidator(ordered)] | None = Field(
        None, description="camera distances, uniform in [min, max] in steps of 0.01; null for views.radius"
    )
    focal_mm: PositiveRange | None = Field(
        None, description="focal lengths, uniform in [min, max]; null for views.focal_mm"
    )
    aim_offset: float = Field(
        0.0, ge=0, lt=1, description="cameras look at a point at most this far from the object's centre, in radii"
    )
    roll_degrees: float = Field(0.0, ge=0, le=180, description="cameras are turned about their axis, at most so far")


class ViewsConfig(StrictModel):
    """Cameras and what must be visible."""

    resolution: int = Field(256, ge=32, le=2048, multiple_of=8, description="image height and width in pixels")
    focal_mm: float = Field(
        41.0, gt=0, description="41 mm holds the unit sphere at radius 2.5; the paper's 50 mm cuts most PartNet chairs"
    )
    sensor_mm: float = Field(36.0, gt=0, description="width and height of the sensor")
    radius: Radius = Field(2.5, description="camera distance from the bounding-box centre")
    variety: CameraVariety = CameraVariety()
    azimuths: int = Field(20, ge=1, description="query azimuths: multiples of 360/azimuths degrees")
    elevation_degrees: Annotated[tuple[Elevation, Elevation], AfterValidator(ordered)] = Field(
        (20.0, 40.0), description="query elevations, uniform in [min, max]"
    )
    lights: int = Field(6, ge=1, le=6, description="light set-ups used: front, back, left, right, top, bottom")
    reference_views: int = Field(20, ge=1, description="grayscale views per shape, at regular azimuths from 0")
    reference_elevation_degrees: Elevation = Field(30.0, description="elevation of all reference views")
    surface_points: int = Field(1000, ge=1, description="surface points per shape for correspondences")
    min_changed_pixels: int = Field(40, ge=1, description="pixels that must differ, at 256x256 (scaled by area)")
    min_visible_share: Fraction = Field(0.2, description="share of the part's pixels not hidden by the rest")
    max_mask_iou: Fraction = Field(
        0.97, description="intersection over union of the part's pixels now and before; a larger one is refused"
    )
    min_inner_changed_pixels: int = Field(
        150,
        ge=1,
        description="pixels that make up for a larger one by differing inside the outline (a dent, a cavity), scaled",
    )
    max_texture_id: int = Field(10_000, ge=1, description="texture ids are drawn from 0 to this, exclusive")

    @property
    def query_radius(self) -> tuple[float, float]:
        """Least and largest distance of a query's camera."""
        return self.variety.radius or (self.radius, self.radius)

    @property
    def query_focal_mm(self) -> tuple[float, float]:
        """Shortest and longest focal length of a query's camera."""
        return self.variety.focal_mm or (self.focal_mm, self.focal_mm)
