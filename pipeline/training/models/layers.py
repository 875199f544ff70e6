"""What several models are made of."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers from ``widths[0]`` through to ``widths[-1]`` channels, with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class BoxHead(nn.Module):
    """The four-layer perceptron that regresses the anomaly's box (paper, section 4)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = mlp(dim, dim, dim, dim, 4)

    def forward(self, feature: Tensor) -> Tensor:
        """(b, dim) to (b, 4) boxes (cx, cy, w, h) in shares of the image."""
        box: Tensor = self.layers(feature).sigmoid()
        return box
