"""All settings that decide a dataset: each section is its room's."""

from __future__ import annotations

from pydantic import Field

from pipeline.anomalies.config import AnomaliesConfig
from pipeline.appearance.config import MaterialsConfig
from pipeline.packing.config import ShardsConfig
from pipeline.planning.config import PlanConfig, SplitConfig
from pipeline.quality.config import QualityConfig
from pipeline.rendering.config import RenderConfig
from pipeline.settings.base import StrictModel
from pipeline.shapes.config import ImportConfig, ShapesConfig
from pipeline.views.config import ViewsConfig


class Config(StrictModel):
    """Everything that decides a dataset's content."""

    seed: int = Field(0, ge=0, description="seed of every named random choice")
    source: str = Field("synthetic:26", description="partnet:DIR or synthetic:N")
    only_shapes: tuple[str, ...] = Field((), description="use these shape ids alone; empty for all")
    shapes: ShapesConfig = ShapesConfig()
    importing: ImportConfig = ImportConfig()
    split: SplitConfig = SplitConfig()
    plan: PlanConfig = PlanConfig()
    anomalies: AnomaliesConfig = AnomaliesConfig()
    views: ViewsConfig = ViewsConfig()
    materials: MaterialsConfig = MaterialsConfig()
    render: RenderConfig = RenderConfig()
    quality: QualityConfig = QualityConfig()
    shards: ShardsConfig = ShardsConfig()
