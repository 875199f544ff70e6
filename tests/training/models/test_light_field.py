"""Descriptors of silhouettes against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from pipeline.training.config import LightFieldConfig
from pipeline.training.models.light_field import (
    ANGLES,
    GRID,
    WHITE,
    LightField,
    contour_descriptor,
    in_unit_disc,
    zernike_basis,
)
from tests.training.models.zoo import random_inputs

ORDER = 10


def grid(size: int) -> tuple[Tensor, Tensor]:
    """Radius and angle, (size, size), of pixel centres in [-1, 1]."""
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.hypot(x, y), torch.atan2(y, x)


def chair(degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0), size: int = 256) -> Tensor:
    """(size, size) bool: back, seat and legs of unequal length, turned, scaled and moved about the middle."""
    parts = [(-30, -60, -20, 0), (-30, 0, 30, 10), (-30, 10, -22, 60), (22, 10, 30, 45)]  # x0, y0, x1, y1
    angle = math.radians(degrees)
    image = Image.new("1", (size, size))
    for x0, y0, x1, y1 in parts:
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        ImageDraw.Draw(image).polygon(
            [
                (
                    size / 2 + shift[0] + scale * (x * math.cos(angle) - y * math.sin(angle)),
                    size / 2 + shift[1] + scale * (x * math.sin(angle) + y * math.cos(angle)),
                )
                for x, y in corners
            ],
            fill=1,
        )
    return torch.from_numpy(np.array(image))


def bar(size: int = 256) -> Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[120:136, 60:196] = True
    return mask


def distance(query: Tensor, *views: Tensor) -> float:
    """Distance of a silhouette from the nearest of these: the untrained model's logit."""
    inputs = random_inputs(1, len(views), 256)
    drawn = torch.stack([torch.where(view, 100, WHITE).to(torch.uint8) for view in views])
    shown = inputs._replace(object_mask=query[None].to(torch.uint8) * 255, views=inputs.views._replace(image=drawn))
    return LightField(LightFieldConfig())(shown).logit.item()


def test_the_defaults_are_the_papers_45_coefficients() -> None:
    """35 Zernike moments and 10 Fourier coefficients (Chen et al., 2003, section 3)."""
    config = LightFieldConfig()
    assert zernike_basis(config.order, 8).shape[0] + config.harmonics == 35 + 10


def test_zernike_polynomials_of_low_order_are_the_textbooks() -> None:
    rho, angle = grid(GRID)
    turn = torch.polar(torch.ones_like(angle), -angle)
    textbook = {  # (n, m) in the order of the basis, conjugated and times (n + 1) / pi
        0: 2 / math.pi * rho * turn,  # 1, 1
        1: 3 / math.pi * (2 * rho**2 - 1) + 0j,  # 2, 0
        2: 3 / math.pi * rho**2 * turn**2,  # 2, 2
        3: 4 / math.pi * (3 * rho**3 - 2 * rho) * turn,  # 3, 1
        6: 5 / math.pi * (4 * rho**4 - 3 * rho**2) * turn**2,  # 4, 2
    }
    basis = zernike_basis(4, GRID)
    for number, expected in textbook.items():
        torch.testing.assert_close(
            basis[number], torch.where(rho <= 1, expected, 0).to(torch.complex64), atol=1e-5, rtol=1e-5
        )


def test_zernike_polynomials_are_orthogonal_on_the_disc() -> None:
    size = 512
    basis = zernike_basis(5, size).to(torch.complex128).flatten(1)
    order = torch.tensor([n for n in range(1, 6) for _ in range(n % 2, n + 1, 2)], dtype=torch.float64)
    product = basis @ basis.mH * (2 / size) ** 2  # the integral of ((n + 1) / pi)^2 |V|^2 is (n + 1) / pi
    torch.testing.assert_close(product.real, torch.diag((order + 1) / math.pi), atol=0.02, rtol=0)
    torch.testing.assert_close(product.imag, torch.zeros_like(product.imag), atol=1e-6, rtol=0)


