"""Pictures of matches: what each colour says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.training.evaluation.correspondence import ViewMatches
from pipeline.training.evaluation.pictures import GAP, MARK, RIGHT, SCALE, UNKNOWN, WRONG, _attended, draw_matches
from tests.training.models.zoo import predict_exactly, random_inputs, similarity_of, tiny_model
from tests.training.synthetic import TINY_CMT

SIZE = 32  # pixels: 4 x 4 patches


def drawn(errors: NDArray[np.float64], attended: NDArray[np.bool_] | None = None) -> Image.Image:
    """Three matches of the diagonal's patches, level, in the second of two blank views, which scores higher."""
    similarity = np.tile(np.array([0.2, 0.8], dtype=np.float32), (16, 1))
    patch = np.tile(np.arange(16)[:, None], (1, 2))
    none = np.zeros((2, 16), bool)
    white = np.full((2, SIZE, SIZE), 255, np.uint8)
    return draw_matches(
        np.full((SIZE, SIZE, 3), 255, np.uint8),
        white,
        ViewMatches(similarity, patch),
        np.array([0, 5, 10]),
        none if attended is None else attended,
        errors,
    )


def test_a_line_is_green_where_the_match_is_right_red_where_wrong_gray_where_nobody_knows() -> None:
    picture = drawn(np.array([0.1, 0.11, np.nan]))
    between = SIZE * SCALE + GAP // 2  # no panel is there, only lines
    colours = [picture.getpixel((between, (8 * row + 4) * SCALE)) for row in range(4)]
    assert colours == [RIGHT, WRONG, UNKNOWN, (255, 255, 255)]


@pytest.mark.parametrize(("view", "place"), [(1, 0), (0, 1)])
def test_attended_patches_are_framed_in_the_view_that_they_are_in(view: int, place: int) -> None:
    attended = np.zeros((2, 16), bool)
    attended[view, 3] = True
    pixels = np.asarray(drawn(np.full(3, np.nan), attended))
    step = SIZE * SCALE + GAP
    _, columns = np.nonzero((pixels == MARK).all(-1))
    assert len(columns) and set(columns // step) == {1 + place}
    assert columns.min() % step >= 3 * 8 * SCALE  # the last of the row's patches


def test_marked_are_the_view_patches_that_tok_chooses_to_see() -> None:
    """Those most similar to any patch of the query, and none where it sees all."""
    inputs = random_inputs(1)
    prediction = predict_exactly(tiny_model("cmt"), inputs)
    query, views = prediction.query_descriptors, prediction.view_descriptors
    assert query is not None and views is not None
    valid = inputs.views.patch_valid.flatten()
    best = similarity_of(prediction, inputs)[0].amax(0).masked_fill(~valid, -1)
    marked = _attended(query, views, inputs, TINY_CMT)
    assert sorted(np.flatnonzero(marked)) == sorted(best.topk(TINY_CMT.top_k).indices.tolist())
    assert marked.shape == (4, 64)
    for changes in ({"tok_sees_all": True}, {"guided": False}):
        assert not _attended(query, views, inputs, TINY_CMT.model_copy(update=changes)).any()
