"""3DPE: where in the world each patch of each view lies (paper, section 4)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pipeline.training.models.layers import mlp


def fourier_features(xyz: Float[Tensor, "*point 3"], octaves: int) -> Float[Tensor, "*point 3*(1+2*{octaves})"]:
    """The raw coordinates, then sin and cos of 2^i pi x for every octave i < ``octaves``.

    After Mildenhall et al., ECCV 2020, Eq. 4, with the raw coordinate included as the authors of CMT do.

    >>> fourier_features(torch.zeros(3), octaves=1)
    tensor([0., 0., 0., 0., 0., 0., 1., 1., 1.])
    """
    frequencies = torch.pi * 2.0 ** torch.arange(octaves, dtype=xyz.dtype, device=xyz.device)
    phase = (frequencies[:, None] * xyz[..., None, :]).flatten(-2)
    return torch.cat([xyz, phase.sin(), phase.cos()], dim=-1)


class PositionEncoding(nn.Module):
    """Fourier features of a position, through a two-layer perceptron, to ``dim`` channels."""

    def __init__(self, octaves: int, dim: int) -> None:
        super().__init__()
        self.octaves = octaves
        self.project = mlp(3 * (1 + 2 * octaves), dim, dim)

    def forward(self, xyz: Float[Tensor, "*point 3"], valid: Bool[Tensor, "*point"]) -> Float[Tensor, "*point channel"]:
        """Of world positions; zero where ``valid`` is false, whatever ``xyz`` holds."""
        encoded: Float[Tensor, "*point channel"] = self.project(fourier_features(xyz, self.octaves))
        return encoded.masked_fill(~valid[..., None], 0.0)
