"""Settings of Blender; none changes a label."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from pipeline.appearance.config import SurroundingsConfig
from pipeline.settings.base import Fraction, StrictModel

#: What Cycles draws on: of the GPUs, those that are preferred first.
DeviceKind = Literal["AUTO", "CPU", "OPTIX", "CUDA", "HIP", "METAL", "ONEAPI"]


class RenderConfig(StrictModel):
    """Blender's settings; none changes a label."""

    samples: int = Field(8, ge=1, description="Cycles samples per pixel of query images")
    counterfactual_share: Fraction = Field(
        1.0,
        description="share of the images with anomalies whose view is drawn once more on the intact shape, so that the "
        "quality stage can see what the anomaly changes; those with a change of surface always are",
    )
    counterfactual_samples: PositiveInt | None = Field(
        None,
        description="samples per pixel of these; null for as many as the query's, whose noise is then the same, so "
        "that nothing differs where nothing changed (measured: with fewer, textures differ all over)",
    )
    reference_samples: int = Field(8, ge=1, description="samples per pixel of reference views (noise-free shading)")
    denoise: Literal["none", "fast", "high"] = Field("high", description="OpenImageDenoise quality (fast prefilter)")
    device: DeviceKind = Field(
        "AUTO",
        description="what Cycles draws on: the GPUs of a kind, one process each, or the CPU; AUTO takes the best kind "
        "there is. Only the CPU is known to give the same bytes everywhere. What is drawn already is not drawn again "
        "when this changes",
    )
    timeout_seconds: float = Field(
        900.0, gt=0, description="a Blender process that gives no image for this long is stopped; its shape tried again"
    )
    surroundings: SurroundingsConfig = SurroundingsConfig()
