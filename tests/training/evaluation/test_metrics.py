"""Metrics against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.evaluation.metrics import (
    LEVELS,
    LOGITS,
    Scores,
    accuracy,
    average_precision,
    best_threshold,
    box_ap,
    count_levels,
    evaluate_scores,
    map_ap,
    roc_auc,
)


def scored(
    probability: list[float],
    anomaly_type: list[int],
    type_names: tuple[str, ...] = ("normal", "broken"),
    **columns: Any,
) -> Scores:
    kinds = np.array(anomaly_type)
    part = np.where(kinds > 0, "Leg", "")
    rest = {"part": part, "shape": np.arange(len(kinds)), **columns}
    return Scores(probability=np.array(probability), anomaly_type=kinds, type_names=type_names, **rest)


few_levels = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=25)


@settings(deadline=None)
@given(few_levels)
def test_auc_equals_counting_all_pairs_with_ties_half(samples: list[tuple[int, bool]]) -> None:
    score, positive = np.array([s for s, _ in samples]) / 4, np.array([p for _, p in samples])
    wins = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    auc = roc_auc(score, positive)
    assert auc == (pytest.approx(np.mean(wins)) if wins else None)


@settings(deadline=None)
@given(few_levels)
def test_ap_equals_the_area_under_the_interpolated_curve_by_brute_force(samples: list[tuple[int, bool]]) -> None:
    confidence, correct = np.array([s for s, _ in samples]), np.array([c for _, c in samples])
    points = []
    for threshold in sorted(set(confidence.tolist()), reverse=True):
        kept = confidence >= threshold
        points.append((correct[kept].sum() / len(correct), correct[kept].mean()))
    area, before = 0.0, 0.0
    for i, (recall, _) in enumerate(points):
        area += (recall - before) * max(precision for _, precision in points[i:])
        before = recall
    assert average_precision(confidence, correct) == pytest.approx(area)


def test_ap_has_known_values() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(confidence, np.array([True, True, True, True])) == 1
    assert average_precision(confidence, np.array([False, False, False, False])) == 0
    assert average_precision(confidence, np.array([True, False, True, False])) == pytest.approx(1 / 4 + 2 / 3 / 4)


def test_evaluation_by_type_sets_each_type_against_the_normal_images() -> None:
    scores = scored(
        probability=[0.1, 0.4, 0.9, 0.3, 0.2],
        anomaly_type=[0, 0, 1, 5, 5],
        type_names=("normal", "positional", "rotational", "broken", "swapped", "missing"),
        box_iou=np.array([0.0, 0.0, 0.8, 0.5, 0.4]),
    )
    evaluation = evaluate_scores(scores)
    assert list(evaluation.by_type) == ["normal", "positional", "missing"]
    positional, missing = evaluation.by_type["positional"], evaluation.by_type["missing"]
    assert (positional.images, positional.auc, positional.accuracy, positional.box_ap) == (1, 1.0, 1.0, 1.0)
    assert (missing.images, missing.auc, missing.accuracy, missing.box_ap) == (2, 0.5, 0.0, 0.5)
    assert evaluation.by_type["normal"].auc is None and evaluation.by_type["normal"].box_ap is None
    assert evaluation.overall.images == 5
    assert evaluation.overall.auc == pytest.approx(4 / 6)
    assert evaluation.overall.accuracy == pytest.approx(3 / 5)
    assert evaluation.overall.box_ap == pytest.approx(2 / 3)


def test_types_go_by_the_names_of_the_shards() -> None:
    scores = scored([0.1, 0.7, 0.8], [0, 2, 3], ("normal", "broken", "rusty", "several"))
    by_type = evaluate_scores(scores).by_type
    assert {name: metrics.images for name, metrics in by_type.items()} == {"normal": 1, "rusty": 1, "several": 1}


def test_without_a_box_head_there_is_no_ap() -> None:
    evaluation = evaluate_scores(scored([0.1, 0.9], [0, 1], ("normal", "broken")))
    assert evaluation.overall.box_ap is None and evaluation.overall.auc == 1


def test_metrics_of_parts_set_each_part_against_the_normal_images() -> None:
    scores = scored([0.2, 0.1, 0.7, 0.6], [0, 1, 1, 1], part=np.array(["", "Leg", "Leg", "Arm"]))
    by_part = evaluate_scores(scores).by_part
    assert {name: (part.images, part.auc, part.accuracy) for name, part in by_part.items()} == {
        "Arm": (1, 1.0, 1.0),
        "Leg": (2, 0.5, 0.5),
    }


@settings(deadline=None)
@given(few_levels)
def test_no_threshold_is_more_accurate_than_the_best_one(samples: list[tuple[int, bool]]) -> None:
    scores = scored([s / 4 for s, _ in samples], [int(p) for _, p in samples])
    best = best_threshold(scores)
    assert 0 <= best <= 1
    tried = [accuracy(scores, threshold) for threshold in np.linspace(0, 1, 41)]
    assert accuracy(scores, best) >= max(tried)
    equal = [t for t in np.linspace(0, 0.999, 41) if accuracy(scores, t) == accuracy(scores, best)]
    assert all(abs(best - 0.5) <= abs(t - 0.5) + 1e-9 for t in equal)


def test_anomalies_that_change_little_are_told_from_those_that_change_much() -> None:
    scores = scored([0.9, 0.4, 0.7, 0.3], [1, 1, 1, 0], changed=np.array([0.05, 0.0005, 0.001, 0.0]))
    by_change = evaluate_scores(scores).by_change
    assert {name: (group.images, group.auc, group.accuracy) for name, group in by_change.items()} == {
        "changed to 0.1%": (1, 1.0, 0.0),
        "changed to 0.3%": (1, 1.0, 1.0),
        "changed more": (1, 1.0, 1.0),
    }


def test_mean_ap_averages_over_ten_thresholds() -> None:
    scores = scored([0.9, 0.1], [1, 0], box_iou=np.array([0.72, 0.0]))
    assert box_ap(scores, (0.5,)) == 1.0
    assert evaluate_scores(scores).overall.box_ap_mean == pytest.approx(0.5)  # 0.5, 0.55, ..., 0.7


def test_pck_is_the_mean_over_images_that_have_matches_to_judge() -> None:
    pck = np.array([[0.0, 0.5, 1.0], [np.nan] * 3, [1.0, 1.0, 1.0]])
    overall = evaluate_scores(scored([0.1, 0.2, 0.3], [0, 0, 1], pck=pck, closest=np.array([1.0, 0.0, 1.0]))).overall
    assert overall.pck == {"0.05": 0.5, "0.1": 0.75, "0.15": 1.0}
    assert overall.closest_view == pytest.approx(2 / 3)


def test_joined_scores_are_those_of_all(few: int = 5) -> None:
    scores = scored(list(np.linspace(0.1, 0.9, few)), [0, 1, 0, 1, 1], closest=np.ones(few))
    parts = [scores.select(np.arange(rank, few, 2)) for rank in (0, 1)]
    assert evaluate_scores(parts[0].joined(parts[1:])) == evaluate_scores(scores)


def test_ap_of_maps_equals_the_sum_of_precision_over_every_changed_pixel() -> None:
    generator = np.random.default_rng(0)
    changed = generator.random((3, 6, 6)) < 0.3
    logit = np.round(generator.normal(changed * 2.0, 1.5) * LEVELS / (2 * LOGITS)) / (LEVELS / (2 * LOGITS)) + 1e-6
    counts = np.stack([count_levels(*pair) for pair in zip(logit, changed, strict=True)])
    scores = scored([0.5] * 3, [0, 1, 1], map_counts=counts)
    precisions = [changed[logit >= value].mean() for value in logit[changed]]
    assert map_ap(scores) == pytest.approx(np.mean(precisions))
    right = np.stack([count_levels(np.where(c, 5.0, -5.0), c) for c in changed])
    assert map_ap(scored([0.5] * 3, [0, 1, 1], map_counts=right)) == 1.0
    none = scored([0.5], [0], map_counts=count_levels(logit[0], np.zeros((6, 6), dtype=bool))[None])
    assert map_ap(none) is None and map_ap(scored([0.5], [0])) is None


def test_cameras_parts_and_types_count_where_they_are_known() -> None:
    scores = scored(
        [0.1, 0.9, 0.8, 0.7],
        [0, 1, 1, 1],
        pose_error=np.array([0.0, 5.0, 5.1, 180.0]),
        part_right=np.array([np.nan, 1.0, 0.0, 0.0]),
        type_right=np.array([np.nan, 1.0, 1.0, 0.0]),
    )
    found = evaluate_scores(scores)
    assert (found.overall.pose, found.overall.part, found.overall.type) == pytest.approx((0.5, 1 / 3, 2 / 3))
    assert found.by_type["normal"].pose == 1.0 and found.by_type["normal"].part is None
    plain = evaluate_scores(scored([0.1, 0.9], [0, 1])).overall
    assert plain.pose is plain.part is plain.type is plain.map_ap is None
