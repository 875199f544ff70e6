"""Runs of a few seconds: one image of every intact shape, tiny and noisy."""

from __future__ import annotations

from pathlib import Path

from pipeline.format.labels import PAPER_TYPES

SETTINGS = (
    "split={train: 1, val: 0, test: 0}",
    *(f"plan.types.{name}={{images: 0}}" for name in PAPER_TYPES),
    "plan.normal={images: 1, images_per_shape: [1, 1]}",
    "views.resolution=32",
    "views.reference_views=1",
    "views.surface_points=10",
    "materials.map_size=32",
    "materials.only=[walnut, denim]",
    "render.samples=1",
    "render.reference_samples=1",
    "render.denoise=none",
    "quality.min_object_contrast=0",
)


def quick(out: Path, partnet: Path, *extra: str) -> list[str]:
    """Arguments of ``l3d-gen`` for such a run over a PartNet folder."""
    return ["--out", str(out), "--source", f"partnet:{partnet}", *(p for s in SETTINGS for p in ("--set", s)), *extra]
