"""What an image's row of ``queries/`` says of its anomalies."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.format.boxes import bounding_box
from pipeline.format.combine import combine, join_labels, region
from pipeline.format.labels import LABELS
from pipeline.format.schema import TEXT_BYTES, AnomalyRecord

SHAPE = (12, 16)
spans = st.integers(0, 10).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, 12)))
labels = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)


def rectangle(rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[slice(*rows), slice(*columns)] = 255
    return mask


@st.composite
def records(draw: st.DrawFn) -> AnomalyRecord:
    kind = draw(st.sampled_from(["positional", "missing", "swapped"]))
    old = rectangle(draw(spans), draw(spans))
    new = np.zeros_like(old) if kind == "missing" else rectangle(draw(spans), draw(spans))
    box = np.array(bounding_box(old if kind == "missing" else new), dtype=np.float32)
    return AnomalyRecord(LABELS.index(kind), draw(labels), box, new, old)


def test_without_anomalies_an_image_is_normal_and_its_numbers_are_zero() -> None:
    nothing = combine((), SHAPE)
    assert (nothing.type_name, nothing.part_label, nothing.bbox.tolist()) == ("normal", "", [0, 0, 0, 0])
    assert nothing.mask_new.shape == nothing.mask_old.shape == SHAPE
    assert not nothing.mask_new.any() and not nothing.mask_old.any()


@given(records())
def test_the_only_anomaly_is_the_whole(anomaly: AnomalyRecord) -> None:
    assert combine([anomaly], SHAPE) is anomaly
    np.testing.assert_array_equal(region([anomaly], SHAPE), anomaly.region)


@settings(deadline=None)
@given(st.lists(records(), min_size=2, max_size=4))
def test_several_anomalies_are_unions_in_a_tight_box(anomalies: list[AnomalyRecord]) -> None:
    whole = combine(anomalies, SHAPE)
    assert whole.type_name == "several"
    for name in ("mask_new", "mask_old"):
        shown = getattr(whole, name)
        assert shown.dtype == np.uint8 and set(np.unique(shown)) <= {0, 255}
        np.testing.assert_array_equal(shown > 0, np.any([getattr(a, name) > 0 for a in anomalies], axis=0))
    assert tuple(whole.bbox.tolist()) == bounding_box(region(anomalies, SHAPE))
    assert whole.bbox.dtype == np.float32


def test_types_keep_the_names_of_their_file() -> None:
    names = ("normal", "several", "bent")
    mask = rectangle((1, 3), (2, 4))
    anomaly = AnomalyRecord(2, "leg", np.zeros(4, np.float32), mask, mask, names)
    whole = combine([anomaly, anomaly], SHAPE)
    assert (whole.anomaly_type, whole.type_name) == (1, "several")


@given(st.lists(labels, max_size=5))
def test_labels_are_listed_as_far_as_a_text_reaches(parts: list[str]) -> None:
    joined, whole = join_labels(parts), "; ".join(parts)
    assert len(joined.encode()) <= TEXT_BYTES
    if len(whole.encode()) <= TEXT_BYTES:
        assert joined == whole
    else:
        assert joined.endswith("…") and whole.startswith(joined[:-1])
        # No more than one character of at most four bytes, and the ellipsis, are given up.
        assert len(joined.encode()) > TEXT_BYTES - 4


def test_labels_are_not_cut_inside_a_character() -> None:
    assert join_labels(["x" * 250, "椅子"]) == "x" * 250 + "; …"
    assert join_labels(["chair_seat", "chair_arm"]) == "chair_seat; chair_arm"
