"""CMT, the correspondence matching transformer (Looking 3D, CVPR 2024, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.training.config import ModelConfig
from pipeline.training.models.attention import KeptKeys, SelfAttention, TopKCrossAttention, select_keys
from pipeline.training.models.encoder import ResNet18FPN
from pipeline.training.models.interface import Inputs, Prediction
from pipeline.training.models.layers import mlp
from pipeline.training.models.position import PositionEncoding


class CGABlock(nn.Module):
    """One block of correspondence-guided attention: Eqs. 2-11, normalised after each residual."""

    def __init__(self, dim: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.fuse = nn.Linear(2 * dim, dim)
        self.self_attention = SelfAttention(dim, heads)
        self.cross_attention = TopKCrossAttention(dim, heads)
        self.feed_forward = mlp(dim, feed_forward, dim)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(self, tokens: Tensor, views: Tensor, position: Tensor, selection: KeptKeys) -> Tensor:
        """tokens (b, 1 + t, dim), [tok] first; views and position (b, n, dim). Returns the new tokens."""
        keys = self.fuse(torch.cat([views, position], dim=-1))  # Eq. 2
        tokens = self.norms[0](tokens + self.self_attention(tokens))  # Eq. 3
        tokens = self.norms[1](tokens + self.cross_attention(tokens, keys, selection))
        return self.norms[2](tokens + self.feed_forward(tokens))


class CMT(nn.Module):
    """Query photo and reference views to the probability and the box of an anomaly.

    Works for any number of views and any image whose height and width are multiples of 32. The view
    features that enter every block are the encoder's; each block fuses them with 3DPE anew.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.top_k = config.top_k
        self.encoder = ResNet18FPN(config.encoder_width, config.dim)
        self.position = PositionEncoding(config.octaves, config.dim)
        hidden = config.projector_hidden
        self.projector = mlp(config.dim, hidden, hidden, hidden, config.projector_dim)  # beta
        self.blocks = nn.ModuleList(
            CGABlock(config.dim, config.heads, config.feed_forward) for _ in range(config.blocks)
        )
        self.tok = nn.Parameter(torch.randn(config.dim) * 0.02)
        self.classify = nn.Linear(config.dim, 1)
        self.locate = mlp(config.dim, config.dim, config.dim, config.dim, 4) if config.box_head else None

    def forward(self, inputs: Inputs) -> Prediction:
        batch, count = inputs.views.shape[:2]
        gray = inputs.views.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        features = self.encoder(torch.cat([inputs.image, gray])).permute(
            0, 2, 3, 1
        )  # one pass: one set of batch statistics
        query_patches = features[:batch].flatten(1, 2)
        view_patches = features[batch:].reshape(batch, -1, features.shape[-1])

        query_descriptors = functional.normalize(self.projector(query_patches), dim=-1)
        view_descriptors = functional.normalize(self.projector(view_patches), dim=-1)
        similarity = query_descriptors @ view_descriptors.transpose(1, 2)  # Eq. 12, the same in every block
        selection = select_keys(similarity, inputs.patch_valid.flatten(1), self.top_k)

        position = self.position(inputs.patch_xyz, inputs.patch_valid).flatten(1, 3)
        tokens = torch.cat([self.tok.expand(batch, 1, -1), query_patches], dim=1)
        for block in self.blocks:
            tokens = block(tokens, view_patches, position, selection)
        tok = tokens[:, 0]
        return Prediction(
            logit=self.classify(tok).squeeze(-1),
            box=None if self.locate is None else self.locate(tok).sigmoid(),
            view_descriptors=view_descriptors.reshape(batch, count, *features.shape[1:3], -1),
            similarity=similarity,
        )
