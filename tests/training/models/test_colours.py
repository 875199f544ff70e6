"""Comparing without learning, on pictures whose changes are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.training.config import ColoursConfig
from pipeline.training.models.build import new_model
from pipeline.training.models.colours import NEW_WEIGHT, THRESHOLD
from pipeline.training.models.interface import ALIGNED, Inputs, Prediction
from tests.training.models.zoo import random_inputs

SIZE = 96
OBJECT = (slice(30, 70), slice(30, 60))  # 40 x 30 pixels
CUT, ADDED = (slice(54, 70), slice(30, 44)), (slice(40, 50), slice(66, 80))
WOOD, GREY, WHITE = (150, 100, 60), (120, 120, 120), (250, 250, 248)


def compared(image: np.ndarray, reference: np.ndarray) -> Prediction:
    """By the reference's mask alone."""
    aligned = torch.zeros(1, len(ALIGNED), SIZE, SIZE)
    aligned[0, ALIGNED.index("mask")] = torch.from_numpy(reference)
    given = torch.from_numpy(image).permute(2, 0, 1)[None]
    nothing = random_inputs(1)
    inputs = Inputs(given, nothing.object_mask, nothing.views, nothing.chosen, aligned)
    return new_model(ColoursConfig()).eval()(inputs)


def photograph(colour: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """An object with noise on white with a shadow, and its mask."""
    noise = np.random.default_rng(0).normal(0.0, 4.0, (SIZE, SIZE, 3))
    image = np.full((SIZE, SIZE, 3), 252.0)
    image[70:78, 25:65] = 225  # its shadow
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[OBJECT] = True
    image[mask] = colour
    return np.clip(image + noise, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("colour", [WOOD, GREY])
def test_what_is_as_it_should_be_is_normal_in_its_shadow(colour: tuple[int, int, int]) -> None:
    prediction = compared(*photograph(colour))
    assert prediction.logit.item() < -3
    assert prediction.maps is not None and not (prediction.maps[:, 1:] > 0).any()


@pytest.mark.parametrize("colour", [WOOD, GREY])
def test_what_is_gone_shows_the_background_and_its_size_is_the_score(colour: tuple[int, int, int]) -> None:
    image, mask = photograph(colour)
    image[CUT] = 252
    prediction = compared(image, mask)
    assert prediction.logit.item() > 3 and prediction.maps is not None and prediction.box is not None
    gone = (prediction.maps[0, 1] > 0).numpy()
    true = np.zeros_like(gone)
    true[CUT] = True
    assert (gone & true).sum() > 0.75 * true.sum() and not (gone & ~true).any()
    share = np.exp(prediction.logit.item() / 1.5) * THRESHOLD
    assert share == pytest.approx(gone.sum() / mask.sum(), rel=1e-3)
    left, top = (prediction.box[0, :2] - prediction.box[0, 2:] / 2).tolist()
    assert left * SIZE == pytest.approx(30, abs=2.5) and top * SIZE == pytest.approx(54, abs=2.5)


def test_what_is_new_shows_the_objects_colours_and_counts_half() -> None:
    image, mask = photograph(WOOD)
    image[ADDED] = WOOD
    prediction = compared(image, mask)
    assert prediction.logit.item() > 3 and prediction.maps is not None
    new = (prediction.maps[0, 2] > 0).numpy()
    assert new[ADDED].mean() > 0.75 and new.sum() <= 140
    share = np.exp(prediction.logit.item() / 1.5) * THRESHOLD
    assert share == pytest.approx(NEW_WEIGHT * new.sum() / mask.sum(), rel=1e-3)


def test_of_a_white_object_on_white_nothing_is_said() -> None:
    """What cannot be told apart is no evidence of anything."""
    prediction = compared(*photograph(WHITE))
    assert prediction.logit.item() < -3


def test_without_a_reference_it_knows_the_object_and_no_more() -> None:
    image, mask = photograph(WOOD)
    nothing = random_inputs(1)
    given = torch.from_numpy(image).permute(2, 0, 1)[None]
    prediction = new_model(ColoursConfig()).eval()(Inputs(given, nothing.object_mask, nothing.views, nothing.chosen))
    assert prediction.maps is not None
    assert ((prediction.maps[0, 0] > 0).numpy() == mask).mean() > 0.99
    assert not (prediction.maps[0, 1:] > 0).any()
