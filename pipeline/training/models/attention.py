"""Self-attention, and cross-attention to the k most similar view patches (paper Eqs. 3-12).

The cross-attention gathers the kept keys before it multiplies, so memory and time grow with k and not
with the number of view patches. The tests hold it against a dense masked attention.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeptKeys(NamedTuple):
    """Which keys each token attends to.

    rows: (b, t, k) int64, which of the keys; kept: (b, t, k) bool, false where fewer than k keys exist.
    """

    rows: Tensor
    kept: Tensor


def select_keys(similarity: Tensor, key_valid: Tensor, k: int) -> KeptKeys:
    """The k valid keys most similar to each query patch, with a row for [tok] put first (Eq. 12).

    similarity: (b, t, n), M of Eq. 12; key_valid: (b, n) bool. Returns rows for 1 + t tokens.
    [tok] is no patch and has no descriptor: it keeps the view patches that any query patch matches best,
    so its similarity to a key is the largest over the query's patches.
    """
    scores = similarity.detach().masked_fill(~key_valid[:, None], -torch.inf)
    k = min(k, scores.shape[-1])
    tok, patches = scores.amax(dim=1, keepdim=True).topk(k), scores.topk(k)
    kept = torch.cat([tok.values, patches.values], dim=1) > -torch.inf
    return KeptKeys(torch.cat([tok.indices, patches.indices], dim=1), kept)


class SelfAttention(nn.Module):
    """Multi-head self-attention over tokens, (b, t, dim) to (b, t, dim)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class TopKCrossAttention(nn.Module):
    """Multi-head attention in which every token sees only its own kept keys (Eqs. 4-6, 10, 11)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, keys: Tensor, selection: KeptKeys) -> Tensor:
        """tokens (b, t, dim) and keys (b, n, dim) to (b, t, dim); a token without kept keys gets out(0)."""
        query = self.query(tokens).unflatten(-1, (self.heads, -1))  # b t h c
        key = gather_rows(self.key(keys), selection.rows).unflatten(-1, (self.heads, -1))  # b t k h c
        value = gather_rows(self.value(keys), selection.rows).unflatten(-1, (self.heads, -1))
        score = (query[:, :, None] * key).sum(-1) * query.shape[-1] ** -0.5  # b t k h
        dropped = ~selection.kept[..., None]
        weight = score.masked_fill(dropped, torch.finfo(score.dtype).min).softmax(dim=2).masked_fill(dropped, 0.0)
        return self.out((weight[..., None] * value).sum(2).flatten(2))


def gather_rows(rows: Tensor, index: Tensor) -> Tensor:
    """rows (b, n, c) and index (b, ...) int64 to (b, ..., c): each batch element picks among its own rows."""
    offset = torch.arange(len(rows), device=rows.device) * rows.shape[1]
    flat = (index + offset.view(-1, *[1] * (index.dim() - 1))).flatten()
    return rows.flatten(0, 1).index_select(0, flat).view(*index.shape, rows.shape[-1])
