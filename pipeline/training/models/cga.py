"""Correspondence-guided attention (paper, section 4, Eqs. 2-11)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from pipeline.training.config import CMTConfig
from pipeline.training.models.attention import CrossAttention, KeptKeys, Mask, SelfAttention
from pipeline.training.models.layers import mlp


class CGABlock(nn.Module):
    """One block, normalised after each residual."""

    def __init__(self, config: CMTConfig) -> None:
        super().__init__()
        dim = config.dim
        self.fuse = nn.Linear(2 * dim if config.position else dim, dim)
        inner = config.inner or dim
        self.self_attention = SelfAttention(dim, config.heads, inner)
        self.cross_attention = CrossAttention(dim, config.heads, inner)
        self.feed_forward = mlp(dim, config.feed_forward, dim)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))

    def forward(
        self,
        tokens: Float[Tensor, "batch token channel"],
        views: Float[Tensor, "view patch channel"],
        position: Float[Tensor, "view patch channel"] | None,
        valid: Bool[Tensor, "view patch"],
        chosen: Int64[Tensor, "batch chosen"],
        open_to: KeptKeys | Mask | None,
    ) -> Float[Tensor, "batch token channel"]:
        """The new tokens, [tok] first.

        views: features of their patches; position: None without 3DPE; chosen: each query's views; open_to: which of
        their patches each token sees, None for all valid ones.
        """
        keys = self.fuse(views if position is None else torch.cat([views, position], dim=-1))  # Eq. 2
        tokens = self.norms[0](tokens + self.self_attention(tokens))  # Eq. 3, 7
        tokens = self.norms[1](tokens + self.cross_attention(tokens, keys, valid, chosen, open_to))  # Eqs. 4-6, 8
        return self.norms[2](tokens + self.feed_forward(tokens))  # Eq. 9
