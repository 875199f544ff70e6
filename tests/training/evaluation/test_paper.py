"""Which of the paper's rows a config is set beside."""

from __future__ import annotations

import pytest

from pipeline.training.config import load_training
from pipeline.training.evaluation.paper import paper_row


@pytest.mark.parametrize(
    ("variant", "auc", "accuracy"),
    [
        ("query-only", 74.6, 64.7),
        ("query-attention", 75.2, 65.1),
        ("vit", 75.4, 65.2),
        ("light-field", None, 64.9),
        ("contrastive", None, 67.8),
        ("a", 76.1, 66.8),
        ("b", 76.3, 67.1),
        ("c", 80.8, 72.3),
        ("d", 82.6, 73.7),
        ("no-alignment", 78.5, 68.3),
        ("query-view", 78.6, 68.1),
        ("view-view", 81.6, 73.7),
    ],
)
def test_variants_stand_beside_the_papers_row_of_that_name(variant: str, auc: float | None, accuracy: float) -> None:
    row = paper_row(load_training(None, variant))
    assert row is not None and (row.auc, row.accuracy) == (auc, accuracy)


def test_the_full_model_stands_beside_the_papers_with_a_box_head_or_without() -> None:
    with_box, without = (paper_row(load_training(None, "full", [f"model.box_head={box}"])) for box in ("true", "false"))
    assert with_box is not None and (with_box.auc, with_box.accuracy, with_box.box_ap) == (85.9, 77.3, 56.5)
    assert without is not None and (without.auc, without.accuracy, without.box_ap) == (84.7, 75.4, None)
    assert with_box.closest_view == without.closest_view == 89.0


@pytest.mark.parametrize("variant", ["exact", "dense", "all-keys"])
def test_what_the_paper_does_not_have_stands_alone(variant: str) -> None:
    assert paper_row(load_training(None, variant)) is None
