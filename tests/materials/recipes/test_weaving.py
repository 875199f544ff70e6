"""Drafts against the definitions of the weaves."""

from __future__ import annotations

import numpy as np
import pytest

from materials.noise import Canvas
from materials.recipes.weaving import PERIOD, Draft, draft, interlace
from pipeline.errors import PipelineError
from pipeline.seeding import rng


def test_plain_weave_alternates_in_both_directions() -> None:
    assert draft("plain").tolist() == [[True, False], [False, True]]


def test_twill_moves_one_thread_a_row() -> None:
    twill = draft("twill")
    for row in range(3):
        np.testing.assert_array_equal(twill[row + 1], np.roll(twill[row], 1))


def test_herringbone_mirrors_itself_at_its_spine() -> None:
    herringbone = draft("herringbone")
    np.testing.assert_array_equal(herringbone, herringbone[:, ::-1])


def test_satin_weft_shows_once_in_every_row_and_column() -> None:
    weft_on_top = ~draft("satin")
    assert (weft_on_top.sum(axis=0) == 1).all() and (weft_on_top.sum(axis=1) == 1).all()


@pytest.mark.parametrize("name", list(PERIOD))
def test_upper_thread_at_every_crossing_is_the_drafts(name: Draft) -> None:
    threads = 16 if name != "satin" else 20
    weave = interlace(Canvas(320 if name == "satin" else 256, rng(0, "w")), name, threads, wobble=0.0)
    step = len(weave.height) // threads
    centres = np.s_[step // 2 :: step, step // 2 :: step]
    expected = np.tile(draft(name), (threads // PERIOD[name],) * 2)
    np.testing.assert_array_equal(
        weave.warp_on_top[centres], expected[weave.weft[centres] % threads, weave.warp[centres]]
    )
    assert sorted(np.unique(weave.warp)) == list(range(threads))


def test_thread_count_that_would_leave_a_seam_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"41 threads of 'twill'.*multiple of 4"):
        interlace(Canvas(256, rng(0, "w")), "twill", 41, wobble=0.0)


@pytest.mark.parametrize("name", ["crepe", "hopsack", "rib", "diamond", "basket"])
def test_warp_and_weft_share_the_surface(name: Draft) -> None:
    assert draft(name).mean() == 0.5


def test_crepe_has_no_float_longer_than_three() -> None:
    pattern = np.tile(draft("crepe"), (2, 2))
    for threads in (pattern, pattern.T):
        for row in threads:
            runs = np.diff(np.flatnonzero(np.diff(row.astype(int))))
            assert runs.max() <= 3
