"""The paper's results on its test set (Tables 2 and 3, section 5.3), to set ours beside."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.training.config import (
    CMTConfig,
    ContrastiveConfig,
    LightFieldConfig,
    QueryOnlyConfig,
    TrainingConfig,
    ViTConfig,
)


@dataclass(frozen=True)
class PaperRow:
    """In percent; None where the paper gives no number."""

    name: str
    auc: float | None
    accuracy: float | None
    box_ap: float | None = None
    closest_view: float | None = None


#: By (guided, position, alignment, balance).
CMT_ROWS = {
    (False, False, False): PaperRow("A: no CGA, VLFA, 3DPE", 76.1, 66.8),
    (True, False, False): PaperRow("B: no VLFA, 3DPE", 76.3, 67.1),
    (False, False, True): PaperRow("C: no CGA, 3DPE", 80.8, 72.3),
    (True, False, True): PaperRow("D: no 3DPE", 82.6, 73.7),
    (True, True, False): PaperRow("no alignment", 78.5, 68.3),
}
FULL, WITH_BOX = PaperRow("CMT", 84.7, 75.4, closest_view=89.0), PaperRow("CMT and box head", 85.9, 77.3, 56.5, 89.0)
BALANCES = {1.0: PaperRow("query-view alignment only", 78.6, 68.1), 0.0: PaperRow("view-view only", 81.6, 73.7)}


def paper_row(config: TrainingConfig) -> PaperRow | None:
    """What the paper reports for such a model, None for what it does not have."""
    match config.model:
        case CMTConfig(patch_head=True):
            return None
        case CMTConfig() as model:
            aligned = config.alignment_weight > 0
            if aligned and config.query_labels == "exact":
                return None
            if aligned and model.guided and model.position:
                return BALANCES.get(config.alignment_balance, WITH_BOX if model.box_head else FULL)
            return CMT_ROWS.get((model.guided, model.position, aligned))
        case QueryOnlyConfig(patch_head=False) as model:
            if model.blocks:
                return PaperRow("ResNet18-FPN and self-attention", 75.2, 65.1)
            return PaperRow("ResNet18-FPN", 74.6, 64.7)
        case ViTConfig() as model:
            return PaperRow("ViT", 75.4, 65.2, 42.6 if model.box_head else None)
        case ContrastiveConfig():
            return PaperRow("Lin et al.", None, 67.8)
        case LightFieldConfig():
            return PaperRow("LFD", None, 64.9)
    return None
