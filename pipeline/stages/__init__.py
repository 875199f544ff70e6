"""The table of stages, in order. One module a stage says all of it: unit, inputs, settings, version, outputs, work."""

from pipeline.engine.stage import Stage
from pipeline.stages import (
    anomalies,
    library,
    maps,
    materials,
    palette,
    plan,
    quality,
    render,
    report,
    settle,
    shapes,
    shards,
    standins,
    topup,
    views,
)
from pipeline.stages.context import Context

STAGES: tuple[Stage[Context], ...] = (
    shapes.STAGE,
    plan.STAGE,
    anomalies.STAGE,
    standins.STAGE,
    topup.STAGE,
    settle.STAGE,
    views.STAGE,
    library.STAGE,
    palette.STAGE,
    materials.STAGE,
    maps.STAGE,
    render.STAGE,
    quality.STAGE,
    shards.STAGE,
    report.STAGE,
)
NAMES = tuple(stage.name for stage in STAGES)
