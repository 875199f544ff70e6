"""Baselines that never see the reference shape (paper, Table 2): what a photo alone gives away."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.training.config import QueryOnlyConfig, ViTConfig
from pipeline.training.models.encoder import ResNet18FPN, normalised
from pipeline.training.models.interface import Inputs, Model, Prediction
from pipeline.training.models.layers import BoxHead, ClassificationHead


class QueryOnly(Model):
    """ResNet18-FPN, and either the mean over its patches or self-attention blocks that a [tok] reads them through."""

    def __init__(self, config: QueryOnlyConfig) -> None:
        super().__init__()
        self.encoder = ResNet18FPN(config.encoder_width, config.dim)
        self.tok = nn.Parameter(torch.randn(config.dim) * 0.02) if config.blocks else None
        self.blocks = _transformer(config, config.blocks, pre_norm=False)
        self.classify = ClassificationHead(config.dim, config.patch_head)
        self.locate = BoxHead(config.dim) if config.box_head else None

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        patches = self.encoder(inputs.image).flatten(2).transpose(1, 2)
        if self.tok is None:
            return _predict(patches.mean(dim=1), patches, self.classify, self.locate)
        return _read(self.blocks(_put_first(self.tok, patches)), self.classify, self.locate)


class ViT(Model):
    """A vision transformer (Dosovitskiy et al., ICLR 2021), with fixed sinusoidal positions: any image size will do."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.patch = config.patch
        self.embed = nn.Conv2d(3, config.dim, config.patch, config.patch)
        self.tok = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.blocks = _transformer(config, config.blocks, pre_norm=True)
        self.norm = nn.LayerNorm(config.dim)
        self.classify = ClassificationHead(config.dim, patch_head=False)
        self.locate = BoxHead(config.dim) if config.box_head else None

    def forward(self, inputs: Inputs, seen: tuple[Tensor, ...] = ()) -> Prediction:
        height, width = inputs.image.shape[-2:]
        if height % self.patch or width % self.patch:
            raise PipelineError(f"model.patch = {self.patch} does not divide images of {height}x{width} pixels")
        patches = self.embed(normalised(inputs.image))
        dim, rows, columns = patches.shape[1:]
        tokens = patches.flatten(2).transpose(1, 2) + grid_positions(rows, columns, dim).to(patches)
        return _read(self.norm(self.blocks(_put_first(self.tok, tokens))), self.classify, self.locate)


def grid_positions(height: int, width: int, dim: int) -> Float[Tensor, "{height}*{width} {dim}"]:
    """Sines and cosines of the row in one half of the channels, of the column in the other.

    As Vaswani et al. (2017, section 3.5), along both axes; ``dim`` is a multiple of 4.

    >>> grid_positions(1, 2, 4)[1]  # sin row, sin column, cos row, cos column
    tensor([0.0000, 0.8415, 1.0000, 0.5403])
    """
    frequency = 10_000.0 ** -(torch.arange(dim // 4) / (dim // 4))
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    phase = torch.cat([axis.reshape(-1, 1) * frequency for axis in (y, x)], dim=-1)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


def _transformer(config: QueryOnlyConfig | ViTConfig, blocks: int, pre_norm: bool) -> nn.Sequential:
    """Pre-norm as in ViT, or post-norm as in CMT's blocks."""
    return nn.Sequential(
        *(
            nn.TransformerEncoderLayer(
                config.dim, config.heads, config.feed_forward, dropout=0.0, batch_first=True, norm_first=pre_norm
            )
            for _ in range(blocks)
        )
    )


def _put_first(
    tok: Float[Tensor, " channel"], patches: Float[Tensor, "batch patch channel"]
) -> Float[Tensor, "batch 1+patch channel"]:
    return torch.cat([tok.expand(len(patches), 1, -1), patches], dim=1)


def _read(
    tokens: Float[Tensor, "batch token channel"], classify: ClassificationHead, locate: BoxHead | None
) -> Prediction:
    return _predict(tokens[:, 0], tokens[:, 1:], classify, locate)


def _predict(
    feature: Float[Tensor, "batch channel"],
    patches: Float[Tensor, "batch patch channel"],
    classify: ClassificationHead,
    locate: BoxHead | None,
) -> Prediction:
    logit, patch_logits = classify(feature, patches)
    return Prediction(logit, None if locate is None else locate(feature), patch_logits=patch_logits)
