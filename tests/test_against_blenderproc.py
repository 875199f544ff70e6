"""What ``benchmarks.blenderproc`` computes from its runs, and what it says without BlenderProc."""

from __future__ import annotations

import sys
from math import log2
from pathlib import Path

import numpy as np
import pytest

from benchmarks.blenderproc import MOST_SAMPLES, find_samples, psnr
from benchmarks.blenderproc_tools import Setting, blenderproc_version
from pipeline.errors import PipelineError

FIRST = Setting("tool", 8, "none")


def test_psnr_counts_the_masked_pixels_alone() -> None:
    truth = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    image = np.full_like(truth, 200)
    image[0, 0, 0] = 51  # a fifth of the range: 14 dB
    mask = np.array([[[True, False], [False, False]]])
    assert psnr(image, truth, mask) == pytest.approx(10 * np.log10(25))


@pytest.mark.parametrize("wanted", [1, 3, 6, 8, 11, 24, 100])
def test_fewest_samples_are_found_on_either_side_of_the_first_try(wanted: int) -> None:
    found = find_samples(lambda setting: 20 + 3 * log2(setting.samples), FIRST, 20 + 3 * log2(wanted) - 1e-9)
    assert found == Setting("tool", wanted, "none")


def test_a_target_that_no_sample_count_reaches_gives_none() -> None:
    tried = []

    def poor(setting: Setting) -> float:
        tried.append(setting.samples)
        return 10.0

    assert find_samples(poor, FIRST, 36.0) is None
    assert max(tried) == MOST_SAMPLES


@pytest.mark.parametrize("python", [Path(sys.executable), Path("no-such-python")])
def test_an_interpreter_without_blenderproc_is_refused_in_one_line(python: Path) -> None:
    with pytest.raises(PipelineError, match=r"benchmarks/blenderproc\.py says") as refusal:
        blenderproc_version(python)
    assert str(python) in str(refusal.value) and "\n" not in str(refusal.value)
