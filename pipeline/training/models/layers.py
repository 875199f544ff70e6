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


class ClassificationHead(nn.Module):
    """The logit of an anomaly from [tok]; with a patch head, plus the mean of the highest logits of patches."""

    HIGHEST = 4  # patches

    def __init__(self, dim: int, patch_head: bool) -> None:
        super().__init__()
        self.image = nn.Linear(dim, 1)
        self.patches = nn.Linear(dim, 1) if patch_head else None

    def forward(self, tok: Tensor, patches: Tensor) -> tuple[Tensor, Tensor | None]:
        """tok (b, dim) and patches (b, t, dim) to logits of images (b,) and, with a patch head, of patches (b, t)."""
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

    def forward(self, feature: Tensor) -> Tensor:
        """(b, dim) to (b, 4) boxes (cx, cy, w, h) in shares of the image."""
        box: Tensor = self.layers(feature).sigmoid()
        return box
