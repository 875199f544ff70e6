"""What several models are made of."""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float, UInt8
from torch import Tensor, nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers from ``widths[0]`` through to ``widths[-1]`` channels, with ReLU between them.

    >>> mlp(2, 8, 1)
    Sequential(
      (0): Linear(in_features=2, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def in_colour(gray: UInt8[Tensor, "image height width"]) -> UInt8[Tensor, "image 3 height width"]:
    """The gray level as red, green and blue."""
    return gray[:, None].expand(-1, 3, -1, -1)


def as_patches(features: Float[Tensor, "image channel row column"]) -> Float[Tensor, "image patch channel"]:
    """Maps as lists of their patches, row by row."""
    return features.flatten(2).transpose(1, 2)


class ClassificationHead(nn.Module):
    """The logit of an anomaly from [tok]; with a patch head, plus the mean of the highest logits of patches."""

    HIGHEST = 4  # patches

    def __init__(self, dim: int, patch_head: bool) -> None:
        super().__init__()
        self.image = nn.Linear(dim, 1)
        self.patches = nn.Linear(dim, 1) if patch_head else None

    def forward(
        self, tok: Float[Tensor, "batch channel"], patches: Float[Tensor, "batch patch channel"]
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch patch"] | None]:
        """Logits of images and, with a patch head, of patches."""
        logit = self.image(tok).squeeze(-1)
        if self.patches is None:
            return logit, None
        patch_logits = self.patches(patches).squeeze(-1)
        return logit + patch_logits.topk(min(self.HIGHEST, patches.shape[1])).values.mean(-1), patch_logits


class BoxHead(nn.Module):
    """The four-layer perceptron that regresses the anomaly's box (paper, section 4)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = mlp(dim, dim, dim, dim, 4)

    def forward(self, feature: Float[Tensor, "batch channel"]) -> Float[Tensor, "batch 4"]:
        """Boxes (cx, cy, w, h) in shares of the image."""
        box: Float[Tensor, "batch 4"] = self.layers(feature).sigmoid()
        return box
