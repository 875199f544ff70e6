"""What a plan will cost in time and disk, from measured rates (docs/results.md)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.planning.plan import Plan
from pipeline.planning.summary import image_counts
from pipeline.rendering.config import RenderConfig
from pipeline.views.config import ViewsConfig

#: Seconds on one core: a shape (read, ray casts, Blender's start, unwrapping), an anomaly, and at 256 x 256 a photo
#: without its samples, a sample of it, and a reference view. A counterfactual is a photo, too.
SHAPE_SECONDS, ANOMALY_SECONDS = 5.0, 0.35
PHOTO_SECONDS, SAMPLE_SECONDS, REFERENCE_SECONDS = 0.25, 0.08, 0.1
#: Bytes at 256 x 256, in all folders together.
SHAPE_BYTES, IMAGE_BYTES, REFERENCE_BYTES = 500_000, 220_000, 60_000
#: The edge of an image that the rates are for.
MEASURED_AT = 256


@dataclass(frozen=True)
class Estimate:
    """core_seconds: of all stages on one core; bytes: of all that is written."""

    core_seconds: float
    bytes: float


def estimate(plan: Plan, views: ViewsConfig, render: RenderConfig) -> Estimate:
    """Cost of a plan on a CPU like the one measured; within about a factor of two on another."""
    images = sum(image_counts(plan).values())
    references = len(plan) * views.reference_views
    anomalies = sum(len(shape.anomalies) for shape in plan.values())
    area = (views.resolution / MEASURED_AT) ** 2
    normal = sum(shape.normal_images for shape in plan.values())
    photos = images + render.counterfactual_share * (images - normal)
    photo = PHOTO_SECONDS + SAMPLE_SECONDS * render.samples * area
    seconds = len(plan) * SHAPE_SECONDS + anomalies * ANOMALY_SECONDS + photos * photo
    size = len(plan) * SHAPE_BYTES + area * (images * IMAGE_BYTES + references * REFERENCE_BYTES)
    return Estimate(seconds + references * REFERENCE_SECONDS * area, size)
