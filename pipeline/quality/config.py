"""Settings of quality control: what makes an image unusable."""

from __future__ import annotations

from pydantic import Field

from pipeline.settings.base import Fraction, StrictModel


class QualityConfig(StrictModel):
    """What makes an image unusable."""

    max_magenta_share: Fraction = Field(0.001, description="share of object pixels in missing-texture magenta")
    min_object_contrast: float = Field(
        4.0, ge=0, description="standard deviation of the object's grey values (0-255) below which it is blank"
    )
    min_index_agreement: Fraction = Field(
        0.98, description="share of the object's pixels at which Blender's part ids and the ray cast's agree"
    )
    min_anomaly_agreement: Fraction = Field(
        0.9, description="the same over the pixels of each anomalous part, where it is and where it was"
    )
    min_change: float = Field(
        10.0, ge=0, description="a pixel whose channels differ by this much on average (0-255) has visibly changed"
    )
    min_perceptible_pixels: int = Field(
        20, ge=0, description="pixels that each anomaly changes visibly against the counterfactual, at 256x256"
    )
    min_changed_share: Fraction = Field(
        0.1, description="share of a part's pixels that a change of its surface alters visibly, over that elsewhere"
    )
    max_changed_elsewhere: Fraction = Field(
        0.1, description="share of the object's other pixels that differ from the counterfactual as no shadow does"
    )
