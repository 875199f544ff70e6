"""Light-field descriptors (Chen et al., Computer Graphics Forum 2003): silhouettes against silhouettes (Table 2)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Complex64, Float
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import LightFieldConfig
from pipeline.training.models.interface import Inputs, Model, Prediction, Views

WHITE = 255  # background of the reference views
GRID = 64  # pixels along the edge of a silhouette in the unit disc
ANGLES = 64  # directions in which the contour is measured


class LightField(Model):
    """The distance of the query's silhouette from the nearest of its shape's views, calibrated by two numbers.

    The descriptor has nothing to learn; scale and offset turn a distance into a logit, so that this baseline goes
    through the same trainer and the same metrics as the others.
    """

    moments: Complex64[Tensor, "moment size size"]

    def __init__(self, config: LightFieldConfig) -> None:
        super().__init__()
        self.harmonics = config.harmonics
        self.register_buffer("moments", zernike_basis(config.order, GRID), persistent=False)
        self.calibrate = nn.Linear(1, 1)
        with torch.no_grad():
            self.calibrate.weight.fill_(1.0)
            self.calibrate.bias.fill_(0.0)

    def look(self, views: Views) -> tuple[Tensor, ...]:
        """Descriptors of the views."""
        return (self._describe(views.image < WHITE),)

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        query = self._describe(inputs.object_mask > 0)
        (every,) = seen or self.look(inputs.views)
        views = every[inputs.chosen]
        nearest = (query[:, None] - views).abs().sum(-1).amin(dim=1)
        return Prediction(self.calibrate(nearest[:, None]).squeeze(-1))

    @torch.no_grad()
    def _describe(self, silhouettes: Bool[Tensor, "image height width"]) -> Float[Tensor, "image descriptor"]:
        """Zernike magnitudes, then Fourier magnitudes of the contour."""
        discs = in_unit_disc(silhouettes, GRID)
        moments = torch.einsum("mij,nij->nm", self.moments, discs.to(self.moments.dtype)).abs()
        area = discs.sum(dim=(1, 2)).clamp(min=1)
        return torch.cat([moments.float() / area[:, None], contour_descriptor(discs, self.harmonics)], dim=-1)


def in_unit_disc(silhouettes: Bool[Tensor, "image height width"], size: int) -> Float[Tensor, "image {size} {size}"]:
    """Centroid in the middle, the farthest pixel on the inscribed circle."""
    height, width = silhouettes.shape[-2:]
    mask = silhouettes.float()
    y, x = torch.meshgrid(
        *(torch.arange(n, device=mask.device, dtype=torch.float32) + 0.5 for n in (height, width)), indexing="ij"
    )
    area = mask.sum(dim=(1, 2)).clamp(min=1)
    centre = torch.stack([(mask * axis).sum(dim=(1, 2)) / area for axis in (x, y)], dim=-1)
    distance = torch.hypot(x - centre[:, 0, None, None], y - centre[:, 1, None, None])
    radius = (distance * mask).amax(dim=(1, 2)).clamp(min=1.0)
    scale = torch.tensor([width, height], device=mask.device) / 2
    theta = torch.zeros(len(mask), 2, 3, device=mask.device)
    theta[:, 0, 0], theta[:, 1, 1] = radius / scale[0], radius / scale[1]
    theta[:, :, 2] = centre / scale - 1
    grid = functional.affine_grid(theta, [len(mask), 1, size, size], align_corners=False)
    return functional.grid_sample(mask[:, None], grid, align_corners=False)[:, 0]


def zernike_basis(order: int, size: int) -> Complex64[Tensor, "moment {size} {size}"]:
    """Conjugate Zernike polynomials V_nl up to ``order`` on the unit disc, 0 outside.

    n - l is even and 0 <= l <= n, without the constant V_00, which is the area (Khotanzad and Hong, PAMI 1990).
    """
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    rho, angle = torch.hypot(x, y), torch.atan2(y, x)
    polynomials = [
        _radial(n, m, rho) * torch.polar(torch.ones_like(angle), -m * angle) * (n + 1) / math.pi
        for n in range(1, order + 1)
        for m in range(n % 2, n + 1, 2)
    ]
    return torch.where(rho <= 1, torch.stack(polynomials), 0).to(torch.complex64)


def contour_descriptor(discs: Float[Tensor, "image size size"], harmonics: int) -> Float[Tensor, "image {harmonics}"]:
    """Fourier magnitudes of how far silhouettes reach in every direction."""
    angle = torch.arange(ANGLES, device=discs.device) * (2 * math.pi / ANGLES)
    rho = (torch.arange(GRID, device=discs.device) + 0.5) / GRID
    grid = torch.stack([rho[:, None] * angle.cos(), rho[:, None] * angle.sin()], dim=-1).expand(len(discs), -1, -1, -1)
    inside = functional.grid_sample(discs[:, None], grid, align_corners=False)[:, 0] > 0.5
    reach = (inside * rho[:, None]).amax(dim=1)
    spectrum = torch.fft.rfft(reach, dim=-1).abs()
    return spectrum[:, 1 : harmonics + 1] / spectrum[:, :1].clamp(min=1e-6)


def _radial(n: int, m: int, rho: Float[Tensor, "size size"]) -> Float[Tensor, "size size"]:
    """R_nm of the Zernike polynomials."""
    total = torch.zeros_like(rho)
    for s in range((n - m) // 2 + 1):
        below = math.factorial(s) * math.factorial((n + m) // 2 - s) * math.factorial((n - m) // 2 - s)
        total += (-1) ** s * math.factorial(n - s) / below * rho ** (n - 2 * s)
    return total