def test_a_full_disc_has_no_moments_and_half_a_disc_those_of_its_integral() -> None:
    size = 512
    rho, angle = grid(size)
    basis = zernike_basis(2, size).to(torch.complex128)
    pixel = (2 / size) ** 2
    disc, half = (rho <= 1).to(basis.dtype), ((rho <= 1) & (angle > 0)).to(basis.dtype)
    full = (basis * disc).sum(dim=(1, 2)) * pixel
    assert full.abs().max() < 0.01
    moments = (basis * half).sum(dim=(1, 2)) * pixel
    assert abs(moments[0].item()) == pytest.approx(2 / math.pi * 2 / 3, abs=0.01)  # int rho^2 = 1/3, int e^(-i a) = -2i
    assert moments[1:].abs().max() < 0.01  # even orders vanish on half a disc


def test_a_silhouette_is_centred_and_scaled_to_the_unit_disc() -> None:
    disc = in_unit_disc(chair(scale=0.7, shift=(40, -25))[None], GRID)[0]
    rho, _ = grid(GRID)
    rows, columns = (disc.sum(dim).double() @ (torch.arange(GRID) + 0.5).double() / disc.sum() for dim in (1, 0))
    assert (rows.item(), columns.item()) == pytest.approx((GRID / 2, GRID / 2), abs=0.3)
    assert rho[disc > 0.5].max() == pytest.approx(1, abs=3 / GRID)


def test_contour_of_a_flower_is_its_one_harmonic() -> None:
    rho, angle = grid(GRID)
    flower = (rho < 0.6 + 0.2 * (3 * angle).cos()).float()
    (found,) = contour_descriptor(flower[None], 8)
    assert found[2].item() == pytest.approx(0.2 / 2 / 0.6, abs=0.02)
    others = torch.cat([found[:2], found[3:]])
    assert others.max() < 0.02


def test_contour_of_a_circle_has_no_harmonics() -> None:
    rho, _ = grid(GRID)
    assert contour_descriptor((rho < 0.8).float()[None], ANGLES // 2).max() < 0.02


def test_equal_silhouettes_are_0_apart_whatever_the_other_views_are() -> None:
    assert distance(chair(), bar(), chair(), bar()) == pytest.approx(0, abs=1e-5)
    assert distance(chair(), bar()) > 0.5


def test_the_distance_is_that_of_the_nearest_view() -> None:
    near, far = chair(scale=0.5), bar()
    assert distance(chair(), near) < distance(chair(), far)
    assert distance(chair(), far, near) == pytest.approx(distance(chair(), near), abs=1e-5)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_and_mirror_images_are_the_same_silhouette(turns: int) -> None:
    assert distance(chair(), torch.rot90(chair(), turns, (0, 1))) < 0.01
    assert distance(chair(), chair().flip(1)) < 0.01


@pytest.mark.parametrize(
    "same",
    [chair(degrees=30), chair(degrees=-77), chair(scale=1.5), chair(scale=0.6), chair(shift=(35, 20))],
    ids=["30 degrees", "-77 degrees", "larger", "smaller", "moved"],
)
def test_turned_scaled_and_moved_silhouettes_are_nearly_the_same(same: Tensor) -> None:
    assert distance(chair(), same) < 0.2 * distance(chair(), bar())


def test_a_missing_leg_is_farther_than_a_turn() -> None:
    whole = chair()
    legless = whole.clone()
    legless[140:, :128] = False
    assert distance(legless, whole) > 3 * distance(chair(degrees=30), whole)


def test_a_photograph_without_an_object_is_far_from_every_view_and_finite() -> None:
    assert 0 < distance(torch.zeros(256, 256, dtype=torch.bool), chair()) < math.inf


def test_two_numbers_calibrate_the_distance_with_the_gradient_of_logistic_regression() -> None:
    model, inputs = LightField(LightFieldConfig(order=6, harmonics=6)), random_inputs()
    distances = model(inputs).logit.detach()  # weight 1 and bias 0 to begin with
    label = torch.tensor([0.0, 1.0, 0.0])
    functional.binary_cross_entropy_with_logits(model(inputs).logit, label).backward()
    slope = distances.sigmoid() - label
    assert [tuple(p.shape) for p in model.parameters()] == [(1, 1), (1,)]
    assert model.calibrate.weight.grad is not None and model.calibrate.bias.grad is not None
    assert model.calibrate.weight.grad.item() == pytest.approx((slope * distances).mean().item(), rel=1e-5)
    assert model.calibrate.bias.grad.item() == pytest.approx(slope.mean().item(), rel=1e-5)
